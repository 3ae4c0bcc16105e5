"""A study from its plan to its report: what is known already is found, the rest is computed."""

import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from cch_audit.auditing.verdict import best, decided
from cch_audit.dependence.doubts import as_warnings
from cch_audit.errors import InputError
from cch_audit.mapping.choosing import choices, clustered, lessons
from cch_audit.mapping.places import Pool, all_of, pool_of
from cch_audit.mapping.plan import ARROW, Asked, Matrix, Plan, Task
from cch_audit.mapping.tasks import RECORDS, Done, Found, Place, do_task, plain_run
from cch_audit.results import Verdict
from cch_audit.results.maps import MapReport, PairMatrix, Refusal
from cch_audit.running import CODES, Progress, Run, jobs_of, origin, settings_of
from cch_audit.settings import MapSettings
from cch_audit.work.doing import Spent
from cch_audit.work.keeping import Folder
from cch_audit.work.keys import digest, program
from cch_audit.work.packing import Arrays

PAIRS = "pairs of a study"
"""What pairs are called where the parts of a run are counted."""
ATTEMPTS = 2
"""After so many a pair that fails by its data is refused."""


@dataclass
class Study:
    """What is known of a study while it runs."""

    plan: Plan
    run: Run
    folder: Folder
    place: Place
    progress: Progress
    found: dict[Asked, Found]
    refused: dict[Asked, str]
    made: dict[Asked, Mapping[str, Arrays]]
    """The own parts of students, of workers that do not share the folder."""
    contents: Mapping[str, tuple[str, ...]]
    """Digests of the files of a path, as they were when the study began."""

    def key(self, asked: Asked) -> str:
        """Return what the audit of a pair is kept under: all that it depends on."""
        settings = plain_run(self.run)
        rest = (settings.audit, settings.estimators.sections, settings.training, settings.ranking)
        inputs = asked.inputs(self.run.inputs)
        return digest(program(), PAIRS, inputs, self.contents[asked.path], rest, self.run.trains)

    def lost(self) -> str:
        """Say what is kept, where the end comes too early."""
        n, kept = len(self.plan.asked), len(self.found)
        if self.run.working.no_cache:
            return f"{kept} of {n} pairs were audited, and nothing is kept, as `no_cache` says"
        return f"{kept} of {n} pairs are audited and kept; the same command goes on from there"


def map_report(
    plan: Plan,
    run: Run,
    command: str,
    progress: Progress = lambda what, share: None,
    exit_code: Callable[[Verdict], int] = lambda verdict: CODES[verdict],
) -> MapReport:
    """Audit every pair of a plan that was not audited before, and report on all of them.

    Parameters
    ----------
    plan : of `plan_study`
    run : its settings, checked
    command : what asked for it, for the report
    progress : told what is done and the share of the whole
    exit_code : from the decision to the code of the report

    Raises
    ------
    InputError
        If no pair can be audited.
    LostError
        If the cluster is lost; what was found is kept.
    """
    started = time.perf_counter()
    with shared(run) as (folder, place), threadpool_limits(1):
        contents = {matrix.path: _contents(matrix.path, run) for matrix in plan.matrices}
        study = Study(plan, run, folder, place, progress, {}, {}, {}, contents)
        for asked in plan.asked:
            kept = folder.find(study.key(asked), RECORDS)
            if kept is not None:
                study.found[asked] = kept[0]
        run.work.add_spent({PAIRS: Spent(found=len(study.found))})
        _compute(study)
    matrices = tuple(_matrix(matrix, study) for matrix in plan.matrices)
    audits = [audit for matrix in matrices for audit in matrix.audits]
    if not audits:
        (first, *_) = study.refused.items()
        asked, why = first
        raise InputError(
            f"no pair could be audited; of {asked.teacher} {ARROW} {asked.student}: {why}"
        )
    decision = best([decided(audit, run.gate, run.training.accept) for audit in audits])
    window = next(iter(study.found.values())).window
    return MapReport(
        command=command,
        settings={**settings_of(run), "window": window},
        seed=run.inputs.seed,
        gate=run.gate,
        decision=decision,
        exit_code=exit_code(decision),
        seconds=time.perf_counter() - started,
        matrices=matrices,
        warnings=tuple(dict.fromkeys(text for matrix in matrices for text in matrix.warnings)),
        origin=origin(),
    )


@contextmanager
def shared(run: Run) -> Iterator[tuple[Folder, Place]]:
    """Yield the folder of a run, or one that is gone afterwards, and how workers know it."""
    with tempfile.TemporaryDirectory(prefix="cch-audit-") as temporary:
        folder = run.work.folder
        if not isinstance(folder, Folder):
            folder = Folder(Path(temporary))
        token = digest(uuid.uuid4().hex)
        folder.keep(token, True)
        try:
            place = Place(str(folder.path.resolve()), token, run.where.backend == "threads")
            yield folder, place
        finally:
            folder.drop(token)


def _contents(path: str, run: Run) -> tuple[str, ...]:
    """Return the digests of the files that a matrix is read from."""
    from cch_audit.reading.load import file_digest

    return tuple(file_digest(str(path)) for path in run.inputs.files(Path(path)))


