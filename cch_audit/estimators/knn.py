"""One pass over all pairs of rows: the Kraskov estimate and its leave-one-out changes.

Row i needs its distances to every other row once; from them follow its radius, its neighbour
counts, and what each of its neighbours takes away when removed. Nothing of size n x n is kept.
The kernel is compiled (numba): brute force over columns beat every tree from four dimensions
up, and it needs the distances of *all* pairs anyway for the leave-one-out changes.
"""

import numpy as np

from cch_audit.estimators.compiled import kernel
from cch_audit.estimators.distances import (
    count_below,
    nearest,
    prepare,
    settle,
    squared_distance,
)
from cch_audit.rows import FloatArray, IntArray

TIE = 1e-10
"""Relative width within which two distances count as equal (squared distances: twice that)."""
BLOCK = 2**19
"""Products of each side that are there at the same time."""
LEAST_ROWS = 128
"""Whose products are taken together; of fewer they cost more."""
LANES = 16
"""Numbers of float32 that are worked on together."""


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
    x, (y, codes) = np.ascontiguousarray(x), columns_or_codes(y)
    order = np.empty(0, np.int64)
    if len(codes):  # rows of a class stand together: neighbours are sought there alone
        _, starts, place = np.unique(codes, return_index=True, return_inverse=True)
        codes = starts[place]
        order = np.argsort(codes, kind="stable")
        x, codes = x[order], codes[order]
    of_x, of_y = prepare(x, y)
    terms, own, change = np.empty(n), np.empty(n), np.zeros(n)
    size = min(n, max(LEAST_ROWS, BLOCK // n))
    block_x = np.empty((size, n), np.float32)
    block_y = np.zeros((1 if len(codes) else size, n), np.float32)
    psi_and_log = tables(n)
    for first in range(0, n, size):
        last = min(first + size, n)
        of_x.block(first, last, block_x)
        if not len(codes):
            of_y.block(first, last, block_y)
        _rows(
            *(first, last, of_x, of_y, block_x, block_y, codes, n_neighbors),
            *(*psi_and_log, terms, own, change),
        )
    # `own` are the terms at n - 1 rows; removing r also removes r's own term.
    without = (own.sum() - own + change) / (n - 1)
    if len(codes):
        terms[order], without[order] = terms.copy(), without.copy()
    return terms, without


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
def _rows(  # type: ignore[no-untyped-def]
    first, last, of_x, of_y, block_x, block_y, codes, k, digamma, log, terms, own, change
):
    """Write some rows' terms at n rows and at n - 1, and add the changes by removed row."""
    n, has_classes = len(terms), len(codes) > 0
    # As many groups as are passed over as quickly as the rows in those that may hold the nearest.
    n_groups = LANES * (1 + int(np.sqrt(2 * (k + 2) * n)) // LANES)
    all_x, all_y, lowest = np.empty(n), np.empty(n), np.empty(n_groups, np.float32)
    smallest, nearby, bounds = np.empty(k + 2), np.empty(k + 2, np.int64), np.empty(k + 2)
    sides, start, stop, edge_y = np.empty((2, k + 2)), 0, n, np.float32(0)
    for i in range(first, last):
        dx, dy = block_x[i - first], block_y[0 if has_classes else i - first]
        dx[i] = np.inf
        if not has_classes:
            dy[i] = np.inf
        elif i in (first, stop):
            start = np.searchsorted(codes, codes[i])
            stop = np.searchsorted(codes, codes[i], side="right")
        nearest(of_x, of_y, i, start, stop, dx, dy, lowest, bounds, smallest, nearby, sides)
        near, far = smallest[k - 1], smallest[k]
        inner, outer = near * (1 - 2 * TIE), far * (1 - 2 * TIE)
        repeated = far <= near * (1 + 2 * TIE)
        tied = repeated or near == 0.0
        is_plain = not tied and smallest[k + 1] > far * (1 + 2 * TIE)
        if is_plain:
            near_x, far_x, edge_x = count_below(of_x, i, dx, inner, outer, nearby, sides[0])
            near_y = far_y = stop - start - 1
            if not has_classes:
                near_y, far_y, edge_y = count_below(of_y, i, dy, inner, outer, nearby, sides[1])
            counts, after = (k, near_x, near_x, near_y, near_y), (k + 1, far_x, far_x, far_y, far_y)
        else:
            settle(of_x, i, dx, near, far, 4 * TIE, all_x)
            if has_classes:
                all_y[:] = np.inf
                all_y[start:stop], all_y[i] = 0.0, np.inf
            else:
                settle(of_y, i, dy, near, far, 4 * TIE, all_y)
            counts = _counts(all_x, all_y, near)
            after = counts if repeated else _counts(all_x, all_y, far)
        radius = near if repeated else far
        terms[i] = _term(n, k, near, counts, 0, 0, 0, 0, 0, digamma, log)
        base = _term(n - 1, k, near, counts, 0, 0, 0, 0, 0, digamma, log)
        own[i] = base
        # A row outside the ball can leave one slab only, so its change is one of two numbers.
        edge = np.nextafter(near * (1 + 2 * TIE), np.inf) if tied else inner
        leave_x = _term(n - 1, k, near, counts, 0, 1, 1, 0, 0, digamma, log) - base
        leave_y = _term(n - 1, k, near, counts, 0, 0, 0, 1, 1, digamma, log) - base
        if has_classes:
            if is_plain:
                _add_below(dx, edge_x, leave_x, change)
            else:
                _add_below(all_x, edge, leave_x, change)
            change[start:i] += leave_y
            change[i + 1 : stop] += leave_y
        elif is_plain:
            _add_both_below(dx, edge_x, leave_x, dy, edge_y, leave_y, change)
        else:
            _add_both_below(all_x, edge, leave_x, all_y, edge, leave_y, change)
        # A row inside the ball takes a neighbour with it, and without ties the radius grows.
        members = _members(all_x, all_y, near, counts[0]) if repeated else nearby[:k]
        strict = radius * (1 - 2 * TIE)
        for place in range(len(members)):
            j = members[place]
            if repeated:
                to_x, to_y = squared_distance(of_x, i, j), squared_distance(of_y, i, j)
            else:
                to_x, to_y = sides[0, place], sides[1, place]
            less_x, less_y = int(to_x < strict), int(to_y < strict)
            removed = _term(n - 1, k, radius, after, 1, less_x, 1, less_y, 1, digamma, log)
            outside = (leave_x if to_x < edge else 0.0) + (leave_y if to_y < edge else 0.0)
            change[j] += removed - base - outside


@kernel()
def _add_below(distances, edge, value, out):  # type: ignore[no-untyped-def]
    """Add a value for each distance below an edge."""
    for j in range(len(out)):
        out[j] += value if distances[j] < edge else 0.0


@kernel()
def _add_both_below(dx, edge_x, of_x, dy, edge_y, of_y, out):  # type: ignore[no-untyped-def]
    """Add a value for each distance below an edge, another on each side."""
    for j in range(len(out)):
        out[j] += (of_x if dx[j] < edge_x else 0.0) + (of_y if dy[j] < edge_y else 0.0)


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
