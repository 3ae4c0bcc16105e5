"""Where tasks run: threads, processes or the workers of a Dask cluster, all through joblib."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from queue import Empty, Queue
from threading import Thread
from typing import Any, TypeVar

from cch_audit.errors import InputError, LostError
from cch_audit.settings import BackendSettings
from cch_audit.work.processes import without_warnings

Result = TypeVar("Result")
Pool = Callable[[Sequence[Callable[[], Any]]], Iterator[Any]]
CONNECTING = 10.0
"""Seconds in which a scheduler has to answer, and its first worker to come."""
LOOKING = 0.5
"""Seconds after which is looked whether the scheduler is still there."""
MOST_SILENT = 10.0
"""Seconds without the scheduler after which it is lost; it may only have moved."""


class Broken(Exception):
    """The pool lost workers; what they had not finished can be given to new ones."""


class Gone(Exception):
    """The scheduler does not answer any more."""


@contextmanager
def pool_of(where: BackendSettings, n_jobs: int, *, light: bool) -> Iterator[Pool]:
    """Yield what runs calls side by side and yields what they return, as it comes.

    Parameters
    ----------
    where : the backend, and the scheduler if there is one
    n_jobs : calls at the same time; on a cluster its workers say that
    light : whether calls are small enough to be sent to a scheduler all at once

    Raises
    ------
    InputError
        If there is no such scheduler, it has no workers, or dask is not installed.
    """
    if where.backend == "threads":
        yield lambda calls: _joblib(calls, where.backend, n_jobs)
        return
    if where.backend == "processes":
        with without_warnings():
            try:
                yield lambda calls: _joblib(calls, where.backend, n_jobs)
            finally:
                _end_processes()
        return
    with _client(where.scheduler, n_jobs) as client:
        yield lambda calls: _watched(client, calls, "all" if light else "2*n_jobs")


def _joblib(calls: Sequence[Callable[[], Any]], backend: str, n_jobs: int) -> Iterator[Any]:
    """Run calls in threads or processes, whose libraries have one thread each."""
    from joblib import Parallel, delayed, parallel_config

    threads = backend == "threads"
    bounded = {} if threads else {"inner_max_num_threads": 1}
    with parallel_config("threading" if threads else "loky", n_jobs=n_jobs, **bounded):
        pool = Parallel(batch_size=1, return_as="generator_unordered")
    try:
        yield from pool(delayed(call)() for call in calls)
    except Exception as err:
        # That of loky is one of the standard library's; joblib's own says that the system did it.
        if type(err).__name__ in ("TerminatedWorkerError", "BrokenProcessPool"):
            raise Broken(str(err)) from err
        raise


def _end_processes() -> None:
    """End joblib's processes, which would wait for more to do, and remove what they shared.

    joblib does so when Python ends in order, which a program that is stopped does not.
    """
    from joblib.externals.loky import reusable_executor

    with suppress(Exception):  # another joblib may keep them elsewhere
        reusable_executor._executor.terminate(kill_workers=True)


@contextmanager
def _client(scheduler: str | None, n_jobs: int) -> Iterator[Any]:
    """Yield a client of a scheduler, or of workers that are started here."""
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as err:
        raise InputError(
            "`backend` dask needs dask.distributed, not installed here; run: "
            "pip install 'cch-audit[dask]'"
        ) from err
    with ExitStack() as open_ones:
        open_ones.enter_context(_silence())
        open_ones.enter_context(dask.config.set({"distributed.worker.daemon": True}))
        if scheduler is None:
            threads = {"threads_per_worker": 1, "dashboard_address": None}
            cluster = LocalCluster(n_workers=n_jobs, processes=True, **threads)
            open_ones.callback(_close, cluster)
            client = Client(cluster, set_as_default=False)
        else:
            client = _connected(Client, scheduler)
        open_ones.callback(_close, client)
        _check_workers(client, scheduler)
        yield client


def _close(one: Any) -> None:
    with suppress(Exception):  # what is gone already cannot be closed
        one.close(timeout=2)


def _connected(client: Any, scheduler: str) -> Any:
    """Return a client of a scheduler, which has to answer in time."""
    queue: Queue[Any] = Queue()

    def connect() -> None:
        try:
            queue.put(client(scheduler, timeout=CONNECTING, set_as_default=False))
        except Exception as err:
            queue.put(err)

    # A server of another kind may keep dask waiting for ever, so it waits in a thread of its own.
    Thread(target=connect, daemon=True).start()
    try:
        made = queue.get(timeout=2 * CONNECTING)
    except Empty:
        raise InputError(
            f"`scheduler` {scheduler}: what answers there is no Dask scheduler; name the address "
            "that `dask scheduler` prints, as tcp://host:8786"
        ) from None
    if isinstance(made, (OSError, TimeoutError, ValueError)):
        raise InputError(
            f"`scheduler` {scheduler}: nothing answers there; start a Dask scheduler and name its "
            "address, as tcp://host:8786"
        ) from made
    if isinstance(made, Exception):  # as of a scheme that needs certificates or another package
        why = str(made).replace("`", "'")
        raise InputError(
            f"`scheduler` {scheduler}: dask cannot connect with it ({why}); set up what it asks "
            "for, or name an address as tcp://host:8786"
        ) from made
    return made


def _check_workers(client: Any, scheduler: str | None) -> None:
    """Refuse a cluster without workers, or whose workers could find other numbers."""
    try:
        client.submit(os.getpid, pure=False).result(timeout=CONNECTING)
        there = client.submit(_versions, pure=False).result(timeout=6 * CONNECTING)
    except TimeoutError as err:
        raise InputError(
            f"`scheduler` {scheduler}: no worker came within {CONNECTING:.0f} s; start one"
        ) from err
    except ImportError as err:
        raise InputError(
            f"`scheduler` {scheduler}: its workers do not know cch-audit ({err}); install the same "
            "version there"
        ) from err
    if there != _versions():
        raise InputError(
            f"`scheduler` {scheduler}: its workers have other versions of cch-audit, Python or the "
            "libraries that numbers depend on; install the same ones there and here"
        )


def _versions() -> str:
    """Return what tells one program from another."""
    from cch_audit.work.keys import program

    return program()


@contextmanager
def _silence() -> Iterator[None]:
    """Keep the logs of dask from standard error: what matters is said in one sentence."""
    import logging

    ours = ("distributed", "tornado", "asyncio")
    loggers = [logging.getLogger(name) for name in {*logging.root.manager.loggerDict, *ours}]
    chosen = [one for one in loggers if one.name.partition(".")[0] in ours]
    levels = [one.level for one in chosen]
    for one in chosen:
        one.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for one, level in zip(chosen, levels, strict=True):
            one.setLevel(level)


def _watched(client: Any, calls: Sequence[Callable[[], Any]], ahead: str) -> Iterator[Any]:
    """Run calls on a cluster, and look now and then whether its scheduler is still there."""
    from joblib import Parallel, delayed, parallel_config

    with parallel_config("dask", client=client):
        pool = Parallel(batch_size=1, pre_dispatch=ahead, return_as="generator_unordered")
    queue: Queue[tuple[str, Any]] = Queue()

    def run() -> None:
        try:
            for result in pool(delayed(call)() for call in calls):
                queue.put(("done", result))
            queue.put(("end", None))
        except BaseException as err:
            queue.put(("error", err))

    # joblib may wait for ever for a scheduler that is gone, so it waits in a thread of its own.
    Thread(target=run, daemon=True).start()
    silent_since = None
    while True:
        try:
            what, result = queue.get(timeout=LOOKING)
        except Empty:
            if _answers(client):
                silent_since = None
                continue
            silent_since = silent_since or time.monotonic()
            if time.monotonic() - silent_since > MOST_SILENT or client.status == "closed":
                raise Gone from None
            continue
        if what == "done":
            yield result
        elif what == "end":
            return
        elif not _answers(client):
            raise Gone from result
        elif type(result).__name__ == "KilledWorker":
            raise Broken(str(result)) from result
        else:
            raise result


def _answers(client: Any) -> bool:
    """Whether the scheduler of a client is there."""
    comm = getattr(client, "scheduler_comm", None)
    return client.status == "running" and comm is not None and not comm.comm.closed()


def all_of(
    pool: Pool,
    calls: Sequence[Callable[[], Result]],
    keep: Callable[[int, Result], None],
    lost: Callable[[], str],
) -> None:
    """Run calls, and those again that were lost with their workers, until all have been kept.

    Parameters
    ----------
    pool : what `pool_of` yields
    calls : that can be sent to workers
    keep : told the place of a call and what it returned, as soon as it comes
    lost : says what is kept, where the end comes too early

    Raises
    ------
    LostError
        If the scheduler is gone, or workers die twice in a row before any of them finished a call.
    """
    left = dict(enumerate(calls))
    died_before = False
    while left:
        n_left = len(left)
        try:
            for place, result in pool([_Numbered(place, call) for place, call in left.items()]):
                del left[place]
                keep(place, result)
        except Broken as err:
            if died_before and len(left) == n_left:
                raise LostError(
                    "workers died twice before any of them finished a task, as where memory is "
                    f"short; use fewer `jobs`. {lost()}"
                ) from err
            died_before = len(left) == n_left
        except Gone as err:
            raise LostError(f"the Dask scheduler does not answer any more. {lost()}") from err


class _Numbered:
    """A call that says its place."""

    def __init__(self, place: int, call: Callable[[], Any]) -> None:
        self.place, self.call = place, call

    def __call__(self) -> tuple[int, Any]:
        return self.place, self.call()
