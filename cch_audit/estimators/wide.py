"""Linear algebra where columns outnumber rows: through products of rows, (n, n), never (d, d)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, lapack, solve_triangular

from cch_audit.rows import FloatArray, IntArray

ROUNDING = 1e-10
"""Smaller variances, as a share of the largest, are rounding."""


def is_wide(x: FloatArray | IntArray) -> bool:
    """Whether rows (n, d) have more columns than there are rows."""
    return bool(x.shape[1] > x.shape[0])


def principal_axes(x: FloatArray) -> tuple[FloatArray, Callable[[int], FloatArray]]:
    """Return variances (min(n, d),), the largest first, of centred rows (n, d), and directions.

    Of fewer rows than columns they follow from the products of rows.

    Returns
    -------
    variances : (min(n, d),)
    axes : gives the leading directions (d, m), as many as it is asked for
    """
    n, d = x.shape
    values, vectors = np.linalg.eigh((x.T @ x if d <= n else x @ x.T) / n)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]

    def axes(m: int) -> FloatArray:
        if d <= n:
            return np.asarray(vectors[:, :m])
        floor = max(values[0] * 1e-12, 1e-300)
        return np.asarray(x.T @ (vectors[:, :m] / np.sqrt(n * np.maximum(values[:m], floor))))

    return values, axes


@dataclass(frozen=True)
class Reached:
    """What rows x (m, d) reach: coordinates along orthonormal axes, r of them, m or d at most.

    Whatever is linear in the rows and knows no columns but by lengths and angles is the same in
    these coordinates: least squares with a penalty on the squared weights, for one. Of fewer rows
    than columns the axes x' u / s, with the eigenvectors u and the roots s of the eigenvalues of
    the products of rows, or x' w with w = L'^-1 of a triangular root L of the products, are never
    written out.
    """

    coordinates: FloatArray
    """(m, r) of the rows themselves; where they are fewer than the columns, u s, or a root L."""
    weights: FloatArray
    """u / s or w (m, r); the axes (d, r) where there are as many rows as columns."""
    rows: FloatArray | None
    """x (m, d), where they are fewer than the columns."""

    @classmethod
    def by(cls, x: FloatArray) -> "Reached":
        """Find what rows reach."""
        values, vectors = np.linalg.eigh(x @ x.T if is_wide(x) else x.T @ x)
        values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
        n = max(1, int((values > ROUNDING * values[0]).sum()))
        values, vectors = values[:n], vectors[:, :n]
        if not is_wide(x):
            return cls(x @ vectors, vectors, None)
        lengths = np.sqrt(np.maximum(values, 1e-300))
        return cls(vectors * lengths, vectors / lengths, x)

    @classmethod
    def in_any_axes(cls, x: FloatArray) -> "Reached":
        """Find what rows reach, for whom one set of orthonormal axes is as good as another.

        Of fewer rows than columns they are those of Gram and Schmidt: a triangular root of the
        products, the longest remainder first, takes a tenth of what eigenvectors take.
        """
        if not is_wide(x):
            return cls.by(x)
        root, order = _pivoted_root(x)
        n = root.shape[1]
        if n == 0:  # columns that do not vary
            return cls(np.zeros((len(x), 1)), np.zeros((len(x), 1)), x)
        coordinates, weights = np.empty(root.shape), np.zeros(root.shape)
        coordinates[order] = root
        weights[order[:n]] = solve_triangular(root[:n], np.eye(n), trans="T", lower=True)
        return cls(coordinates, weights, x)

    def of(self, others: FloatArray) -> FloatArray:
        """Return the coordinates (n, r) of other rows (n, d)."""
        return np.asarray((others if self.rows is None else others @ self.rows.T) @ self.weights)

    def columns(self, weights: FloatArray) -> FloatArray:
        """Return weights (r, k) of coordinates as weights (d, k) of columns."""
        found = self.weights @ weights
        return np.asarray(found if self.rows is None else self.rows.T @ found)


def coordinates_of(x: FloatArray) -> FloatArray:
    """Return coordinates (n, r) of rows (n, d), fewer than columns, along some orthonormal axes."""
    root, order = _pivoted_root(x)
    coordinates = np.zeros((len(x), max(1, root.shape[1])))
    coordinates[order, : root.shape[1]] = root
    return coordinates


def _pivoted_root(x: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return a triangular root (n, r) of the products of rows (n, d), and the order of its rows."""
    products = x @ x.T
    least = max(ROUNDING * float(products.trace()), 1e-300)
    # The products are symmetric, so that what LAPACK takes for columns are the same rows.
    root, order, n, _ = lapack.dpstrf(products.T, lower=1, tol=least, overwrite_a=1)
    return np.tril(root[:, :n]), order - 1


def ledoit_wolf_parts(x: FloatArray, n_columns: int | None = None) -> tuple[float, float]:
    """Return s and m of the shrunk covariance (1 - s) x'x / n + s m I of centred rows (n, d).

    Ledoit and Wolf (2004), lemmas 3.2 to 3.4, from whichever products are fewer.

    Parameters
    ----------
    n_columns : where x are coordinates of all that rows of more columns reach, how many columns
    """
    n, d = x.shape[0], n_columns or x.shape[1]
    lengths = (x**2).sum(axis=1)
    products = x @ x.T if is_wide(x) else x.T @ x
    trace, squares = lengths.sum() / n, (products**2).sum() / n**2
    level = trace / d
    spread = (squares - 2 * level * trace + d * level**2) / d
    error = min(((lengths**2).sum() / n - squares) / (d * n), spread)
    return (float(error / spread) if error > 0 else 0.0), float(level)


def solve_through_rows(rows: FloatArray, diagonal: FloatArray, right: FloatArray) -> FloatArray:
    """Return (R'R + D)^-1 V of rows R (n, d), the diagonal of D (d,) and V (d, k).

    Of fewer rows than columns by the identity of Woodbury:
    D^-1 V - D^-1 R' (I + R D^-1 R')^-1 R D^-1 V.
    """
    if not is_wide(rows):
        products = rows.T @ rows
        products[np.diag_indices_from(products)] += diagonal
        return np.asarray(cho_solve(cho_factor(products, overwrite_a=True), right))
    scaled, divided = rows / diagonal, right / diagonal[:, None]
    inner = cho_factor(np.eye(len(rows)) + scaled @ rows.T)
    return np.asarray(divided - scaled.T @ cho_solve(inner, rows @ divided))
