"""The change of risk at every temperature and weight, with all that its interval needs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cch_audit.forecast.draws import summed
from cch_audit.forecast.softmax import Lesson, fit
from cch_audit.forecast.student import Student
from cch_audit.forecast.terms import expand
from cch_audit.rows import FloatArray


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
    """(C, C) covariance that comes from draws of teachers and from refits."""

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
    soft: Sequence[Sequence[FloatArray]],
    cells: tuple[tuple[float, float], ...],
    *,
    rough: bool = False,
) -> Changes:
    """Return the changes at some cells, averaged over draws of the teacher.

    Parameters
    ----------
    student : rows, labels and the risk without a teacher
    soft : for each draw and cell the teacher's probabilities at that temperature, (n_samples, K)
    cells : temperature and weight
    rough : leave out refits and influences: estimates alone
    """
    n, n_samples, base = student.labelled_rows, len(student.y), student.baseline
    refits = None if rough else student.refits
    n_draws, n_cells = len(soft), len(cells)
    limits, noise, shrinkage = (np.empty((n_draws, n_cells)) for _ in range(3))
    extra: list[FloatArray] = []  # (n_parts of the draw, C)
    influences: list[tuple[FloatArray, FloatArray]] = []
    theta = student.theta
    starts = [student.theta] * n_cells
    for draw, teacher in enumerate(soft):
        residuals = []
        numbers = range(draw, 0 if refits is None else len(refits.parts), n_draws)
        for place, (temperature, weight) in enumerate(cells):
            lesson = Lesson(student.y, student.n_classes, teacher[place], temperature, weight)
            # The first draw starts from the cell before, any other one from the same cell.
            start = theta if draw == 0 else starts[place]
            fitted = fit(student.rows, lesson, student.penalty, start)
            theta = starts[place] = fitted.theta
            terms = expand(
                student.rows,
                lesson,
                student.penalty,
                fitted,
                student.units,
                influence=draw == 0 and not rough,
                local=refits is not None,
            )
            limits[draw, place] = terms.limit - base.limit
            noise[draw, place] = terms.noise - base.noise
            shrinkage[draw, place] = terms.shrinkage - base.shrinkage
            if terms.influence is not None and base.influence is not None:
                direct = terms.influence.limit - base.influence.limit
                second = terms.influence.second_order - base.influence.second_order
                influences.append(
                    (
                        summed(direct, student.units) / n_samples,
                        summed(second, student.units) / n_samples,
                    )
                )
            if refits is not None and terms.local is not None:
                found = refits.residual(terms.local, lesson, student.penalty, numbers)
                residuals.append(found - student.residual[numbers])
        if residuals:
            extra.append(np.stack(residuals, axis=1))
    changes = limits + (noise + shrinkage) / n
    chance = of_draws(changes, n / n_samples)
    higher = np.zeros(n_cells)
    if refits is not None:
        residual = np.concatenate(extra)  # (n_parts, C)
        # Refits stand for shrinkage and for what is of higher order, at n of N rows.
        expected = shrinkage.mean(axis=0) * (1 / n - 1 / n_samples)
        higher = (residual.mean(axis=0) - expected) * n**2
        chance = chance + _covariance(residual) / len(residual)
    return Changes(
        cells=cells,
        limit=limits.mean(axis=0),
        noise=noise.mean(axis=0),
        shrinkage=shrinkage.mean(axis=0),
        higher=higher,
        limit_influence=np.array([direct for direct, _ in influences]),
        second_influence=np.array([second for _, second in influences]),
        chance=chance,
    )


def of_draws(changes: FloatArray, share: float) -> FloatArray:
    """Return the covariance that teachers of n rows add, (C, C), from changes (n_draws, C).

    Draws of a share f of the rows overlap: their spread is 1 - f of that between new samples, and
    the mean over all draws keeps f of it.
    """
    n_draws = len(changes)
    if n_draws < 2:
        return np.zeros((changes.shape[1], changes.shape[1]))
    share = min(share, 0.9)
    return _covariance(changes) * (1 / n_draws + share / (1 - share))


def _covariance(rows: FloatArray) -> FloatArray:
    """Return the covariance of columns, (C, C); 0 for a single row."""
    if len(rows) < 2:
        return np.zeros((rows.shape[1], rows.shape[1]))
    centred = rows - rows.mean(axis=0)
    return np.asarray(centred.T @ centred / (len(rows) - 1))
