"""Measuring: every estimator on every information, its halves and its surrogates."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

import numpy as np
from joblib import Parallel, cpu_count, delayed

from cch_audit.auditing.intervals import half
from cch_audit.auditing.log_odds import log_odds
from cch_audit.auditing.parts import Parts
from cch_audit.estimators import find
from cch_audit.estimators.contract import Estimate
from cch_audit.estimators.wide import is_wide
from cch_audit.randomness import stream
from cch_audit.rows import FloatArray, IntArray
from cch_audit.sample import Sample
from cch_audit.settings import AuditSettings, EstimatorSettings, LevelName

Progress = Callable[[str, float], None]
"""Told what has been measured and the share of the work that is done."""
OF_PREDICTIONS = 0.1
"""Share that the estimates from predictions take."""
MORE_SURROGATES = 4
"""Times more surrogates where an estimate costs next to nothing."""
KINDS = {"all": "estimates", "half": "halves", "surrogate": "surrogates"}
"""What the parts of an estimate are called where their seconds are shown."""


@dataclass(frozen=True)
class Information:
    """One mutual information to measure: two variables and the name of the pair."""

    level: str
    name: tuple[str, ...]
    x: FloatArray
    y: FloatArray | IntArray


@dataclass(frozen=True)
class Measured:
    """What one estimator found for one information."""

    estimate: Estimate
    halves: FloatArray
    """(n_halves,) estimates; complementary halves are neighbours."""
    bias: float | None
    """Mean error on surrogates; None when none were drawn."""

    @property
    def drift(self) -> float:
        """Estimate from all rows minus the mean from the first pair of halves."""
        return self.estimate.value - float(self.halves[:2].mean())


@dataclass(frozen=True)
class Measurements:
    """Everything that was estimated from a sample, before any of it is judged."""

    predictions: Mapping[str, FloatArray]
    """By representation: the user's own predictions, or those of a cross-fitted head."""
    student: str
    found: Mapping[tuple[str, ...], Measured]
    """By level, estimator and name of the information."""

    def teacher_student(self, level: str, estimator: str, teacher: str) -> Measured:
        """Return I(teacher; student)."""
        return self.found[level, estimator, "teacher_student", teacher, self.student]

    def knows(self, level: str, estimator: str, teacher: str) -> bool:
        """Return whether both informations of a teacher's gap were estimated."""
        return (level, estimator, "teacher_student", teacher, self.student) in self.found

    def student_labels(self, level: str, estimator: str) -> Measured:
        """Return I(student; labels)."""
        return self.found[level, estimator, "student_labels", self.student]


def measure(
    sample: Sample,
    settings: AuditSettings,
    parts: Parts,
    progress: Progress = lambda what, share: None,
) -> Measurements:
    """Estimate I(teacher; student) of every teacher and, once, I(student; labels), at both levels.

    Parameters
    ----------
    sample : paired rows
    settings : estimators, halves and surrogates
    parts : of this sample; what was computed before is not computed again
    progress : told what is done and the share of the whole
    """
    progress("prediction heads", 0.0)
    heads = _heads(sample, parts)
    of_representations = within(progress, 0.0, 1 - OF_PREDICTIONS)
    # Representations need no predictions: no core waits for the last head.
    found = estimate_all(
        _informations("representations", _representations(sample), sample),
        *(sample, settings, parts, of_representations, tuple(heads.values())),
    )
    predictions = {name: head() for name, head in heads.items()}
    of_predictions = within(progress, 1 - OF_PREDICTIONS, 1.0)
    informations = _informations("predictions", predictions, sample)
    found |= estimate_all(informations, sample, settings, parts, of_predictions)
    return Measurements(predictions, sample.student_name, found)


def within(progress: Progress, start: float, end: float) -> Progress:
    """Return what tells the progress of a part, from one share of the whole to another."""
    return lambda what, share: progress(what, start + (end - start) * share)


def predict(sample: Sample, parts: Parts, n_jobs: int) -> dict[str, FloatArray]:
    """Return each representation's predictions: the user's own, or a cross-fitted head's."""
    heads = _heads(sample, parts)
    found = Parallel(n_jobs=n_jobs, prefer="threads")(delayed(head)() for head in heads.values())
    return dict(zip(heads, found))


