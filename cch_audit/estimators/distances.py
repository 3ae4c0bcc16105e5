"""Squared Euclidean distances of rows: one by one, and by products of rows where columns are many.

|x_i - x_j|^2 = |x_i|^2 + |x_j|^2 - 2 x_i . x_j, the products in float32, is several times quicker
than differences, and wrong by a share of the lengths that is known. Whoever compares distances
takes the differences where that share could decide.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cch_audit.estimators.compiled import kernel
from cch_audit.rows import FloatArray

ROWS = 4
"""Rows whose distances are computed together, in `squared_distances`."""
PRODUCTS_FROM = 32
"""Fewer columns are quicker by differences."""
BLOCK = 2**18
"""Products that are there at the same time."""
LEAST_ROWS = 64
"""Whose products are taken together; of fewer they cost more."""
HALF_UNIT = 2.0**-24
"""Relative rounding error of float32."""
UNDERFLOW = 1e-37
"""Products that are smaller are not what they are in float32."""
CHUNK = 64
"""Distances that are passed over together."""


@dataclass(frozen=True)
class Products:
    """Rows whose products are taken by blocks; of few columns there are none."""

    rows: npt.NDArray[np.float32]
    """(n, d) divided by the root of `scale`; (0, 0) where distances are taken by differences."""
    lengths: FloatArray
    """(n,) squared lengths of the rows themselves."""
    scale: float
    """Mean squared length."""
    error: float
    """Of a squared distance by products, as a share of both squared lengths, at most."""

    @classmethod
    def of(cls, x: FloatArray) -> "Products":
        """Prepare rows (n, d)."""
        d = x.shape[1]
        if d < PRODUCTS_FROM:
            return cls(np.empty((0, 0), np.float32), np.empty(0), 1.0, 0.0)
        lengths = np.einsum("ij,ij->i", x, x)
        scale = float(lengths.mean()) or 1.0
        # Of a sum of d products and all that precedes and follows it. Rounding errors of so many
        # terms do not all point one way: ten roots (Higham and Mary 2019) are never reached.
        error = (min(d, 10 * np.sqrt(d)) + 8) * HALF_UNIT
        return cls((x / np.sqrt(scale)).astype(np.float32), lengths, scale, float(error))

    def block(self, first: int, last: int) -> tuple[npt.NDArray[np.float32], FloatArray, float]:
        """Return products (b, n) of some rows with all, their lengths, and scale."""
        return self.rows[first:last] @ self.rows.T, self.lengths, self.scale


@kernel(fastmath={"reassoc", "contract", "nsz"})
def squared_distances(x, i, out):  # type: ignore[no-untyped-def]
    """Write the squared Euclidean distances of rows i..i+3 to all rows, one load for four."""
    n, d = x.shape
    a, b, c, e = i, min(i + 1, n - 1), min(i + 2, n - 1), min(i + 3, n - 1)
    for j in range(n):
        to_a, to_b, to_c, to_e = 0.0, 0.0, 0.0, 0.0
        for column in range(d):
            value = x[j, column]
            to_a += (value - x[a, column]) ** 2
            to_b += (value - x[b, column]) ** 2
            to_c += (value - x[c, column]) ** 2
            to_e += (value - x[e, column]) ** 2
        out[0, j], out[1, j], out[2, j], out[3, j] = to_a, to_b, to_c, to_e


@kernel(fastmath={"reassoc", "contract", "nsz"})
def squared_distance(x, i, j):  # type: ignore[no-untyped-def]
    """Return the squared Euclidean distance of two rows."""
    total = 0.0
    for column in range(x.shape[1]):
        total += (x[i, column] - x[j, column]) ** 2
    return total


@kernel(fastmath={"contract", "nsz"})
def from_products(products, lengths, scale, error, i, out, errors):  # type: ignore[no-untyped-def]
    """Write the squared distances of row i by products, and how wrong they may be."""
    own, least = lengths[i], scale * UNDERFLOW * len(products)
    for j in range(len(products)):
        both = own + lengths[j]
        out[j] = both - 2 * scale * np.float64(products[j])
        errors[j] = error * both + least


@kernel()
def settle(x, i, distances, errors, near, far, width):  # type: ignore[no-untyped-def]
    """Take the differences for distances of row i that may be one of two, but for a share."""
    for first in range(0, len(distances), CHUNK):
        some, wrong = distances[first : first + CHUNK], errors[first : first + CHUNK]
        if _may_be(some, wrong, near, width * near) + _may_be(some, wrong, far, width * far) > 0:
            for j in range(len(some)):
                apart = min(abs(some[j] - near) - width * near, abs(some[j] - far) - width * far)
                if wrong[j] > 0 and apart <= wrong[j]:
                    some[j], wrong[j] = squared_distance(x, i, first + j), 0.0


@kernel()
def _may_be(distances, errors, radius, width):  # type: ignore[no-untyped-def]
    """Count distances that may be a radius."""
    found = 0
    for j in range(len(distances)):  # no branch, so that it compiles to vector instructions
        found += abs(distances[j] - radius) <= errors[j] + width
    return found


@kernel()
def settle_nearest(x, y, i, dx, dy, errors_x, errors_y, out):  # type: ignore[no-untyped-def]
    """Write the len(out) smallest joint squared distances of row i, taken by differences."""
    n, last = len(dx), len(out) - 1
    out[:] = np.inf
    for first in range(0, n, CHUNK):
        some = slice(first, first + CHUNK)
        if _below(dx[some], dy[some], errors_x[some], errors_y[some], out[last], 1.0) > 0:
            for j in range(first, min(first + CHUNK, n)):
                insert(max(dx[j] + errors_x[j], dy[j] + errors_y[j]), out)
    # So many are as near as this at least: rows that may be nearer are among the nearest.
    highest = out[last]
    out[:] = np.inf
    for first in range(0, n, CHUNK):
        some = slice(first, first + CHUNK)
        if _below(dx[some], dy[some], errors_x[some], errors_y[some], highest, -1.0) > 0:
            for j in range(first, min(first + CHUNK, n)):
                if max(dx[j] - errors_x[j], dy[j] - errors_y[j]) <= highest:
                    if errors_x[j] > 0:
                        dx[j], errors_x[j] = squared_distance(x, i, j), 0.0
                    if errors_y[j] > 0:
                        dy[j], errors_y[j] = squared_distance(y, i, j), 0.0
                    insert(max(dx[j], dy[j]), out)


@kernel()
def _below(dx, dy, errors_x, errors_y, radius, sign):  # type: ignore[no-untyped-def]
    """Count joint distances that, with their errors added or taken off, are a radius at most."""
    found = 0
    for j in range(len(dx)):
        found += max(dx[j] + sign * errors_x[j], dy[j] + sign * errors_y[j]) <= radius
    return found


@kernel()
def insert(value, out):  # type: ignore[no-untyped-def]
    """Insert a value into the smallest ones, ascending."""
    place = len(out) - 1
    if value < out[place]:
        while place > 0 and out[place - 1] > value:
            out[place] = out[place - 1]
            place -= 1
        out[place] = value
