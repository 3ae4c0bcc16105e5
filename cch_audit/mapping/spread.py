"""The parts of one command on other workers: computed there, they are found by the command here.

`rank`, `sweep`, `confirm` and `forecast` are the same whatever computes their parts. So the parts
of each teacher, and each training run of a size, are computed on the workers of the backend first
and kept; then the command runs as ever, and finds them.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cch_audit.distillation.runs import Training, train_size
from cch_audit.estimators import find
from cch_audit.mapping.places import all_of, pool_of
from cch_audit.mapping.tasks import Place, alone, plain_run, work_at
from cch_audit.running import (
    Progress,
    Run,
    compute_teacher,
    jobs_of,
    list_teachers,
    list_training,
    load,
    measure_student,
)
from cch_audit.work.doing import Spent, Work
from cch_audit.work.keeping import Shelf
from cch_audit.work.packing import Arrays
from cch_audit.work.processes import processes

if TYPE_CHECKING:
    from cch_audit.sample import Sample

MOST_FILES = 2
"""Samples that a worker keeps in memory."""
MOST_BESIDE = 5_000, 2**21
"""Rows and values of a teacher and the student above which threads wait little for each other."""
OF_PROCESS = 1e9
"""Bytes of memory that have to be free for each process."""


@dataclass(frozen=True)
class Part:
    """What one worker does at a time: a teacher, a training run, or what all teachers share."""

    teacher: str | None = None
    training: Training | None = None
    size: int = 0


@dataclass(frozen=True, eq=False)
class Rows:
    """Where a worker gets the rows: the path of a file, or, of arrays, the rows themselves."""

    path: Path | None
    sample: "Sample | None"


@contextmanager
def spread(sample: "Sample", path: Path | None, run: Run, progress: Progress) -> Iterator[Run]:
    """Yield the run, whose parts have been computed by the workers of its backend.

    Parameters
    ----------
    sample : the rows of the command
    path : of the file that they were read from; None: of none, and workers get the rows
    run : its settings
    progress : told what is done and the share of the whole

    Raises
    ------
    InputError
        If the workers cannot be reached.
    LostError
        If they were lost; what was computed is kept.
    """
    if run.where.backend == "threads":
        with _beside(sample, run):
            yield run
        return
    from cch_audit.mapping.study import shared

    rows = Rows(path, sample if path is None else None)
    with shared(run) as (folder, place):
        known: dict[str, Mapping[str, Arrays]] = {}
        work = Work(folder)
        run = replace(run, given_work=work)
        with pool_of(run.where, jobs_of(run), light=path is not None) as pool:

            def each(parts: list[Part], what: str) -> None:
                calls = [
                    partial(do_part, part, plain_run(run), place, rows, known.get("", {}))
                    for part in parts
                ]
                left = len(calls)

                def keep(number: int, done: tuple[dict[str, Arrays], dict[str, Spent]]) -> None:
                    nonlocal left
                    made, spent = done
                    for key, arrays in made.items():
                        folder.keep_arrays(key, arrays)
                    if parts[number] == Part():
                        known[""] = made
                    work.add_spent(spent)
                    left -= 1
                    progress(what, 1 - left / len(calls))

                all_of(pool, calls, keep, _lost(run))

            if not run.only_forecasts:
                each([Part()], "the student")
            each([Part(teacher) for teacher in list_teachers(sample, run)], "teachers")
            if run.trains and not run.own.given and run.training.budget is None:
                trained = list_training(sample, run)
                sizes = [(one, size) for one in trained for size in one.experiment.sizes]
                largest_first = sorted(sizes, key=lambda pair: -pair[1])
                each([Part(None, *pair) for pair in largest_first], "training")
        yield run


@contextmanager
def _beside(sample: "Sample", run: Run) -> Iterator[None]:
    """Let processes beside this one compute parts of an audit that trains networks on few rows.

    Python's lock holds threads that call for little at a time. Processes load what they need while
    this one does; without networks they would still be loading when all is done.
    """
    from cch_audit.auditing.parts import COMPUTED_BY
    from cch_audit.reading.memory import free_memory

    n, views = sample.n_samples, [sample.student, *sample.teachers.values()]
    width = sum(sorted(min(n, view.shape[1]) for view in views)[-2:])
    n_free = min(jobs_of(run) - 1, len(sample.teachers) * 4, int(free_memory() / OF_PROCESS))
    is_small = n <= MOST_BESIDE[0] and n * width <= MOST_BESIDE[1]
    trains = not run.only_forecasts and any(find(name).trains for name in run.audit.estimator)
    if not (is_small and trains) or n_free < 1:
        yield
        return
    with processes(n_free, ("torch", *COMPUTED_BY)) as beside:
        run.work.processes = beside
        try:
            yield
        finally:
            run.work.processes = None


def _lost(run: Run) -> Callable[[], str]:
    """Return what says what is kept."""
    if run.working.no_cache:
        return lambda: "Nothing is kept, as `no_cache` says"
    return lambda: "What was computed is kept; the same command goes on from there"


def do_part(
    part: Part, run: Run, place: Place, rows: Rows, given: Mapping[str, Arrays]
) -> tuple[dict[str, Arrays], dict[str, Spent]]:
    """Compute a part, and return what was made, if the folder is not seen here, and what it took.

    What is refused is refused again by the command itself, in its own words.
    """
    with alone(place):
        work = work_at(place)
        if isinstance(work.folder, Shelf):
            work.folder.put(given)
        run = replace(run, given_work=work)
        sample = rows.sample if rows.sample is not None else _loaded(rows.path, run)
        try:
            if part.training is not None:
                train_size(sample, part.training, part.size, work)
            elif part.teacher is not None:
                compute_teacher(sample, run, part.teacher)
            else:
                measure_student(sample, run)
        except Exception:
            return {}, work.take_spent()
    made = work.folder.take_made() if isinstance(work.folder, Shelf) else {}
    return made, work.take_spent()


_SAMPLES: dict[tuple[object, ...], "Sample"] = {}


def _loaded(path: Path | None, run: Run) -> "Sample":
    """Return the rows of a run, read once by each worker while the files stay as they are."""
    from cch_audit.reading.load import file_digest

    files = () if path is None else tuple(file_digest(str(one)) for one in run.inputs.files(path))
    key = (path, files, run.inputs, run.ranking is not None)
    if path is None or key not in _SAMPLES:
        while len(_SAMPLES) >= MOST_FILES:
            _SAMPLES.pop(next(iter(_SAMPLES)))
        _SAMPLES[key] = load(path, run)
    return _SAMPLES[key]
