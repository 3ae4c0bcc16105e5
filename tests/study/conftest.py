"""Files of a few representations, and a Dask cluster of one scheduler and two workers."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.cli.process import environment

Process = subprocess.Popen[bytes]
STARTING = 120.0
"""Seconds in which a scheduler or a worker has to be there, on a busy machine."""


def write_views(path: Path, n: int = 200, seed: int = 0) -> Path:
    """Write four representations, the last of which knows nothing, and two label sets."""
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((n, 2))
    with h5py.File(path, "w") as file:
        for number, name in enumerate(("audio", "image", "text")):
            noise = 0.2 + 0.4 * number
            file[f"representations/{name}"] = shared + noise * rng.standard_normal((n, 2))
        file["representations/noise"] = rng.standard_normal((n, 3))
        file["labels"] = (shared[:, 0] + 0.3 * rng.standard_normal(n) > 0).astype(np.int64)
        file["second"] = shared[:, 1] + 0.3 * rng.standard_normal(n)
    return path


@pytest.fixture(scope="session")
def views(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_views(tmp_path_factory.mktemp("views") / "views.h5")


@dataclass
class Cluster:
    """A scheduler and workers, each in a process of its own, on this machine."""

    folder: Path
    processes: list[Process] = field(default_factory=list)
    address: str = ""

    def start(self, n_workers: int) -> None:
        """Start the scheduler, and workers that know it."""
        known = self.folder / "scheduler.json"
        local = ("--host", "127.0.0.1")
        self._run("scheduler", *local, "--port", "0", "--scheduler-file", str(known))
        _wait_for(lambda: known.exists() and known.read_text().strip() != "")
        self.address = json.loads(known.read_text())["address"]
        for number in range(n_workers):
            self.add_worker(f"worker-{number}")

    def add_worker(self, name: str) -> None:
        """Start a worker of one thread that nobody starts again."""
        options = ("--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", "--name", name)
        folder = ("--local-directory", str(self.folder))
        self._run("worker", self.address, *options, *folder)

    def kill(self, place: int) -> None:
        """Kill the scheduler (0) or a worker (1, 2) at once."""
        self.processes[place].send_signal(signal.SIGKILL)
        self.processes[place].wait()

    def stop(self) -> None:
        """End what is left."""
        for process in reversed(self.processes):
            if process.poll() is None:
                process.kill()
            process.wait()

    def _run(self, part: str, *arguments: str) -> None:
        command = (sys.executable, "-m", f"distributed.cli.dask_{part}", *arguments)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        changes = {"DASK_DISTRIBUTED__DIAGNOSTICS__NVML": "False", "OMP_NUM_THREADS": "1"}
        self.processes.append(
            subprocess.Popen(
                [*command, "--no-dashboard"],
                env=environment(changes),
                cwd=self.folder,
                **quiet,  # type: ignore[call-overload]
            )
        )


def _wait_for(is_there) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + STARTING
    while not is_there():
        assert time.monotonic() < end, "the scheduler did not start"
        time.sleep(0.05)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Return a cluster of two workers."""
    pytest.importorskip("distributed")
    made = Cluster(tmp_path)
    try:
        made.start(2)
        yield made
    finally:
        made.stop()