def _heads(sample: Sample, parts: Parts) -> dict[str, Callable[[], FloatArray]]:
    """Return what returns each representation's predictions, computed once."""
    labels = sample.labels

    def predict(name: str, x: FloatArray) -> FloatArray:
        own = sample.predictions.get(name)
        if own is not None:
            return log_odds(own) if labels.kind == "classes" else own
        return parts.head(x, labels.values, "student" if name == sample.student_name else "teacher")

    return {name: partial(predict, name, x) for name, x in _representations(sample).items()}


def _representations(sample: Sample) -> dict[str, FloatArray]:
    """Return teachers and student by their names."""
    return {**sample.teachers, sample.student_name: sample.student}


def list_informations(sample: Sample, predictions: Mapping[str, FloatArray]) -> list[Information]:
    """List the informations behind the gaps; the student's own is measured once per level."""
    return [
        *_informations("representations", _representations(sample), sample),
        *_informations("predictions", predictions, sample),
    ]


def _informations(
    level: LevelName, view: Mapping[str, FloatArray], sample: Sample
) -> list[Information]:
    """List those of one level."""
    student, labels = sample.student_name, sample.labels.values
    wanted = [Information(level, ("student_labels", student), view[student], labels)]
    for teacher in sample.teachers:
        name = ("teacher_student", teacher, student)
        # It is the same in both directions, and so is its estimate.
        x, y = (view[side] for side in _in_one_order(teacher, student))
        wanted.append(Information(level, name, x, y))
    return wanted


def _in_one_order(*names: str) -> list[str]:
    """Return the two sides of an information in an order that knows no teacher and no student."""
    return sorted(names, reverse=True)


