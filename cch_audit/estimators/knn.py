"""One pass over all pairs of rows: the Kraskov estimate and its leave-one-out changes.

Row i needs its distances to every other row once; from them follow its radius, its neighbour
counts, and what each of its neighbours takes away when removed. Nothing of size n x n is kept.
The kernel is compiled (numba): brute force over columns beat every tree from four dimensions
up, and it needs the distances of *all* pairs anyway for the leave-one-out changes.
"""

import numpy as np

from cch_audit.estimators.compiled import kernel
from cch_audit.rows import FloatArray, IntArray

ROWS = 4
"""Rows whose distances are computed together, in `_squared_distances`."""
TIE = 1e-10
"""Relative width within which two distances count as equal (squared distances: twice that)."""


def local_informations(
    x: FloatArray, y: FloatArray | IntArray, n_neighbors: int
) -> tuple[FloatArray, FloatArray]:
    """Return each row's KSG-1 term and the estimate without each row.

    The term of row i is psi(k) + psi(n) - psi(nx + 1) - psi(ny + 1) (Kraskov et al. 2004, eq. 8),
    with the maximum norm over the joint space and the Euclidean norm inside x and inside y; nx and
    ny count the rows strictly within the distance to the k-th neighbour. Class codes have distance
    0 within a class and infinity between classes, which gives Ross (2014, eq. 6). Where more than
    k rows lie at or within that distance (ties, duplicates) the counts are closed and the term is
    psi(k~) + log(n) - log(nx + 1) - log(ny + 1) (Gao et al. 2017, algorithm 1).

    Parameters
    ----------
    x : (n_samples, d) float array
    y : (n_samples, q) float array, or (n_samples,) integer class codes
    n_neighbors : k, less than n_samples - 1; with classes, less than the smallest class - 1

    Returns
    -------
    terms : (n_samples,) array, nats; its mean is the estimate
    without : (n_samples,) array, nats; the estimate from all rows but i, neighbours updated
    """
    n = len(x)
    x = np.ascontiguousarray(x)
    terms, own, change = _rows(x, *columns_or_codes(y), n_neighbors, *tables(n))
    # `own` are the terms at n - 1 rows; removing r also removes r's own term.
    return terms, (own.sum() - own + change) / (n - 1)


def columns_or_codes(y: FloatArray | IntArray) -> tuple[FloatArray, IntArray]:
    """Return y as the kernel takes it: columns and no codes, or codes and no columns."""
    if y.ndim == 1:
        return np.empty((len(y), 0)), np.ascontiguousarray(y, dtype=np.int64)
    return np.ascontiguousarray(y, dtype=np.float64), np.empty(0, np.int64)


def tables(n: int) -> tuple[FloatArray, FloatArray]:
    """Return psi and log of 0, 1, ..., n + 1."""
    return digamma_table(n + 1), np.log(np.maximum(np.arange(n + 2), 0.5))


def digamma_table(size: int) -> FloatArray:
    """Return psi(0), psi(1), ..., psi(size); psi(0) is never used and set to -inf."""
    steps = np.concatenate([[-np.inf, -np.euler_gamma], 1.0 / np.arange(1, size)])
    return np.concatenate([steps[:1], np.cumsum(steps[1:])])[: size + 1]


