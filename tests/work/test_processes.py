import multiprocessing
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import numpy as np
import pytest

import cch_audit
from cch_audit.mapping import spread
from cch_audit.work.doing import Work
from cch_audit.work.processes import processes, without_warnings
from tests.processes import gone


@pytest.fixture(scope="module")
def beside():
    with processes(1, ()) as found:
        yield found


@pytest.fixture
def work(beside):
    work = Work()
    work.processes = beside
    return work


def busy(barrier):
    barrier.wait()
    return os.getpid()


def test_a_process_is_another_one(work):
    assert work.do("part", (1,), os.getpid, beside=True) != os.getpid()


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs the signals of a terminal")
def test_signals_of_a_terminal_do_not_end_it():
    with processes(1, ()) as beside:
        number = beside.do(os.getpid)
        for sent in (signal.SIGHUP, signal.SIGINT):
            os.kill(number, sent)
        assert beside.do(os.getpid) == number


STARTED = """
import os, time
from cch_audit.work.processes import processes
with processes(1, ()) as beside:
    print(beside.do(os.getpid), flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs to see other processes")
def test_it_ends_with_the_process_that_started_it():
    with subprocess.Popen([sys.executable, "-c", STARTED], stdout=subprocess.PIPE) as process:
        number = int(process.stdout.readline())
        process.kill()
        assert gone(number, seconds=10)


def test_what_has_to_stay_here_does(work):
    assert work.do("part", (1,), os.getpid) == os.getpid()


def test_seconds_and_parts_are_counted_wherever_they_are_computed(work):
    def slow():
        return float(sum(number**0.5 for number in range(300_000)))

    work.do("part", (1,), slow, beside=True)
    spent = work.spent()["part"]
    assert (spent.done, spent.found) == (1, 0)
    assert spent.seconds == work.elsewhere > 0


def test_a_part_inside_another_is_counted_as_what_it_is(work):
    def outer():
        return work.do("inner", (2,), os.getpid)

    assert work.do("outer", (1,), outer, beside=True) != os.getpid()
    assert {"outer", "inner"} == set(work.spent())


def test_what_nobody_else_can_do_is_done_here(work):
    barrier = Barrier(2)  # cannot be sent
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(work.do, "part", (1,), partial(busy, barrier), beside=True)
        barrier.wait()
        assert waiting.result() == os.getpid()


def test_what_is_refused_there_is_refused_here_in_its_own_words():
    def refuse():
        raise ValueError("no such number")

    work = Work()
    with processes(1, ()) as work.processes, pytest.raises(ValueError, match="no such number"):
        work.do("part", (1,), refuse, beside=True)


def test_a_process_that_dies_costs_nothing():
    here = os.getpid()

    def die():
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return here

    work = Work()
    with processes(1, ()) as work.processes:
        assert work.do("part", (1,), die, beside=True) == here
        assert work.do("part", (2,), os.getpid, beside=True) == here


def test_processes_end_with_the_block():
    work = Work()
    with processes(1, ()) as work.processes:
        process = work.do("part", (1,), os.getpid, beside=True)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def has_processes():
    with processes(1, ()) as found:
        return found is not None


def test_a_process_of_a_pool_starts_none():
    assert has_processes()
    with multiprocessing.Pool(1) as pool:
        assert not pool.apply(has_processes)


def test_where_processes_cannot_be_started_there_are_none(monkeypatch):
    def refused(*arguments, **settings):
        raise PermissionError("no semaphores")

    monkeypatch.setattr("joblib.externals.loky.ProcessPoolExecutor", refused)
    assert not has_processes()


@pytest.mark.parametrize("before", [None, "error"])
def test_warnings_are_as_before(monkeypatch, before):
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)
    if before:
        monkeypatch.setenv("PYTHONWARNINGS", before)
    with without_warnings():
        assert os.environ["PYTHONWARNINGS"] == "ignore"
    assert os.environ.get("PYTHONWARNINGS") == before


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 300)
    teacher = rng.normal(size=(300, 3)) + y[:, None]
    student = teacher[:, :2] + rng.normal(size=(300, 2))
    return {"teacher": teacher, "student": student, "labels": y}


def test_an_audit_with_processes_finds_the_same_numbers(rows, monkeypatch):
    calls = []
    made = spread.processes

    def noted(n, modules):
        calls.append(n)
        return made(n, modules)

    monkeypatch.setattr(spread, "processes", noted)
    settings = {"resamples": 200, "no_cache": True}
    one, two = (cch_audit.check(**rows, **settings, jobs=jobs) for jobs in (1, 2))
    assert calls == [1]
    assert one.audits == two.audits


@pytest.mark.parametrize(
    ("estimator", "limit", "value"),
    [
        ("lmi", "MOST_BESIDE", (299, 2**21)),
        ("lmi", "MOST_BESIDE", (300, 1499)),
        ("lmi", "OF_PROCESS", 1e30),
        ("ksg", None, None),
    ],
)
def test_what_gains_nothing_stays_in_one_process(rows, monkeypatch, estimator, limit, value):
    def refused(n, modules):
        raise AssertionError("a process was started")

    if limit:
        monkeypatch.setattr(spread, limit, value)
    monkeypatch.setattr(spread, "processes", refused)
    cch_audit.check(**rows, estimator=estimator, resamples=200, no_cache=True, jobs=2)