def estimate_all(
    informations: Sequence[Information],
    sample: Sample,
    settings: AuditSettings,
    parts: Parts,
    progress: Progress,
    others: Sequence[Callable[[], Any]] = (),
) -> dict[tuple[str, ...], Measured]:
    """Run the estimators of each level on its informations; keys are level, estimator and name.

    What else has to be done is called in between, and holds nobody up.
    """
    n_halves = 2 if settings.ci == "pseudo" else settings.half_samples + settings.half_samples % 2
    sides = [
        half(
            sample.n_samples,
            sample.labels.values,
            sample.dependence,
            stream(parts.seed, "half", str(pair)),
        )
        for pair in range(n_halves // 2)
    ]
    halves = [np.flatnonzero(side == number) for side in sides for number in (0, 1)]

    def measured(job: Job) -> Any:
        # Without networks the stream does not know the teacher: all meet the same folds and draws.
        information, name, kind = job.information, job.estimator, job.kind
        level, x, y = information.level, information.x, information.y
        kind_of, *sides = information.name
        own = _in_one_order(*sides) if find(name).trains else ()
        names = (level, kind_of, *own, name, kind)
        if kind == "surrogate":
            drawing = (level, information.name[0], kind)
            return parts.surrogate_errors(job.purpose, name, x, y, job.number, drawing, *names)
        names = (*names, str(job.number))
        if kind == "all":
            return parts.whole(job.purpose, name, x, y, *names)
        return parts.from_half(job.purpose, name, x, y, halves[job.number], *names)

    plan = plan_work(informations, settings, parts.estimators, n_halves)
    costs = [_cost(job, parts.estimators) for job in plan]

    def task(place: int) -> tuple[int, Any]:
        return place, others[place]() if place < 0 else measured(plan[place])

    # The longest first, then what else has to be done.
    order = [0, *range(-len(others), 0), *range(1, len(plan))]
    # Results come as they are done, so that the progress is seen to move; their places order them.
    done = Parallel(n_jobs=n_jobs(settings), prefer="threads", return_as="generator_unordered")(
        delayed(task)(place) for place in order
    )
    results: dict[int, Any] = {}
    spent = 0.0
    for place, result in done:
        if place < 0:
            continue
        results[place] = result
        spent += costs[place]
        progress(f"{plan[place].estimator}, {plan[place].information.level}", spent / sum(costs))
    found: dict[tuple[str, ...], dict[str, list[Any]]] = {}
    for place, job in enumerate(plan):
        key = (job.information.level, job.estimator, *job.information.name)
        found.setdefault(key, {kind: [] for kind in KINDS})[job.kind].append(results[place])
    return {key: _collect(**values) for key, values in found.items()}


@dataclass(frozen=True)
class Job:
    """One run of one estimator."""

    information: Information
    estimator: str
    kind: str
    """A key of `KINDS`."""
    number: int
    """Of the half; of surrogates how many there are at most."""

    @property
    def turn(self) -> tuple[int, int]:
        """Its place among jobs of other rows."""
        kinds = ("surrogate", "all", "half")
        return kinds.index(self.kind), self.number if self.kind == "half" else 0

    @property
    def purpose(self) -> str:
        """What its seconds are spent on."""
        return f"{self.estimator}, {self.information.level}: {KINDS[self.kind]}"


def plan_work(
    informations: Sequence[Information],
    settings: AuditSettings,
    estimators: EstimatorSettings,
    n_halves: int,
) -> list[Job]:
    """List the runs of all estimators, in an order that keeps all cores and little memory busy."""
    plan = []
    for information in sorted(informations, key=_width, reverse=True):
        jobs = [
            Job(information, name, kind, number)
            for name in estimators_at(information.level, settings)
            for kind, numbers in (
                ("all", (0,)),
                ("half", range(n_halves)),
                ("surrogate", (n_surrogates(name, information.level, settings),)),
            )
            for number in numbers
        ]
        # Estimators share the surrogates of an information, so one is finished before the next.
        # Of each the longest first, so that no core waits long at the end; but of many columns
        # they share surrogates, and what they make of all rows and of each half.
        wide = is_wide(information.x)
        jobs.sort(key=lambda job: _cost(job, estimators), reverse=True)
        plan += sorted(jobs, key=lambda job: job.turn) if wide else jobs
    return plan


def n_surrogates(estimator: str, level: str, settings: AuditSettings) -> int:
    """Return of how many plain errors an estimator's bias has the precision, more where cheap.

    Predictions have few columns, and nothing is trained for the estimators without seeds. A level
    that is only shown can do with less.
    """
    decides = level in gated_levels(settings)
    is_cheap = decides and level == "predictions" and not find(estimator).trains
    return settings.surrogates * (MORE_SURROGATES if is_cheap else 1)


def gated_levels(settings: AuditSettings) -> tuple[LevelName, ...]:
    """Return the levels that decide the verdict."""
    return get_args(LevelName) if settings.level == "both" else (settings.level,)


def estimators_at(level: str, settings: AuditSettings) -> tuple[str, ...]:
    """Return the estimators that are run at a level: all that are chosen where it decides.

    Where it is only shown, those that train nothing, or all if all of them train: networks are most
    of the cost, and nearest neighbours miss least in few columns, as predictions have.
    """
    if level in gated_levels(settings):
        return settings.estimator
    return tuple(name for name in settings.estimator if not find(name).trains) or settings.estimator


def n_jobs(settings: AuditSettings) -> int:
    """Return how many tasks run at the same time."""
    return settings.jobs or int(cpu_count())


def _cost(job: Job, estimators: EstimatorSettings) -> float:
    """Guess the relative time of one job, for the order and the progress bar alone."""
    entry = find(job.estimator)
    is_whole = job.kind == "all"
    seeds = int(getattr(estimators.of(entry.settings), "n_seeds", 1)) if is_whole else 1
    runs = {"all": 1.0, "half": 0.5, "surrogate": float(job.number)}[job.kind]
    return float(entry.cost * seeds * runs * (30 + _width(job.information)))


def _width(information: Information) -> int:
    """Return the columns of both variables."""
    x, y = information.x, information.y
    return int(x.shape[1] + (0 if y.ndim == 1 else y.shape[1]))


def _collect(
    all: Sequence[Estimate],
    half: Sequence[tuple[float, float]],
    surrogate: Sequence[Sequence[tuple[float, float]]],
) -> Measured:
    """Gather the parts of one information.

    Where the estimate is the raw one, so are those of halves and surrogates: like with like.
    """
    (whole,), (on_surrogates,) = all, surrogate
    column = int(whole.value == whole.raw)
    halves = np.array(half, dtype=np.float64)[:, column]
    errors = [error[column] for error in on_surrogates]
    return Measured(whole, halves, float(np.mean(errors)) if errors else None)
