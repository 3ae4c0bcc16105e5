"""What a worker does: it reads a pair's rows by their path, audits them, and says what it found."""

import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, is_dataclass, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from cch_audit import results
from cch_audit.errors import InputError
from cch_audit.mapping.plan import Asked, Task
from cch_audit.results import Audit, InputSummary, forecast
from cch_audit.running import Run, audits_alone, load, measure_student, summarize
from cch_audit.settings import WorkSettings
from cch_audit.work.doing import Spent, Work
from cch_audit.work.keeping import Folder, Shelf
from cch_audit.work.packing import Arrays

if TYPE_CHECKING:
    from cch_audit.sample import Sample


@dataclass(frozen=True)
class Found:
    """What was found of one teacher and one student."""

    audit: Audit
    input: InputSummary
    window: int
    warnings: tuple[str, ...]
    """Of the rows that were read."""


RECORDS = tuple(
    {
        one
        for module in (results, forecast)
        for one in vars(module).values()
        if isinstance(one, type) and is_dataclass(one)
    }
    | {Found}
)
"""What a finding is made of."""


@dataclass(frozen=True)
class Place:
    """A folder that workers share, if they see there what the run has put down."""

    path: str
    token: str
    """The key of that."""
    is_local: bool
    """Whether tasks run in the process that planned them."""


@dataclass(frozen=True)
class Done:
    """What a task found, what failed, and what it made for others."""

    found: tuple[tuple[Asked, Found], ...] = ()
    failed: tuple[tuple[Asked, str], ...] = ()
    """With the reason, one sentence."""
    made: Mapping[str, Arrays] = field(default_factory=dict)
    """Parts by their keys, from a worker that does not share the folder."""
    spent: Mapping[str, Spent] = field(default_factory=dict)
    seconds: float = 0.0
    """How long the task took."""


_WORKS: dict[Place, Work] = {}
_LOCK = Lock()


def work_at(place: Place) -> Work:
    """Return what the tasks of a study that run in this process have in common."""
    with _LOCK:
        if place not in _WORKS:
            folder = Folder(Path(place.path))
            shared = folder.find(place.token, ()) is not None
            _WORKS.clear()  # of an earlier study
            _WORKS[place] = Work(folder if shared else Shelf())
        return _WORKS[place]


def do_task(task: Task, run: Run, place: Place, given: Iterable[Mapping[str, Arrays]] = ()) -> Done:
    """Do one task of a study.

    Parameters
    ----------
    task : a pair, or a student's own part
    run : the settings of the study
    place : where parts are kept, if this worker sees it
    given : parts that it does not find there
    """
    started = time.perf_counter()
    with alone(place):
        work = work_at(place)
        if isinstance(work.folder, Shelf):
            for parts in given:
                work.folder.put(parts)
        found, failed = [], []
        for one in task.asked:
            try:
                settings = replace(run, inputs=one.inputs(run.inputs), given_work=work)
                sample = load(Path(one.path), settings)
                if task.kind == "student":
                    measure_student(sample, settings)
                else:
                    found.append((one, _found(sample, settings)))
            except Exception as err:
                failed.append((one, reason(err)))
        work.let_go()
    is_pair = task.kind == "pair"
    made = work.folder.take_made(forget=is_pair) if isinstance(work.folder, Shelf) else {}
    return Done(
        tuple(found),
        tuple(failed),
        {} if is_pair else made,
        work.take_spent(),
        time.perf_counter() - started,
    )


@contextmanager
def alone(place: Place) -> Iterator[None]:
    """Keep a task on one core, whatever the pool around it does."""
    from joblib import parallel_config
    from threadpoolctl import threadpool_limits

    if not place.is_local:
        warnings.simplefilter("ignore")  # as the command line does
    with parallel_config(backend="threading", n_jobs=1), threadpool_limits(1):
        yield


def reason(err: Exception) -> str:
    """Return why a task failed, as a sentence."""
    if isinstance(err, InputError):
        return str(err)
    return f"{type(err).__name__} inside: {err}"


def _found(sample: "Sample", run: Run) -> Found:
    """Audit the one teacher of a sample."""
    (audit,) = audits_alone(sample, run)
    return Found(audit, summarize(sample), sample.window, sample.source.warnings)


def plain_run(run: Run) -> Run:
    """Return the settings of a run as workers take them: one job each, and nothing of its own."""
    return replace(
        run, audit=replace(run.audit, jobs=1), given_work=None, working=WorkSettings(no_cache=True)
    )
