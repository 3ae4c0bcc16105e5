"""Measuring: every estimator on every information, its halves and its surrogates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from joblib import Parallel, cpu_count, delayed

from cch_audit.auditing.heads import cross_fitted, log_odds
from cch_audit.auditing.intervals import half
from cch_audit.auditing.surrogates import draw_surrogate
from cch_audit.dependence.units import among
from cch_audit.estimators import estimate, find
from cch_audit.estimators.contract import Estimate
from cch_audit.randomness import stream
from cch_audit.rows import FloatArray, IntArray
from cch_audit.sample import Sample
from cch_audit.settings import AuditSettings, EstimatorSettings, HeadSettings

Progress = Callable[[str, float], None]
HEADS = 0.15
"""Share of a measurement that the prediction heads take."""
"""Told what has been measured and the share of the work that is done."""
MORE_SURROGATES = 4
"""Times more surrogates where an estimate costs next to nothing."""


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

    def student_labels(self, level: str, estimator: str) -> Measured:
        """Return I(student; labels)."""
        return self.found[level, estimator, "student_labels", self.student]


def measure(
    sample: Sample,
    settings: AuditSettings,
    estimators: EstimatorSettings,
    seed: int,
    progress: Progress = lambda what, share: None,
) -> Measurements:
    """Estimate I(teacher; student) of every teacher and, once, I(student; labels), at both levels.

    Parameters
    ----------
    sample : paired rows
    settings : estimators, halves and surrogates
    estimators : the estimators' own settings
    seed : every random stream is derived from it and from the names of what it is for
    progress : told what is done and the share of the whole
    """
    progress("prediction heads", 0.0)
    predictions = predict(sample, estimators, n_jobs(settings), seed)
    informations = _informations(sample, predictions)
    estimating = within(progress, HEADS, 1.0)
    found = estimate_all(informations, sample, settings, estimators, seed, estimating)
    return Measurements(predictions, sample.student_name, found)


def within(progress: Progress, start: float, end: float) -> Progress:
    """Return what tells the progress of a part, from one share of the whole to another."""
    return lambda what, share: progress(what, start + (end - start) * share)


def predict(
    sample: Sample, estimators: EstimatorSettings, n_jobs: int, seed: int
) -> dict[str, FloatArray]:
    """Return each representation's predictions: the user's own, or a cross-fitted head's."""
    labels = sample.labels

    def predict(name: str, x: FloatArray) -> FloatArray:
        own = sample.predictions.get(name)
        if own is not None:
            return log_odds(own) if labels.kind == "classes" else own
        role = "student" if name == sample.student_name else "teacher"
        return fit_head(x, role, sample, estimators.of(HeadSettings), seed)

    views = {**sample.teachers, sample.student_name: sample.student}
    found = Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(predict)(name, x) for name, x in views.items()
    )
    return dict(zip(views, found))


def fit_head(
    x: FloatArray,
    role: str,
    sample: Sample,
    settings: HeadSettings,
    seed: int,
) -> FloatArray:
    """Return what a representation says about the labels, by a head that never saw the row.

    The role is `teacher` or `student`.
    """
    # All teachers are cut into the same folds: equal ones get equal predictions.
    rng = stream(seed, "head", role)
    return cross_fitted(x, sample.labels.values, sample.dependence, rng, settings)


def _informations(sample: Sample, predictions: Mapping[str, FloatArray]) -> list[Information]:
    """List the informations behind the gaps; the student's own is measured once per level."""
    student, labels = sample.student_name, sample.labels.values
    views = {
        "representations": {**sample.teachers, student: sample.student},
        "predictions": predictions,
    }
    wanted = []
    for level, view in views.items():
        wanted.append(Information(level, ("student_labels", student), view[student], labels))
        for teacher in sample.teachers:
            name = ("teacher_student", teacher, student)
            wanted.append(Information(level, name, view[teacher], view[student]))
    return wanted