def _check_contents(asked: Asked, found: Found, here: tuple[str, ...]) -> None:
    """Refuse what a worker read from other contents than there are here under the same path."""
    digests = (found.input.sha256, found.input.teacher_sha256 or found.input.sha256)
    if (here[0], here[-1]) != digests:
        raise InputError(
            f"{asked.path}: has other contents on a worker, or was changed during the study; give "
            "all workers the same file"
        )


def _compute(study: Study) -> None:
    """Do the tasks whose pairs are not known: first what all teachers of a student share."""
    todo = _left(study.plan.pairs, study)
    if not todo:
        return
    waiting = {(a.path, a.labels, a.student) for task in todo for a in task.asked}
    own = [
        task
        for task in study.plan.students
        if (task.asked[0].path, task.asked[0].labels, task.asked[0].student) in waiting
    ]
    total = sum(task.seconds for task in (*own, *todo))
    spent = 0.0

    def told(task: Task, what: str) -> None:
        nonlocal spent
        spent += task.seconds
        study.progress(what, min(1.0, spent / total))

    run = study.run
    where, jobs = run.where, jobs_of(run)
    with pool_of(where, jobs, light=True) as pool:

        def keep_own(task: Task, done: Done) -> None:
            study.run.work.add_spent(done.spent)
            study.made[_student(task.asked[0])] = done.made
            told(task, f"student {task.asked[0].student}")

        _each(pool, own, study, keep_own)
        for attempt in range(ATTEMPTS):
            is_last = attempt == ATTEMPTS - 1

            def keep(task: Task, done: Done, is_last: bool = is_last) -> None:
                study.run.work.add_spent({**done.spent})
                study.run.work.add_spent({PAIRS: Spent(done=len(done.found))})
                for asked, found in done.found:
                    _check_contents(asked, found, study.contents[asked.path])
                    study.found[asked] = found
                    if not (run.trains and run.training.budget):  # which time may have ended
                        study.folder.keep(study.key(asked), found)
                if is_last:
                    study.refused.update(done.failed)
                told(task, _title(task))

            _each(pool, todo, study, keep)
            todo = _left(study.plan.pairs, study)
            if not todo:
                return


def _left(tasks: Sequence[Task], study: Study) -> list[Task]:
    """Return the tasks without what is known, the dearest first."""
    some = [
        replace(task, asked=tuple(one for one in task.asked if one not in study.found))
        for task in tasks
    ]
    return sorted((task for task in some if task.asked), key=lambda task: -task.seconds)


def _each(
    pool: Pool, tasks: Sequence[Task], study: Study, keep: Callable[[Task, Done], Any]
) -> None:
    """Do tasks, each with the parts that it would not find."""
    run = plain_run(study.run)
    calls = [
        partial(do_task, task, run, study.place, [*filter(None, map(study.made.get, _own(task)))])
        for task in tasks
    ]
    all_of(pool, calls, lambda place, done: keep(tasks[place], done), study.lost)


def _own(task: Task) -> list[Asked]:
    return [*dict.fromkeys(map(_student, task.asked))]


def _student(asked: Asked) -> Asked:
    """Return what stands for the student of a pair."""
    return Asked(asked.path, asked.labels, "", asked.student)


def _title(task: Task) -> str:
    """Say which pair a task is."""
    one = task.asked[0]
    return f"{one.teacher} and {one.student}"


def _matrix(matrix: Matrix, study: Study) -> PairMatrix:
    """Return what was found for one file and one label set."""
    run, mapping = study.run, study.run.mapping or MapSettings()
    found = {asked: study.found[asked] for asked in matrix.asked if asked in study.found}
    audits = [one.audit for one in found.values()]
    teachers, students = matrix.teachers, matrix.students
    if mapping.order == "clustered":
        teachers, students = clustered(teachers, students, audits)
    places = {name: place for place, name in enumerate(teachers)}
    columns = {name: place for place, name in enumerate(students)}
    audits.sort(key=lambda audit: (places[audit.teacher], columns[audit.student]))
    accept, by = run.training.accept, "gap" if run.ranking is None else run.ranking.by
    return PairMatrix(
        file=matrix.path,
        labels=matrix.labels_name,
        input=next((one.input for one in found.values()), None),
        teachers=teachers,
        students=students,
        audits=tuple(audits),
        refusals=tuple(
            Refusal(asked.teacher, asked.student, study.refused[asked])
            for asked in matrix.asked
            if asked in study.refused
        ),
        lessons=lessons(audits, run.gate, accept),
        choices=choices(audits, students, by, run.gate, accept),
        warnings=tuple(_warnings(found, students)),
    )


def _warnings(found: Mapping[Asked, Found], students: Sequence[str]) -> Iterator[str]:
    """Yield what must be known of the rows, each once, and which verdicts are withheld."""
    yield from dict.fromkeys(text for one in found.values() for text in one.warnings)
    for student in students:
        audits = [one.audit for asked, one in found.items() if asked.student == student]
        for text in as_warnings(audits):
            yield f"Student {student}: {text}"
