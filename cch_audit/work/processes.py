"""Processes beside this one, for what Python's lock would hold back in threads.

Training networks on few rows is many short calls that need the lock. What is computed elsewhere is
the same, as parts name their random streams.
"""

import os
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import current_process
from threading import Semaphore, Thread
from typing import TYPE_CHECKING, TypeVar

from cch_audit.work.loading import load_modules, without_pandas

if TYPE_CHECKING:
    from joblib.externals.loky import ProcessPoolExecutor

Result = TypeVar("Result")
IDLE = 30.0
"""Seconds without a call after which a process ends."""
WATCH = 0.5
"""Seconds between two looks at whether the process that started it is still there."""


class Processes:
    """Some processes, each of which does one call at a time."""

    def __init__(self, executor: "ProcessPoolExecutor", n: int) -> None:
        """Take what runs them, and how many there are."""
        self._executor, self._free = executor, Semaphore(n)

    def do(self, call: Callable[[], Result]) -> Result | None:
        """Return what a call returns in a process that is free; None if it has to be made here.

        What is refused there, or ends its process, as where memory is short, is for the caller to
        do again; that process gets nothing any more.

        Parameters
        ----------
        call : with all that it refers to can be sent; it does not return None
        """
        if not self._free.acquire(blocking=False):
            return None
        try:
            with _signals_held():  # where a process has ended idle, this starts another
                future = self._executor.submit(_on_one_core, call)
            result: Result = future.result()
        except Exception:
            return None
        self._free.release()
        return result


@contextmanager
def processes(n: int, modules: tuple[str, ...]) -> Iterator[Processes | None]:
    """Yield processes that have begun to import some modules, and end them afterwards.

    Where there can be none, as in one of a pool or without semaphores, yield None.
    """
    executor = _started(n, modules) if current_process().name == "MainProcess" else None
    try:
        yield None if executor is None else Processes(executor, n)
    finally:
        if executor is not None:
            executor.shutdown(kill_workers=True)


def _started(n: int, modules: tuple[str, ...]) -> "ProcessPoolExecutor | None":
    with suppress(ImportError, OSError), without_warnings():
        from joblib.externals.loky import ProcessPoolExecutor

        if os.name == "posix":
            _start_trackers()
        executor = ProcessPoolExecutor(
            n, timeout=IDLE, initializer=_begin, initargs=(modules, os.getpid())
        )
        with _signals_held():
            executor.submit(os.getpid)  # starts them
        return executor
    return None


def _start_trackers() -> None:
    """Start what removes semaphores and folders that are left behind.

    It is started before the processes, as it lets go of signals that were held.
    """
    from multiprocessing import resource_tracker

    from joblib.externals.loky.backend import resource_tracker as its_tracker

    for start in (resource_tracker.ensure_running, its_tracker.ensure_running):
        with _signals_held():
            start()


@contextmanager
def _signals_held() -> Iterator[None]:
    """Hold back the signals of a terminal: what is started meanwhile never gets them.

    They are for this process, which ends all others. One that ended by itself, while it loads or
    while its pipes are written to, would end this process with another code.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def without_warnings() -> Iterator[None]:
    """Silence what watches over joblib's shared folders: it removes them, and would say so."""
    before = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = "ignore"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = before


def _begin(modules: tuple[str, ...], parent: int) -> None:
    """Make a process ready before it is asked anything."""
    Thread(target=_end_with, args=(parent,), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    with without_pandas():
        load_modules(modules)


def _end_with(parent: int) -> None:
    """End this process soon after the one that started it is gone, whatever it is doing."""
    while os.getppid() == parent:
        time.sleep(WATCH)
    os._exit(1)


def _on_one_core(call: Callable[[], Result]) -> Result:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return call()