def estimate_all(
    informations: list[Information],
    sample: Sample,
    settings: AuditSettings,
    estimators: EstimatorSettings,
    seed: int,
    progress: Progress,
) -> dict[tuple[str, ...], Measured]:
    """Run every estimator on every information; keys are level, estimator and name."""
    n_halves = 2 if settings.ci == "pseudo" else settings.half_samples + settings.half_samples % 2
    dependence = sample.dependence
    sides = [
        half(sample.n_samples, sample.labels.values, dependence, stream(seed, "half", str(pair)))
        for pair in range(n_halves // 2)
    ]

    def measured(
        information: Information, estimator: str, part: str, number: int
    ) -> Estimate | tuple[float, float]:
        # Without networks the stream does not know the teacher: all meet the same folds and draws.
        names = information.name if find(estimator).trains else information.name[:1]
        rng = stream(seed, information.level, *names, estimator, part, str(number))
        x, y = information.x, information.y
        if part == "all":
            return estimate(estimator, x, y, rng, estimators, dependence)
        once = _single_seed(estimator, estimators)
        if part == "half":
            rows = np.flatnonzero(sides[number // 2] == number % 2)
            inside = among(dependence, rows)
            return _both(estimate(estimator, x[rows], y[rows], rng, once, inside))
        drawn = draw_surrogate(x, y, rng, dependence)
        found = estimate(estimator, drawn.x, drawn.y, rng, once, dependence)
        return _both(found, drawn.information)

    plan = [
        (information, estimator, part, number)
        for estimator in settings.estimator
        for information in informations
        for part, count in (
            ("all", 1),
            ("half", n_halves),
            ("surrogate", n_surrogates(estimator, information.level, settings)),
        )
        for number in range(count)
    ]
    # The longest first, so that no core waits long at the end; sorting keeps the order of parts.
    plan.sort(key=lambda job: _cost(job[0], job[1], estimators), reverse=True)
    costs = [_cost(job[0], job[1], estimators, job[2]) for job in plan]

    def task(place: int) -> tuple[int, Estimate | tuple[float, float]]:
        return place, measured(*plan[place])

    # Results come as they are done, so that the progress is seen to move; their places order them.
    done = Parallel(n_jobs=n_jobs(settings), prefer="threads", return_as="generator_unordered")(
        delayed(task)(place) for place in range(len(plan))
    )
    results: dict[int, Estimate | tuple[float, float]] = {}
    spent = 0.0
    for place, result in done:
        results[place] = result
        information, estimator, *_ = plan[place]
        spent += costs[place]
        progress(f"{estimator}, {information.level}", spent / sum(costs))
    found: dict[tuple[str, ...], list[Estimate | tuple[float, float]]] = {}
    for place, (information, estimator, *_) in enumerate(plan):
        key = (information.level, estimator, *information.name)
        found.setdefault(key, []).append(results[place])
    return {key: _collect(values, n_halves) for key, values in found.items()}


def n_surrogates(estimator: str, level: str, settings: AuditSettings) -> int:
    """Return how many surrogates an estimator's bias is the mean of, more where they cost little.

    Predictions have few columns, and nothing is trained for the estimators without seeds.
    """
    is_cheap = level == "predictions" and not find(estimator).trains
    return settings.surrogates * (MORE_SURROGATES if is_cheap else 1)


def _single_seed(estimator: str, estimators: EstimatorSettings) -> EstimatorSettings:
    """Return the settings of an estimator with one seed, for halves and surrogates."""
    settings = estimators.of(find(estimator).settings)
    changes = {"n_seeds": 1} if hasattr(settings, "n_seeds") else {}
    return EstimatorSettings((replace(settings, **changes),))


def n_jobs(settings: AuditSettings) -> int:
    """Return how many tasks run at the same time."""
    return settings.jobs or int(cpu_count())


def _cost(
    information: Information, estimator: str, estimators: EstimatorSettings, part: str = "all"
) -> float:
    """Guess the relative time of one task, for the progress bar alone."""
    entry = find(estimator)
    seeds = int(getattr(estimators.of(entry.settings), "n_seeds", 1)) if part == "all" else 1
    width = information.x.shape[1] + (0 if information.y.ndim == 1 else information.y.shape[1])
    return float(entry.cost * seeds * (0.5 if part == "half" else 1.0) * (30 + width))


def _both(found: Estimate, information: float = 0.0) -> tuple[float, float]:
    """Return an estimate and its raw counterpart, less an information."""
    raw = found.value if found.raw is None else found.raw
    return found.value - information, raw - information


def _collect(values: list[Estimate | tuple[float, float]], n_halves: int) -> Measured:
    """Gather the results of one information: the estimate, then halves, then surrogates.

    Where the estimate is the raw one, so are those of halves and surrogates: like with like.
    """
    whole, *numbers = values
    assert isinstance(whole, Estimate)
    others = np.array(numbers, dtype=np.float64)[:, int(whole.value == whole.raw)]
    errors = others[n_halves:]
    return Measured(whole, others[:n_halves], float(errors.mean()) if len(errors) else None)
