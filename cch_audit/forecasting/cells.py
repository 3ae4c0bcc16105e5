"""The change of risk at every temperature and weight, with all that its interval needs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cch_audit.forecasting import sums
from cch_audit.forecasting.draws import summed
from cch_audit.forecasting.local import Local
from cch_audit.forecasting.softmax import LEAST_STALE, ROUGH, Factor, Lesson, fit
from cch_audit.forecasting.student import Student
from cch_audit.forecasting.teachers import Teacher
from cch_audit.forecasting.terms import expand
from cch_audit.rows import FloatArray

OVERLAP = 0.1
"""Share of the spread of refits that comes from single rows, and so stays in the mean over all
parts of the same sample. Beside retrained students 0 made intervals right on average, .25 1.3 times
as wide as need be; some is left for worlds in which more stays."""


@dataclass(frozen=True, eq=False)
class Softened:
    """What is taught at each cell: probabilities at its temperature."""

    all: Sequence[FloatArray]
    """For each cell, to all rows, (n_samples, K)."""
    parts: Sequence[Sequence[FloatArray]] = ()
    """For each part and cell, to the rows of the part, (n_part, K); empty: as to all rows."""


@dataclass(frozen=True, eq=False)
class Changes:
    """Changes of risk against no teacher at C cells: limit + second / n + higher / n^2."""

    cells: tuple[tuple[float, float], ...]
    """Temperature and weight."""
    limit: FloatArray
    """(C,) change with any number of rows."""
    noise: FloatArray
    """(C,) n times the change of what variance costs."""
    shrinkage: FloatArray
    """(C,) n times the change of what bias of the estimate costs."""
    higher: FloatArray
    """(C,) n^2 times what refits add; 0 without refits."""
    limit_influence: FloatArray
    """(C, n_units) share of each unit in the error of the limit; they add up to it."""
    second_influence: FloatArray
    """(C, n_units) the same of noise and shrinkage."""
    chance: FloatArray
    """(C, C) covariance that comes from the few parts that are refitted."""
    n_chances: int
    """Number of those parts."""

    @property
    def second(self) -> FloatArray:
        """(C,) n times the part that falls with n."""
        return self.noise + self.shrinkage

    def at(self, n: float) -> FloatArray:
        """Return the change with n labelled rows, (C,)."""
        return self.limit + self.second / n + self.higher / n**2

    def influence(self, n: float) -> FloatArray:
        """Return what each unit contributes to the error at n rows, (C, n_units)."""
        return self.limit_influence + self.second_influence / n

    def covariance(self, n: float) -> FloatArray:
        """Return the covariance of the changes at n rows, (C, C)."""
        influence = self.influence(n)
        n_units = influence.shape[1]
        scale = n_units / max(n_units - 1, 1)
        return np.asarray(scale * (influence @ influence.T) + self.chance)


def expand_changes(
    student: Student,
    soft: Softened,
    cells: tuple[tuple[float, float], ...],
    teacher: Teacher | None = None,
    *,
    rough: bool = False,
) -> Changes:
    """Return the changes at some cells.

    Where rows are few for the parameters, or the labelled rows train the teacher too, refits say
    what the expansion lacks. It falls as 1 / n where a teacher is trained, as 1 / n^2 elsewhere.

    Parameters
    ----------
    student : rows, labels and the risk without a teacher
    soft : what is taught to all rows and to each part, for each cell
    cells : temperature and weight
    teacher : the trained teacher, through which rows move what is taught; None: nothing does
    rough : leave out refits and influences: estimates alone
    """
    base, n_samples, n_cells = student.baseline, len(student.y), len(cells)
    refits = None if rough or not (soft.parts or student.is_few) else student.refits
    limit, noise, shrinkage = (np.empty(n_cells) for _ in range(3))
    residuals: list[FloatArray] = []
    influences: list[tuple[FloatArray, FloatArray]] = []
    theta = student.theta
    factors: list[Factor | None] = [None] * len(student.refits.parts)
    for place, (temperature, weight) in enumerate(cells):
        lesson = Lesson(student.y, student.n_classes, soft.all[place], temperature, weight)
        accuracy = ROUGH if rough else LEAST_STALE
        fitted = fit(student.rows, lesson, student.penalty, theta, accuracy=accuracy)
        theta = fitted.theta
        terms = expand(
            student.rows,
            lesson,
            student.penalty,
            fitted,
            student.units,
            influence=not rough,
            local=not rough,
        )
        limit[place] = terms.limit - base.limit
        noise[place] = terms.noise - base.noise
        shrinkage[place] = terms.shrinkage - base.shrinkage
        if terms.influence is None or base.influence is None or terms.local is None:
            continue
        direct = terms.influence.limit - base.influence.limit
        if teacher is not None:
            direct = direct + through_teacher(terms.local, lesson, teacher)
        second = terms.influence.second_order - base.influence.second_order
        influences.append(
            (summed(direct, student.units) / n_samples, summed(second, student.units) / n_samples)
        )
        if refits is not None:
            of_parts = [part[place] for part in soft.parts] or None
            found = refits.residual(terms.local, lesson, student.penalty, of_parts, factors)
            residuals.append(found - student.residual)
    higher, chance = np.zeros(n_cells), np.zeros((n_cells, n_cells))
    if refits is not None:
        n = student.refit_rows
        residual = np.stack(residuals, axis=1)  # (n_parts, C)
        # Refits stand for shrinkage too, at n of N rows.
        lacking = residual.mean(axis=0) - shrinkage * (1 / n - 1 / n_samples)
        share = n / n_samples
        chance = covariance_of(residual) * (1 / len(residual) + OVERLAP * share / (1 - share))
        if soft.parts:
            shrinkage = shrinkage + lacking * n
        else:
            higher = lacking * n**2
    return Changes(
        cells=cells,
        limit=limit,
        noise=noise,
        shrinkage=shrinkage,
        higher=higher,
        limit_influence=np.array([direct for direct, _ in influences]),
        second_influence=np.array([second for _, second in influences]),
        chance=chance,
        n_chances=0 if refits is None else len(refits.parts),
    )


def through_teacher(local: Local, lesson: Lesson, teacher: Teacher) -> FloatArray:
    """Return what each row contributes to the limit by moving the teacher, (n_samples,).

    The teacher's parameters move by -H_t^-1 g_t, and the risk by r' H^-1 w mean[W(tau) dt (x) x].
    """
    if teacher.moved is None or teacher.x is None or lesson.soft is None:
        return np.zeros(len(lesson.y))
    direction = (local.inverse @ local.slope.ravel()).reshape(local.slope.shape)
    along = local.x @ direction.T
    # d tau / d t = W(tau) / T, and the pull is T tau.
    taught = lesson.weight * sums.times(sums.covariance_pairs(lesson.soft), along)
    slope = (taught.T @ teacher.x / len(along)).ravel()
    return np.asarray(teacher.moved @ slope)


def covariance_of(rows: FloatArray) -> FloatArray:
    """Return the covariance of columns, (C, C); 0 for a single row."""
    if len(rows) < 2:
        return np.zeros((rows.shape[1], rows.shape[1]))
    centred = rows - rows.mean(axis=0)
    return np.asarray(centred.T @ centred / (len(rows) - 1))
