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
CHUNK = 256
"""Distances that are passed over together."""


@dataclass(frozen=True)
class Products:
    """Rows whose products are taken by blocks; of few columns there are none."""

    rows: npt.NDArray[np.float32]
    """(n, d) divided by the root of `scale`; (0, 0) where distances are taken by differences."""
    lengths: FloatArray
    """(n,) squared lengths of the rows themselves; 0 where differences are taken."""
    scale: float
    """Mean squared length."""
    error: float
    """Of a squared distance by products, as a share of both squared lengths, at most."""

    @classmethod
    def of(cls, x: FloatArray) -> "Products":
        """Prepare rows (n, d)."""
        d = x.shape[1]
        if d < PRODUCTS_FROM:
            return cls(np.empty((0, 0), np.float32), np.zeros(len(x)), 1.0, 0.0)
        lengths = np.einsum("ij,ij->i", x, x)
        scale = float(lengths.mean()) or 1.0
        # Of a sum of d products and all that precedes and follows it. Rounding errors of so many
        # terms do not all point one way: ten roots (Higham and Mary 2019) are never reached.
        error = (min(d, 10 * np.sqrt(d)) + 8) * HALF_UNIT
        return cls((x / np.sqrt(scale)).astype(np.float32), lengths, scale, float(error))

    @property
    def least(self) -> float:
        """What a squared distance by products may be wrong by at any lengths."""
        return self.scale * UNDERFLOW * len(self.lengths) if self.error else 0.0

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
def from_products(products, lengths, own, scale, out):  # type: ignore[no-untyped-def]
    """Write the squared distances of a row of that squared length by products."""
    for j in range(len(out)):
        out[j] = own + lengths[j] - 2 * scale * np.float64(products[j])


@kernel()
def settle(x, i, distances, lengths, most, error, least, near, far, width):  # type: ignore[no-untyped-def]
    """Take the differences for distances of row i that may be one of two, but for a share.

    A distance may be wrong by `error` times the squared length of the other row, and `least`, and
    no squared length is more than `most`. Returned is how many are below the one and the other.
    """
    closer, close, wrong = 0, 0, error * most + least
    for first in range(0, len(distances), CHUNK):
        some, others = distances[first : first + CHUNK], lengths[first : first + CHUNK]
        if _count_near(some, near, wrong + width * near, far, wrong + width * far) > 0:
            for j in range(len(some)):
                apart = min(abs(some[j] - near) - width * near, abs(some[j] - far) - width * far)
                if apart <= error * others[j] + least:
                    some[j] = squared_distance(x, i, first + j)
        a, b = count_below(some, near * (1 - width / 2), far * (1 - width / 2))
        closer, close = closer + a, close + b
    return closer, close


@kernel()
def _count_near(distances, near, about_near, far, about_far):  # type: ignore[no-untyped-def]
    """Count distances that are about one radius or another."""
    found = 0
    for j in range(len(distances)):  # no branch, so that it compiles to vector instructions
        found += abs(distances[j] - near) <= about_near
        found += abs(distances[j] - far) <= about_far
    return found


@kernel()
def count_below(distances, near, far):  # type: ignore[no-untyped-def]
    """Count distances below two radii."""
    closer, close = 0, 0
    for j in range(len(distances)):
        closer += distances[j] < near
        close += distances[j] < far
    return closer, close


@kernel()
def nearest(dx, dy, first, out, rows):  # type: ignore[no-untyped-def]
    """Write the len(out) smallest joint squared distances, ascending, and to which rows they are.

    The distances are those to rows from the first on.
    """
    out[:] = np.inf
    rows[:] = -1
    last = len(out) - 1
    for j in range(len(dx)):
        d = max(dx[j], dy[j])
        if d < out[last]:
            place = last
            while place > 0 and out[place - 1] > d:
                out[place], rows[place] = out[place - 1], rows[place - 1]
                place -= 1
            out[place], rows[place] = d, first + j


@kernel()
def settle_nearest(  # type: ignore[no-untyped-def]
    x, y, i, first, dx, dy,
    lengths_x, most_x, error_x, least_x, lengths_y, most_y, error_y, least_y,
    out, rows,
):  # fmt: skip
    """Write what `nearest` writes for row i, of distances that are then taken by differences."""
    nearest(dx, dy, 0, out, rows)
    # So many are as near as this at least: rows that may be nearer are among the nearest.
    highest = 0.0
    for j in rows:
        if j < 0:
            highest = np.inf
        else:
            of_y = dy[j] + error_y * lengths_y[j] + least_y
            highest = max(highest, dx[j] + error_x * lengths_x[j] + least_x, of_y)
    about = highest + max(error_x * most_x + least_x, error_y * most_y + least_y)
    out[:] = np.inf
    rows[:] = -1
    for start in range(0, len(dx), CHUNK):
        some = slice(start, start + CHUNK)
        of_x, of_y, others_x, others_y = dx[some], dy[some], lengths_x[some], lengths_y[some]
        if _within(of_x, of_y, about) > 0:
            for j in range(len(of_x)):
                row = first + start + j
                lowest = of_x[j] - error_x * others_x[j] - least_x
                lowest = max(lowest, of_y[j] - error_y * others_y[j] - least_y)
                if lowest <= highest and row != i:
                    if error_x > 0:
                        of_x[j] = squared_distance(x, i, row)
                    if error_y > 0:
                        of_y[j] = squared_distance(y, i, row)
                    _insert_row(max(of_x[j], of_y[j]), row, out, rows)


@kernel()
def _within(dx, dy, radius):  # type: ignore[no-untyped-def]
    """Count joint distances that are a radius at most."""
    found = 0
    for j in range(len(dx)):
        found += max(dx[j], dy[j]) <= radius
    return found


@kernel()
def _insert_row(value, row, out, rows):  # type: ignore[no-untyped-def]
    """Insert a value into the smallest ones, ascending, and whose it is."""
    place = len(out) - 1
    if value < out[place]:
        while place > 0 and out[place - 1] > value:
            out[place], rows[place] = out[place - 1], rows[place - 1]
            place -= 1
        out[place], rows[place] = value, row


@kernel()
def insert(value, out):  # type: ignore[no-untyped-def]
    """Insert a value into the smallest ones, ascending."""
    place = len(out) - 1
    if value < out[place]:
        while place > 0 and out[place - 1] > value:
            out[place] = out[place - 1]
            place -= 1
        out[place] = value
