"""The bench's side of the workers: a process per environment, asked with a time limit."""

import json
import os
import subprocess
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.bench.peers.environments import interpreter

WORKER = Path(__file__).with_name("worker.py")
ENVIRONMENTS = {
    "npeet ksg": "numpy",
    "infomeasure ksg": "numpy",
    "ennemi ksg": "numpy",
    "scikit-learn ksg": "numpy",
    "bmi ksg": "benchmark-mi",
    "bmi mine": "benchmark-mi",
    "bmi infonce": "benchmark-mi",
    "bmi nwj": "benchmark-mi",
    "mist mine": "torch-mist",
    "mist smile": "torch-mist",
    "mist infonce": "torch-mist",
    "mist mine held out": "torch-mist",
    "mist smile held out": "torch-mist",
    "latentmi": "latentmi",
}
"""By peer; a method that is not listed is one of ours."""


class Workers:
    """Processes that stay alive between requests, so that imports and compilation are paid once."""

    def __init__(self, threads: int) -> None:
        """Let every process use so many threads."""
        self._threads = threads
        self._processes: dict[str, subprocess.Popen[str]] = {}
        # torch-mist saves weights under names that two processes would share.
        self._scratch = tempfile.TemporaryDirectory()

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()
        self._scratch.cleanup()

    def ask(self, method: str, data: Path, seed: int, timeout: float) -> dict[str, Any]:
        """Return the reply of a method on x and y in an .npz file; see `worker.py`."""
        environment = ENVIRONMENTS.get(method, "ours")
        process = self._processes.get(environment) or self._start(environment)
        assert process.stdin is not None and process.stdout is not None  # noqa: PT018
        timer = threading.Timer(timeout, process.kill)
        timer.start()
        try:
            request = {"method": method, "data": os.fspath(data), "seed": seed}
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            reply = process.stdout.readline()
        finally:
            expired = not timer.is_alive()
            timer.cancel()
        if not reply:
            del self._processes[environment]
            return {"error": f"more than {timeout:g} seconds" if expired else "the process died"}
        return dict(json.loads(reply))

    def _start(self, environment: str) -> subprocess.Popen[str]:
        threads = str(self._threads)
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
        flags = f"--xla_cpu_multi_thread_eigen={'true' if self._threads > 1 else 'false'}"
        process = subprocess.Popen(
            [interpreter(environment), WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                **dict.fromkeys(names, threads),
                "XLA_FLAGS": flags,
                "TMPDIR": self._scratch.name,
            },
        )
        self._processes[environment] = process
        return process


def installed(method: str) -> bool:
    """Whether the method's environment has been built."""
    return interpreter(ENVIRONMENTS.get(method, "ours")).exists()