@kernel()
def _rows(x, y, codes, k, digamma, log):  # type: ignore[no-untyped-def]
    """Return every row's term at n rows, its term at n - 1, and the changes by removed row."""
    n = len(x)
    terms, own, change = np.empty(n), np.empty(n), np.zeros(n)
    block_x, block_y = np.empty((ROWS, n)), np.empty((ROWS, n))
    smallest = np.empty(k + 1)
    for i in range(n):
        lane = i % ROWS
        if lane == 0:
            _squared_distances(x, i, block_x)
            if len(codes) == 0:
                _squared_distances(y, i, block_y)
        dx, dy = block_x[lane], block_y[lane]
        if len(codes) > 0:
            for j in range(n):
                dy[j] = 0.0 if codes[j] == codes[i] else np.inf
        dx[i], dy[i] = np.inf, np.inf
        _smallest(dx, dy, smallest)
        near, far = smallest[k - 1], smallest[k]
        counts = _counts(dx, dy, near)
        terms[i] = _term(n, k, near, counts, 0, 0, 0, 0, 0, digamma, log)
        base = _term(n - 1, k, near, counts, 0, 0, 0, 0, 0, digamma, log)
        own[i] = base
        # A row outside the ball can leave one slab only, so its change is one of two numbers.
        tied = counts[0] > k or near == 0.0
        edge = np.nextafter(near * (1 + 2 * TIE), np.inf) if tied else near * (1 - 2 * TIE)
        leave_x = _term(n - 1, k, near, counts, 0, 1, 1, 0, 0, digamma, log) - base
        leave_y = _term(n - 1, k, near, counts, 0, 0, 0, 1, 1, digamma, log) - base
        for j in range(n):
            change[j] += (leave_x if dx[j] < edge else 0.0) + (leave_y if dy[j] < edge else 0.0)
        # A row inside the ball takes a neighbour with it, and without ties the radius grows.
        members = _members(dx, dy, near, counts[0])
        radius = near if counts[0] > k else far
        after = counts if counts[0] > k else _counts(dx, dy, far)
        strict = radius * (1 - 2 * TIE)
        for j in members:
            less_x, less_y = int(dx[j] < strict), int(dy[j] < strict)
            removed = _term(n - 1, k, radius, after, 1, less_x, 1, less_y, 1, digamma, log)
            outside = (leave_x if dx[j] < edge else 0.0) + (leave_y if dy[j] < edge else 0.0)
            change[j] += removed - base - outside
    return terms, own, change


@kernel(fastmath={"reassoc", "contract", "nsz"})
def _squared_distances(x, i, out):  # type: ignore[no-untyped-def]
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


@kernel()
def _smallest(dx, dy, out):  # type: ignore[no-untyped-def]
    """Write the len(out) smallest joint squared distances, ascending."""
    out[:] = np.inf
    last = len(out) - 1
    for j in range(len(dx)):
        d = max(dx[j], dy[j])
        if d < out[last]:
            place = last
            while place > 0 and out[place - 1] > d:
                out[place] = out[place - 1]
                place -= 1
            out[place] = d


@kernel()
def _counts(dx, dy, radius):  # type: ignore[no-untyped-def]
    """Count rows within a squared radius: joint closed, x strict, x closed, y strict, y closed."""
    strict, closed = radius * (1 - 2 * TIE), radius * (1 + 2 * TIE)
    joint, x_strict, x_closed, y_strict, y_closed = 0, 0, 0, 0, 0
    for j in range(len(dx)):  # no branch, so that it compiles to vector instructions
        x_strict += dx[j] < strict
        x_closed += dx[j] <= closed
        y_strict += dy[j] < strict
        y_closed += dy[j] <= closed
        joint += max(dx[j], dy[j]) <= closed
    return joint, x_strict, x_closed, y_strict, y_closed


@kernel()
def _members(dx, dy, radius, size):  # type: ignore[no-untyped-def]
    """Return the rows within a squared radius, of which there are so many."""
    members, found = np.empty(size, np.int64), 0
    for j in range(len(dx)):
        if max(dx[j], dy[j]) <= radius * (1 + 2 * TIE):
            members[found] = j
            found += 1
    return members


@kernel()
def _term(n, k, radius, counts, less_joint, less_xs, less_xc, less_ys, less_yc, digamma, log):  # type: ignore[no-untyped-def]
    """One row's term from its counts, less what a removed row takes out of each."""
    joint = counts[0] - less_joint
    if joint > k or radius == 0.0:
        x_closed, y_closed = counts[2] - less_xc, counts[4] - less_yc
        return digamma[joint] + log[n] - log[x_closed + 1] - log[y_closed + 1]
    x_strict, y_strict = counts[1] - less_xs, counts[3] - less_ys
    return digamma[k] + digamma[n] - digamma[x_strict + 1] - digamma[y_strict + 1]
