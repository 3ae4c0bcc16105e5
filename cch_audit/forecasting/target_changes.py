"""The change of the squared error at every weight: refits, with least squares as control variate.

The mean loss of ridge students that are refitted to parts of n rows is unbiased, and noisy. Least
squares on the same parts moves with them, and its expectation is known for Gaussian columns. The
change at n rows is b C(n) + mean(ridge - b L), with the closed form C, least squares L, and b the
regression coefficient of one on the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cch_audit.forecasting.cells import covariance_of
from cch_audit.forecasting.moments import Moments, cross_products, moments_of
from cch_audit.forecasting.ridge import Errors, least_squares_errors, ridge_errors
from cch_audit.forecasting.ridge_student import RidgeStudent
from cch_audit.rows import FloatArray

ROUNDING = 1e-12
"""A smaller share of Var(y) is rounding: the student knows the labels."""
OVERLAP = 0.3
"""Share of the spread of refits that comes from single rows, and so stays in the mean over all
parts: the control variate leaves a greater one than expansions of classes do."""
LEAST_FOR_COEFFICIENT = 8
"""Parts below which the coefficient of the control variate is 1."""


@dataclass(frozen=True, eq=False)
class TargetChanges:
    """Changes at C weights in units of the summed Var(y): limit + second / n."""

    weights: FloatArray
    limit: FloatArray
    """(C,) change with any number of rows."""
    second: FloatArray
    """(C,) n times what falls with n."""
    limits: FloatArray
    """(J, C) limit without each of J blocks."""
    seconds: FloatArray
    """(J, C) second without each block."""
    residual: FloatArray
    """(M, C) change with ridge less that of the control variate, for each part."""
    refit_rows: int
    share: float
    """Of the rows in hand that a part holds."""
    baseline: float
    """Risk without a teacher at the labelled rows."""
    is_known: bool
    """Whether the columns determine the labels."""

    def at(self, n: float) -> FloatArray:
        """Return the change with n labelled rows, (C,)."""
        return self.limit + self.second / n

    def without(self, n: float) -> FloatArray:
        """Return the changes without each block, (J, C)."""
        return self.limits + self.seconds / n

    def chance(self, n: float, residual: FloatArray | None = None) -> FloatArray:
        """Return the covariance (C, C) that comes from the few parts, or of other residuals."""
        residual = self.residual if residual is None else residual
        factor = 1 / len(residual) + OVERLAP * self.share / (1 - self.share)
        return np.asarray(covariance_of(residual) * factor * (self.refit_rows / n) ** 2)

    def covariance(self, n: float) -> FloatArray:
        """Return the covariance of the changes at n rows, (C, C)."""
        return np.asarray(spread(self.without(n)) + self.chance(n))


def expand_targets(
    student: RidgeStudent,
    taught: FloatArray,
    y: FloatArray,
    spoken: Sequence[FloatArray],
    weights: FloatArray,
) -> TargetChanges:
    """Return the changes by one teacher.

    Parameters
    ----------
    student : columns, parts and penalty
    taught : what the reference teacher says to all rows, (n_samples, q)
    y : targets (n_samples, q)
    spoken : for each part what its own teacher says to its rows, (n_part, q)
    weights : (C,)
    """
    sums = cross_products(student.whitened, taught, y, student.blocks)
    total, p = sums.sum(axis=0), student.whitened.shape[1]
    moments = moments_of(total, p)
    jackknife = [moments_of(total - one, p) for one in sums]
    x, parts, blocks = student.x, student.parts, student.blocks
    ridge = ridge_errors(x, y, spoken, parts, blocks, student.penalty)
    known = least_squares_errors(x, y, taught, parts, blocks, p)
    changes, of_known = ridge.changes(weights), known.changes(weights)
    b = _coefficient(changes, of_known)
    scale, n, m = moments.total, student.labelled_rows, student.refit_rows
    residual = (changes - b * of_known) / scale
    left_out = (ridge.without_blocks(weights) - b * known.without_blocks(weights)) / scale

    def parted(of: Moments, mean: FloatArray) -> tuple[FloatArray, FloatArray]:
        limit = of.bias(weights)
        # Without a penalty: b (exact - limit). Refits of m rows say the rest, limit included.
        falling = b * (of.change(weights, n) - limit) * n + (mean - (1 - b) * limit) * m
        return limit, falling

    limit, second = parted(moments, residual.mean(axis=0))
    of_blocks = [parted(of, mean) for of, mean in zip(jackknife, left_out, strict=True)]
    return TargetChanges(
        weights=weights,
        limit=limit,
        second=second,
        limits=np.stack([one for one, _ in of_blocks]),
        seconds=np.stack([one for _, one in of_blocks]),
        residual=residual,
        refit_rows=m,
        share=m / len(y),
        baseline=_baseline(student, moments, ridge, known),
        is_known=moments.of_labels <= ROUNDING * moments.total,
    )


def spread(left_out: FloatArray) -> FloatArray:
    """Return the jackknife covariance (C, C) of values without each block (J, C)."""
    centred = left_out - left_out.mean(axis=0)
    return np.asarray(centred.T @ centred * (len(left_out) - 1) / len(left_out))


def _baseline(student: RidgeStudent, moments: Moments, ridge: Errors, known: Errors) -> float:
    """Return the risk without a teacher, in units of Var(y)."""
    n, one, other = student.labelled_rows, ridge.baseline, known.baseline
    b = _coefficient(one[:, None], other[:, None])
    residual = (one - b * other).mean() / moments.total
    limit = moments.of_labels / moments.total
    falling = b * (moments.baseline(n) - limit) * n
    falling += (residual - (1 - b) * limit) * student.refit_rows
    return float(limit + falling / n)


def _coefficient(changes: FloatArray, known: FloatArray) -> float:
    """Return the regression coefficient of changes on known ones, (M, C) each, in [0, 1].

    It is one for all weights: where least squares explodes, it is next to 0.
    """
    if len(changes) < LEAST_FOR_COEFFICIENT:
        return 1.0
    changes, known = changes - changes.mean(axis=0), known - known.mean(axis=0)
    size = float((known**2).sum())
    return float(np.clip((changes * known).sum() / size, 0.0, 1.0)) if size > 0 else 1.0
