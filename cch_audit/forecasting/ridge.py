"""Ridge students of targets that are refitted to parts of the rows, beside least squares.

Ridge regression of (y + w t) / (1 + w) is linear in the targets: from its errors on labels and on
what the teacher says follow those at every weight.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from cch_audit.forecasting.draws import others
from cch_audit.rows import FloatArray, IntArray

RANK_TOLERANCE = 1e-10
"""Smaller variances, as a share of the largest, are rounding."""


@dataclass(frozen=True, eq=False)
class Errors:
    """Errors of students of M parts on the rows of J blocks that they did not learn from.

    With a the error of what is learnt from labels and b of what is learnt from the teacher, both
    against the labels, the error at weight w is (a + w b) / (1 + w).
    """

    products: FloatArray
    """Sums of a'a, a'b and b'b over rows, (M, J, 3)."""
    counts: FloatArray
    """Rows, (M, J)."""

    @property
    def baseline(self) -> FloatArray:
        """Mean squared error without a teacher, (M,)."""
        return np.asarray(self.products[:, :, 0].sum(axis=1) / self.counts.sum(axis=1))

    def changes(self, weights: FloatArray) -> FloatArray:
        """Return the change of the mean squared error of each part, (M, C)."""
        means = self.products.sum(axis=1) / self.counts.sum(axis=1)[:, None]
        return np.asarray(means @ _of_products(weights))

    def without_blocks(self, weights: FloatArray) -> FloatArray:
        """Return the changes, averaged over parts, without the rows of each block, (J, C)."""
        left = self.products.sum(axis=1, keepdims=True) - self.products
        counts = self.counts.sum(axis=1, keepdims=True) - self.counts
        means = left / np.maximum(counts, 1.0)[:, :, None]
        return np.asarray(means.mean(axis=0) @ _of_products(weights))


def _of_products(weights: FloatArray) -> FloatArray:
    """Return how the change at each weight is made of a'a, a'b and b'b, (3, C)."""
    whole = (1 + weights) ** 2
    return np.stack([1 / whole - 1, 2 * weights / whole, weights**2 / whole])


@dataclass(frozen=True, eq=False)
class Part:
    """Rows that train a student, in their principal coordinates."""

    rows: IntArray
    left: IntArray
    """All other rows."""
    centre: FloatArray
    """(d,) mean of the rows."""
    gram: FloatArray
    """(d, d) covariance of the columns over the rows."""
    variances: FloatArray
    """(r,) of the coordinates."""
    axes: FloatArray
    """(d, r)."""

    @classmethod
    def of(cls, x: FloatArray, rows: IntArray) -> "Part":
        """Return some rows of columns x (n_samples, d)."""
        centre = x[rows].mean(axis=0)
        centred = x[rows] - centre
        gram = centred.T @ centred / len(rows)
        return cls(rows, others(rows, len(x)), centre, gram, *_coordinates(gram))

    def ridge(self, x: FloatArray, targets: FloatArray, penalties: Sequence[float]) -> FloatArray:
        """Return outputs (L, n_left, k) of minimal mean squared error + penalty |slopes|^2.

        Parameters
        ----------
        x : (n_samples, d) columns
        targets : (n_part, k) of the rows of the part; the intercept is free
        penalties : L of them
        """
        level = targets.mean(axis=0)
        product = self.axes.T @ self._product(x, targets - level)
        shrunk = [product / (self.variances + penalty)[:, None] for penalty in penalties]
        slopes = self.axes @ np.hstack(shrunk)  # (d, L k)
        said = (x[self.left] @ slopes - self.centre @ slopes).reshape(
            len(self.left), -1, len(level)
        )
        return np.asarray(said.transpose(1, 0, 2) + level)

    def least_squares(self, x: FloatArray, targets: FloatArray, p: int) -> FloatArray:
        """Return outputs (n_left, k) of least squares on the first p columns."""
        if p == x.shape[1]:
            return np.asarray(self.ridge(x, targets, [0.0])[0])
        level = targets.mean(axis=0)
        variances, axes = _coordinates(self.gram[:p, :p])
        product = self._product(x[:, :p], targets - level, p)
        slopes = axes @ (axes.T @ product / variances[:, None])
        return np.asarray((x[self.left, :p] - self.centre[:p]) @ slopes + level)

    def _product(self, x: FloatArray, centred: FloatArray, p: int | None = None) -> FloatArray:
        """Return the covariance (p, k) of columns and centred targets over the rows."""
        return np.asarray((x[self.rows] - self.centre[:p]).T @ centred / len(self.rows))


def _coordinates(gram: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return variances (r,) and axes (d, r) of the principal coordinates of a covariance."""
    variances, axes = scipy.linalg.eigh(gram, check_finite=False)
    kept = variances > RANK_TOLERANCE * max(float(variances[-1]), 1e-300)
    return variances[kept], axes[:, kept]


def choose_penalty(
    x: FloatArray, y: FloatArray, parts: Sequence[Part], penalties: Sequence[float]
) -> float:
    """Return the penalty of least mean squared error without a teacher, over all parts."""
    if len(penalties) == 1:
        return penalties[0]
    losses = np.zeros(len(penalties))
    for part in parts:
        errors = part.ridge(x, y[part.rows], penalties) - y[part.left]
        losses += (errors**2).sum(axis=(1, 2)) / len(part.left)
    return penalties[int(np.argmin(losses))]


def ridge_errors(
    x: FloatArray,
    y: FloatArray,
    spoken: Sequence[FloatArray],
    parts: Sequence[Part],
    blocks: IntArray,
    penalty: float,
) -> Errors:
    """Return the errors of ridge students.

    Parameters
    ----------
    x : (n_samples, d) columns
    y : (n_samples, q) targets
    spoken : for each part what is taught to its rows, (n_part, q)
    parts : rows that train a student, each
    blocks : block of each row, (n_samples,)
    penalty : of the squared slopes, beside the mean squared error
    """
    said = (
        part.ridge(x, np.hstack([y[part.rows], told]), [penalty])[0]
        for part, told in zip(parts, spoken, strict=True)
    )
    return _errors(y, said, parts, blocks)


def least_squares_errors(
    x: FloatArray,
    y: FloatArray,
    taught: FloatArray,
    parts: Sequence[Part],
    blocks: IntArray,
    p: int,
) -> Errors:
    """Return the errors of least squares on the first p columns, where (n_samples, q) is taught."""
    both = np.hstack([y, taught])
    said = (part.least_squares(x, both[part.rows], p) for part in parts)
    return _errors(y, said, parts, blocks)


def _errors(
    y: FloatArray, said: Iterable[FloatArray], parts: Sequence[Part], blocks: IntArray
) -> Errors:
    """Sum the products of errors, of outputs (n_left, 2 q) for each part."""
    n_blocks, q = int(blocks.max()) + 1, y.shape[1]
    products, counts = np.empty((len(parts), n_blocks, 3)), np.empty((len(parts), n_blocks))
    for number, (part, outputs) in enumerate(zip(parts, said, strict=True)):
        of_labels, of_teacher = outputs[:, :q] - y[part.left], outputs[:, q:] - y[part.left]
        among = blocks[part.left]
        counts[number] = np.bincount(among, minlength=n_blocks)
        pairs = ((of_labels, of_labels), (of_labels, of_teacher), (of_teacher, of_teacher))
        for place, (one, other) in enumerate(pairs):
            sums = np.bincount(among, (one * other).sum(axis=1), minlength=n_blocks)
            products[number, :, place] = sums
    return Errors(products, counts)
