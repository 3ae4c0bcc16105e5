"""A real Dask cluster on this machine: the same bytes, whatever happens to it."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

import cch_audit
from cch_audit.errors import InputError, LostError
from cch_audit.results.maps import MapReport
from tests.cli.process import PROGRAM, environment, run
from tests.study.conftest import Cluster, write_views

pytestmark = pytest.mark.slow
QUICK = {"estimator": ("ksg",), "surrogates": 1, "resamples": 200}
OPTIONS = ("--estimator", "ksg", "--surrogates", "1", "--resamples", "200")
N_PAIRS = 12
"""Ordered pairs of four representations."""


def rows(report: MapReport) -> str:
    """Return the report as CSV, which knows neither how it was asked for nor how long it took."""
    return report.render("csv")


@pytest.fixture(scope="module")
def expected(views: Path) -> str:
    return rows(cch_audit.map(views, **QUICK, no_cache=True, jobs=1))


@pytest.mark.parametrize("is_kept", [True, False], ids=["shared folder", "parts are sent"])
def test_a_cluster_finds_the_bytes_of_threads(
    views: Path, cluster: Cluster, expected: str, tmp_path: Path, is_kept: bool
) -> None:
    where = {"backend": "dask", "scheduler": cluster.address}
    kept = {"cache": str(tmp_path / "cache")} if is_kept else {"no_cache": True}
    assert rows(cch_audit.map(views, **QUICK, **where, **kept)) == expected


def test_a_worker_that_is_killed_costs_its_tasks_only(
    views: Path, cluster: Cluster, expected: str, tmp_path: Path
) -> None:
    told: list[str] = []

    def progress(what: str, share: float) -> None:
        told.append(what)
        if len(told) == 6:  # after four students and two pairs
            cluster.kill(1)

    found = cch_audit.map(
        views,
        **QUICK,
        backend="dask",
        scheduler=cluster.address,
        cache=str(tmp_path / "cache"),
        progress=progress,
    )
    assert cluster.processes[1].poll() == -signal.SIGKILL
    assert len(told) > 6
    assert rows(found) == expected


def test_without_its_scheduler_a_study_ends_with_a_sentence_and_goes_on_later(
    views: Path, cluster: Cluster, expected: str, tmp_path: Path
) -> None:
    cache = str(tmp_path / "cache")
    told: list[str] = []

    def progress(what: str, share: float) -> None:
        told.append(what)
        if len(told) == 6:
            cluster.kill(0)

    where = {"backend": "dask", "scheduler": cluster.address}
    with pytest.raises(LostError, match="the same command goes on from there") as caught:
        cch_audit.map(views, **QUICK, **where, cache=cache, progress=progress)
    kept = int(str(caught.value).split(". ")[1].split()[0])
    assert 0 < kept < N_PAIRS

    done = run("map", str(views), *OPTIONS, "--cache", cache, "--verbose", "--format", "csv")
    computed, found = _counted(done.stderr)
    assert (computed, found) == (N_PAIRS - kept, kept)
    assert done.stdout == expected


def test_a_lost_scheduler_has_an_exit_code_of_its_own(tmp_path: Path, cluster: Cluster) -> None:
    many = write_views(tmp_path / "many.h5", n=1500)
    command = (*PROGRAM, "map", str(many), "--estimator", "ksg", "--backend", "dask")
    options = ("--scheduler", cluster.address, "--cache", str(tmp_path / "cache"))
    process = subprocess.Popen(
        [*command, *options],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    while len(list((tmp_path / "cache").glob("*/*.npz"))) < 4:  # the first one is the run's own
        assert process.poll() is None
        time.sleep(0.05)
    cluster.kill(0)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == os.EX_TEMPFAIL
    assert stdout == ""
    assert stderr.startswith("error: the Dask scheduler does not answer any more. ")
    assert stderr.count("\n") == 1


def test_processes_find_the_bytes_of_threads(views: Path, expected: str) -> None:
    found = cch_audit.map(views, **QUICK, no_cache=True, backend="processes", jobs=2)
    assert rows(found) == expected


def test_a_process_that_is_killed_costs_its_tasks_only(
    views: Path, expected: str, tmp_path: Path
) -> None:
    told: list[str] = []

    def progress(what: str, share: float) -> None:
        told.append(what)
        if len(told) == 6:
            os.kill(_workers()[0], signal.SIGKILL)

    where = {"backend": "processes", "jobs": 2, "cache": str(tmp_path / "cache")}
    found = cch_audit.map(views, **QUICK, **where, progress=progress)
    assert len(told) > 6
    assert rows(found) == expected


def _workers() -> list[int]:
    """Return the processes of joblib that this one has started."""
    tasks = Path("/proc/self/task").iterdir()
    children = {pid for task in tasks for pid in (task / "children").read_text().split()}
    lines = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children}
    return [int(pid) for pid, line in lines.items() if b"LokyProcess" in line]


def test_an_address_where_nothing_answers_is_refused(views: Path) -> None:
    with pytest.raises(InputError, match="nothing answers there"):
        cch_audit.map(views, **QUICK, backend="dask", scheduler="tcp://127.0.0.1:9")


def test_a_server_that_is_no_scheduler_is_refused(
    views: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("cch_audit.mapping.places.CONNECTING", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(InputError, match="no Dask scheduler; name the address"):
            cch_audit.map(views, **QUICK, backend="dask", scheduler=f"tcp://127.0.0.1:{port}")


def test_an_address_that_dask_cannot_use_is_refused(views: Path) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(InputError, match="dask cannot connect with it"):
        cch_audit.map(views, **QUICK, backend="dask", scheduler="tls://127.0.0.1:9")


def _counted(stderr: str) -> tuple[int, int]:
    """Return how many pairs were computed, and how many found, by the table of --verbose."""
    (line,) = [line for line in stderr.splitlines() if line.endswith("pairs of a study")]
    header = next(line for line in stderr.splitlines() if line.split()[:1] == ["seconds"])
    ends = [header.index(word) + len(word) for word in ("seconds", "computed", "found")]
    _, computed, found = (line[begin:end].strip() for begin, end in zip([0, *ends], ends))
    return int(computed or 0), int(found or 0)
