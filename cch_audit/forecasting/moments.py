"""Squared loss in closed form: the change of risk from second moments, and its jackknife."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from cch_audit.rows import FloatArray, IntArray

MOST_BLOCKS = 40
"""Blocks of units that the jackknife leaves out in turn, at most."""


@dataclass(frozen=True, eq=False)
class Moments:
    """What the risk of a least-squares student with intercept hangs on, outputs summed."""

    distance: float
    """D: mean square of E[t | x] - E[y | x], unbiased."""
    of_labels: float
    """Var(y | x)."""
    of_teacher: float
    """Var(t | x)."""
    between: float
    """Cov(t, y | x)."""
    total: float
    """Var(y)."""
    n_columns: int

    def change(self, weight: FloatArray, n: float) -> FloatArray:
        """Return the change of risk at n rows in units of Var(y), as `weight`.

        [w^2 D + kappa (2 w c + w^2 st2 - (2 w + w^2) sy2)] / (1 + w)^2.
        """
        return self.bias(weight) + price(n, self.n_columns) * self.noise(weight)

    def bias(self, weight: FloatArray) -> FloatArray:
        """Return (w / (1 + w))^2 D in units of Var(y)."""
        return np.asarray((weight / (1 + weight)) ** 2 * self.distance / self.total)

    def noise(self, weight: FloatArray) -> FloatArray:
        """Return what is multiplied by kappa, in units of Var(y)."""
        mixed = 2 * weight * self.between + weight**2 * self.of_teacher
        mixed = mixed - (2 * weight + weight**2) * self.of_labels
        return np.asarray(mixed / (1 + weight) ** 2 / self.total)

    def baseline(self, n: float) -> float:
        """Return the risk without a teacher, sy2 (1 + kappa), in units of Var(y)."""
        return self.of_labels * (1 + price(n, self.n_columns)) / self.total


def price(n: float, n_columns: int) -> float:
    """Return kappa, the expected excess risk of least squares with intercept per noise variance.

    (n + 1)(n - 2) / (n (n - p - 2)) - 1 for Gaussian columns (Stein 1960); infinite for
    n <= p + 2. Without the intercept it is p / (n - p - 1).
    """
    if n <= n_columns + 2:
        return np.inf
    return (n + 1) * (n - 2) / (n * (n - n_columns - 2)) - 1


def cross_products(x: FloatArray, t: FloatArray, y: FloatArray, blocks: IntArray) -> FloatArray:
    """Return sums of products of (1, x, t, y) over each block, (n_blocks, m, m)."""
    rows = np.hstack([np.ones((len(x), 1)), x, t, y])
    return np.stack(
        [rows[blocks == block].T @ rows[blocks == block] for block in range(int(blocks.max()) + 1)]
    )


def moments_of(sums: FloatArray, n_columns: int) -> Moments:
    """Return the moments from summed products of (1, x, t, y), (m, m).

    Least squares of t and y on x, with n - p - 1 degrees of freedom; p Var(t - y | x) is subtracted
    from the sum of squares behind D.
    """
    n, p = float(sums[0, 0]), n_columns
    centred = sums[1:, 1:] - np.outer(sums[1:, 0], sums[0, 1:]) / n
    inside, across, outputs = centred[:p, :p], centred[:p, p:], centred[p:, p:]
    slopes = scipy.linalg.solve(inside, across, assume_a="pos", check_finite=False)
    fitted = across.T @ slopes
    residual = (outputs - fitted) / (n - p - 1)
    q = outputs.shape[0] // 2
    of_teacher, of_labels = float(np.trace(residual[:q, :q])), float(np.trace(residual[q:, q:]))
    between = float(np.trace(residual[:q, q:]))
    sign = np.hstack([np.eye(q), -np.eye(q)])
    explained = float(np.trace(sign @ fitted @ sign.T))
    by_chance = p * (of_teacher + of_labels - 2 * between)
    return Moments(
        distance=(explained - by_chance) / (n - 1),
        of_labels=of_labels,
        of_teacher=of_teacher,
        between=between,
        total=float(np.trace(outputs[q:, q:])) / (n - 1),
        n_columns=p,
    )


def assign_blocks(n_samples: int, units: IntArray | None, rng: np.random.Generator) -> IntArray:
    """Return a block number for each row; units stay whole."""
    codes = np.arange(n_samples) if units is None else units
    n_units = int(codes.max()) + 1
    n_blocks = min(MOST_BLOCKS, n_units)
    return (rng.permutation(n_units) % n_blocks)[codes]
