"""Squared Euclidean distances of rows: by products where many are compared, else one by one.

|x_i - x_j|^2 = |x_i|^2 + |x_j|^2 - 2 x_i . x_j, the products in float32, is many times quicker
than differences, and wrong by a share of the lengths that is known. Whoever compares distances
takes the differences where that share could decide.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cch_audit.estimators.compiled import kernel
from cch_audit.rows import FloatArray

Floats = npt.NDArray[np.float32]
ROWS = 4
"""Rows whose distances are computed together, in `squared_distances`."""
HALF_UNIT = 2.0**-24
"""Relative rounding error of float32."""
UNDERFLOW = 1e-37
"""Products that are smaller are not what they are in float32."""
CHUNK = 256
"""Distances that are passed over together."""
ONE, NONE, INFINITE = np.float32(1), np.float32(0), np.float32(np.inf)


class Products(NamedTuple):
    """Rows whose squared distances are taken by blocks, as one product of float32."""

    x: FloatArray
    """(n, d) the rows."""
    left: Floats
    """(n, d + 2) of each row: -2 times its values, 1, its squared length; all over the scale."""
    right: Floats
    """(d + 2, n) of each row: its values, its squared length, 1."""
    lengths: FloatArray
    """(n,) squared lengths over the scale."""
    most: float
    """The largest of them."""
    error: float
    """Of a squared distance by products, as a share of both squared lengths, at most."""
    least: float
    """What a squared distance by products may be wrong by at any lengths."""
    scale: float
    """What squared lengths and distances are divided by, to be about 1: a power of 4."""

    def block(self, first: int, last: int, out: Floats) -> None:
        """Write the squared distances of some rows to all, (b, n), into the first of these."""
        np.matmul(self.left[first:last], self.right, out=out[: last - first])


def prepare(*sides: FloatArray) -> list[Products]:
    """Prepare the rows (n, d) of sides whose distances are compared with each other."""
    lengths = [np.einsum("ij,ij->i", x, x) for x in sides]
    largest = max(float(squared.mean()) for squared in lengths)
    # A power of 4, so that neither it nor its root adds a rounding error.
    scale = float(4.0 ** np.round(np.log2(largest) / 2)) if largest > 0 else 1.0
    return [_prepare(x, squared / scale, scale) for x, squared in zip(sides, lengths)]


def _prepare(x: FloatArray, lengths: FloatArray, scale: float) -> Products:
    """Prepare the rows of one side."""
    n, d = x.shape
    left = np.empty((n, d + 2), np.float32)
    np.multiply(x, -2 / np.sqrt(scale), out=left[:, :d], casting="same_kind")
    left[:, d], left[:, d + 1] = 1, lengths
    right = np.ascontiguousarray(left.T)
    right[:d] *= -0.5
    right[d], right[d + 1] = lengths, 1
    # Of a sum of d + 2 terms, in all at most twice both lengths, and of what is summed. Errors of
    # so many do not all point one way: ten roots (Higham and Mary 2019) are never reached.
    error = float((2 * min(d + 2, 10 * np.sqrt(d + 2)) + 16) * HALF_UNIT)
    least = UNDERFLOW * (x.size + 1)
    return Products(x, left, right, lengths, float(lengths.max()), error, least, scale)


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
def _squared_distance(x, i, j):  # type: ignore[no-untyped-def]
    """Return the squared Euclidean distance of two rows."""
    total = 0.0
    for column in range(x.shape[1]):
        total += (x[i, column] - x[j, column]) ** 2
    return total


@kernel()
def squared_distance(of, i, j):  # type: ignore[no-untyped-def]
    """Return the squared Euclidean distance of two rows, by differences, over the scale."""
    return _squared_distance(of.x, i, j) / of.scale


@kernel()
def _limits(of, i, radius):  # type: ignore[no-untyped-def]
    """Return below what row i's distances by products are if they surely, and maybe, are in a ball.

    An error is a share of both squared lengths, |x_i|^2 and |x_j|^2, of which the other one is at
    most the largest of all, and at most 2 |x_i|^2 + 2 |x_i - x_j|^2.
    """
    own = of.lengths[i]
    wrong = min(own + of.most, 3 * own + 2 * radius) * of.error + 2 * of.least
    surely, maybe = radius - wrong, radius + wrong
    unit = 4 * HALF_UNIT
    return np.float32(surely - abs(surely) * unit), np.float32(maybe + maybe * unit)


@kernel()
def _at_most(of, i, found):  # type: ignore[no-untyped-def]
    """Return what a squared distance of row i is at most, by the bounds of `_limits`."""
    own, error = of.lengths[i], of.error
    most = found + error * (own + of.most)
    return min(most, (found + 3 * error * own) / (1 - 2 * error)) + 2 * of.least


@kernel()
def nearest(of_x, of_y, i, first, last, dx, dy, lowest, bounds, out, rows, sides):  # type: ignore[no-untyped-def]
    """Write the len(out) smallest joint squared distances of row i, and to which rows they are.

    They are ascending, by differences, and those to rows first..last - 1. Distances by products
    are passed over in groups of every so manieth row, and the least ones of as many groups as rows
    are sought say how far these are at most.

    Parameters
    ----------
    of_x, of_y : `Products`
    dx, dy : (n,) distances of row i by products; infinite for what is no neighbour
    lowest : (n_groups,) float32, to work in
    bounds : as `out`, to work in
    sides : (2, len(out)) the squared distances in x and in y
    """
    lowest = lowest[: last - first]
    lowest[:] = np.inf
    bounds[:] = np.inf
    out[:] = np.inf
    rows[:] = -1
    width = len(lowest)
    for start in range(first, last, width):
        part = slice(start, min(start + width, last))
        _least(dx[part], dy[part], lowest)
    for bound in lowest:
        if bound < bounds[-1]:
            insert(bound, bounds)
    limit = max(_at_most(of_x, i, bounds[-1]), _at_most(of_y, i, bounds[-1]))
    limit = max(_limits(of_x, i, limit)[1], _limits(of_y, i, limit)[1])
    for group in range(width):
        if lowest[group] <= limit:
            for j in range(first + group, last, width):
                if j != i and max(dx[j], dy[j]) <= limit:
                    to_x, to_y = squared_distance(of_x, i, j), squared_distance(of_y, i, j)
                    _insert_row(to_x, to_y, j, out, rows, sides)


@kernel()
def _least(dx, dy, lowest):  # type: ignore[no-untyped-def]
    """Lower the least joint distances, place by place."""
    for j in range(len(dx)):  # no branch, so that it compiles to vector instructions
        joint = dx[j] if dx[j] > dy[j] else dy[j]
        lowest[j] = joint if joint < lowest[j] else lowest[j]


@kernel()
def count_below(of, i, distances, near, far, rows, known):  # type: ignore[no-untyped-def]
    """Count squared distances of row i below two radii, and settle which are below the first.

    Returned is also what a distance by products is then below if it is below the first radius; to
    that end some are changed. Known are the distances of some rows, -1 for none, that are about as
    far as the radii.
    """
    surely_near, maybe_near = _limits(of, i, near)
    surely_far, maybe_far = _limits(of, i, far)
    closer, close = 0, 0
    for place in range(len(rows)):
        if rows[place] >= 0:
            close += int(near <= known[place] < far)
            distances[rows[place]] = NONE if known[place] < near else INFINITE
    for first in range(0, len(distances), CHUNK):
        part = distances[first : first + CHUNK]
        a, b, c, d = _four_counts(part, surely_near, maybe_near, surely_far, maybe_far)
        if a == b and c == d:
            closer, close = closer + int(a), close + int(c)
            continue
        for j in range(len(part)):
            is_closer, is_close = part[j] < surely_near, part[j] < surely_far
            if (not is_closer and part[j] < maybe_near) or (not is_close and part[j] < maybe_far):
                distance = squared_distance(of, i, first + j)
                is_closer, is_close = distance < near, distance < far
                part[j] = NONE if is_closer else INFINITE
            closer, close = closer + int(is_closer), close + int(is_close)
    return closer, close, maybe_near


@kernel(fastmath={"reassoc", "nsz"})
def _four_counts(distances, surely_near, maybe_near, surely_far, maybe_far):  # type: ignore[no-untyped-def]
    """Count distances below radii; so few that float32 holds their number."""
    a, b, c, d = NONE, NONE, NONE, NONE
    for j in range(len(distances)):  # no branch, so that it compiles to vector instructions
        a += ONE if distances[j] < surely_near else NONE
        b += ONE if distances[j] < maybe_near else NONE
        c += ONE if distances[j] < surely_far else NONE
        d += ONE if distances[j] < maybe_far else NONE
    return a, b, c, d


@kernel()
def settle(of, i, distances, near, far, width, out):  # type: ignore[no-untyped-def]
    """Write squared distances of row i, by differences where products might err about two radii.

    What is within a share of a radius counts as about it. Infinite ones stay infinite.
    """
    own = of.error * of.lengths[i] + of.least
    for j in range(len(out)):
        distance = np.float64(distances[j])
        apart = min(abs(distance - near) - width * near, abs(distance - far) - width * far)
        if apart <= of.error * of.lengths[j] + own:
            distance = squared_distance(of, i, j)
        out[j] = distance


@kernel()
def _insert_row(to_x, to_y, row, out, rows, sides):  # type: ignore[no-untyped-def]
    """Insert the larger of two distances into the smallest ones, ascending, and whose it is."""
    value, place = max(to_x, to_y), len(out) - 1
    if value < out[place]:
        while place > 0 and out[place - 1] > value:
            out[place], rows[place] = out[place - 1], rows[place - 1]
            sides[0, place], sides[1, place] = sides[0, place - 1], sides[1, place - 1]
            place -= 1
        out[place], rows[place], sides[0, place], sides[1, place] = value, row, to_x, to_y


@kernel()
def insert(value, out):  # type: ignore[no-untyped-def]
    """Insert a value into the smallest ones, ascending."""
    place = len(out) - 1
    if value < out[place]:
        while place > 0 and out[place - 1] > value:
            out[place] = out[place - 1]
            place -= 1
        out[place] = value
