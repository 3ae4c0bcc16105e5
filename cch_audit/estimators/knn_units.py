"""The pass over all pairs of rows where rows depend on each other: whole units are left out."""

import numpy as np

from cch_audit.dependence.units import Dependence
from cch_audit.estimators.compiled import kernel
from cch_audit.estimators.distances import ROWS, squared_distances
from cch_audit.estimators.knn import (
    TIE,
    _counts,
    _members,
    columns_or_codes,
    tables,
)
from cch_audit.rows import FloatArray, IntArray

LOOKED_AT = 200
"""Groups from which the typical distance to other groups is taken."""


def local_informations_of_units(
    x: FloatArray, y: FloatArray | IntArray, n_neighbors: int, dependence: Dependence
) -> tuple[FloatArray, FloatArray]:
    """Return each row's KSG-1 term and the estimate without its unit.

    The term is that of `knn.local_informations` among the rows that may inform row i: rows of its
    group or window are no neighbours, are not counted, and n is the number of the others and
    itself (Theiler 1986, for correlation sums). So it is about a row from a new group. Where rows
    of a single unit lie at exactly the radius (one side is constant in groups), psi(m) is the mean
    psi over the places m that they take: they would be told apart by anything that was added.

    Parameters
    ----------
    x : (n_samples, d) float array
    y : (n_samples, q) float array, or (n_samples,) integer class codes
    n_neighbors : k, of rows that may inform each other
    dependence : which rows depend on each other

    Returns
    -------
    terms : (n_samples,) array, nats; not a number where fewer than k rows may inform row i
    without : (n_samples,) array, nats; the estimate from all units but that of row i, neighbours
        updated
    """
    order = np.argsort(dependence.units, kind="stable")
    units = np.unique(dependence.units[order], return_inverse=True)[1]
    starts = np.append(np.flatnonzero(np.diff(units, prepend=-1)), len(units))
    near = dependence.groups[order], dependence.positions[order], dependence.window
    digamma, log = tables(len(x))
    found, total, counted = _rows_of_units(
        np.ascontiguousarray(x[order]),
        *columns_or_codes(y[order]),
        n_neighbors,
        *near,
        starts,
        units,
        digamma,
        np.append(0.0, np.cumsum(digamma[1:])),  # psi(1) + ... + psi(m)
        log,
    )
    terms, without = np.empty(len(x)), np.empty(len(x))
    terms[order] = found
    without[order] = (total / np.maximum(counted, 1))[units]
    return terms, without


@kernel()
def leading_rows(x, y, codes, starts, k, share):  # type: ignore[no-untyped-def]
    """Return for each row the first row of its group that it repeats, or itself.

    It repeats a row that is as near in x and in y as this share of the typical squared distance to
    the k-th row from other groups, of which one each is looked at. Rows come by group.
    """
    n, n_groups = len(x), len(starts) - 1
    step, k = max(1, n_groups // LOOKED_AT), min(k, n_groups - 1)
    radii, distances = np.empty(len(range(0, n_groups, step))), np.empty(n_groups)
    for at in range(len(radii)):
        for g in range(n_groups):
            distances[g] = _joint(x, y, codes, starts[at * step], starts[g])
        distances[at * step] = np.inf
        radii[at] = np.partition(distances, k - 1)[k - 1]
    near = share * np.median(radii) if np.isfinite(np.median(radii)) else 0.0
    leaders, found = np.empty(n, np.int64), np.empty(n, np.int64)
    for g in range(n_groups):
        size = 0
        for i in range(starts[g], starts[g + 1]):
            leaders[i] = i
            for at in range(size):
                if _joint(x, y, codes, i, found[at]) <= near:
                    leaders[i] = found[at]
                    break
            if leaders[i] == i:
                found[size] = i
                size += 1
    return leaders


@kernel()
def _joint(x, y, codes, i, j):  # type: ignore[no-untyped-def]
    """Return the joint squared distance of two rows."""
    of_x, of_y = 0.0, 0.0
    for column in range(x.shape[1]):
        of_x += (x[i, column] - x[j, column]) ** 2
    if len(codes) > 0:
        return of_x if codes[i] == codes[j] else np.inf
    for column in range(y.shape[1]):
        of_y += (y[i, column] - y[j, column]) ** 2
    return max(of_x, of_y)


@kernel()
def _rows_of_units(x, y, codes, k, groups, positions, window, starts, unit, digamma, sums, log):  # type: ignore[no-untyped-def]
    """Return every row's term and, by unit, the sum and the number of the terms without it.

    Without a unit that row i does not meet, its term changes by the number of rows alone. That part
    is added for all units at the end; here the few units are corrected that row i does meet: its
    own, those inside its ball, those that its window reaches, and those inside one of its slabs.
    """
    n, n_units = len(x), len(starts) - 1
    terms = np.empty(n)
    total, counted = np.zeros(n_units), np.zeros(n_units, np.int64)
    sizes = np.diff(starts)
    block_x, block_y = np.empty((ROWS, n)), np.empty((ROWS, n))
    distances, rows = np.empty(2 * k + 1), np.empty(2 * k + 1, np.int64)
    done = np.full(n_units, -1, np.int64)
    # The part of the number of rows: how many terms have so many rows, with ties and without.
    fixed, plain, tied_ones = 0.0, np.zeros(n + 1), np.zeros(n + 1)
    for i in range(n):
        lane = i % ROWS
        if lane == 0:
            squared_distances(x, i, block_x)
            if len(codes) == 0:
                squared_distances(y, i, block_y)
        dx, dy = block_x[lane], block_y[lane]
        if len(codes) > 0:
            for j in range(n):
                dy[j] = 0.0 if codes[j] == codes[i] else np.inf
        n_left = 1 + _leave_out(dx, dy, i, groups, positions, window, starts, unit)
        _nearest(dx, dy, distances, rows)
        near = distances[k - 1]
        if near == np.inf:  # too few rows that may inform this one
            terms[i] = np.nan
            continue
        counts = _counts(dx, dy, near)
        lone = _lone(dx, dy, near, counts[0], distances, rows, unit, -1)
        tied = (counts[0] > k and lone < 0) or near == 0.0
        of_rows, edge = digamma, near * (1 - 2 * TIE)
        n_x, n_y = counts[1], counts[3]
        if tied:
            of_rows, edge = log, np.nextafter(near * (1 + 2 * TIE), np.inf)
            n_x, n_y = counts[2], counts[4]
            tied_ones[n_left] += 1
        else:
            plain[n_left] += 1
        at_edge = _at(dx, dy, near, lone, starts)
        terms[i] = _term(n_left, tied, counts, 0, 0, 0, 0, 0, at_edge, digamma, sums, log)
        own = terms[i] - of_rows[n_left]
        fixed += own
        done[unit[i]] = i
        total[unit[i]] -= own + _of(of_rows, n_left - sizes[unit[i]])
        counted[unit[i]] -= 1
        # Units inside the ball take neighbours with them, and the radius may grow.
        last, after = near, counts
        for member in _members(dx, dy, near, counts[0]):
            u = unit[member]
            if done[u] == i:
                continue
            done[u] = i
            total[u] -= own + _of(of_rows, n_left - sizes[u])
            radius = _without(dx, dy, k, distances, rows, unit, u, starts)
            if radius == np.inf:
                counted[u] -= 1
                continue
            if radius != last:
                last, after = radius, _counts(dx, dy, radius)
            lone_then = _lone(dx, dy, radius, after[0], distances, rows, unit, u)
            total[u] += _term_without(
                n_left, k, radius, after, lone_then, dx, dy, u, starts, digamma, sums, log
            )
        if window > 0:
            for u in range(n_units):
                left = 0
                for j in range(starts[u], starts[u + 1]):
                    left += dx[j] < np.inf
                if left < sizes[u] and done[u] != i:
                    total[u] += _of(of_rows, n_left - left) - _of(of_rows, n_left - sizes[u])
        psi_or_log = log if tied else sums
        _leave_slab(dx, edge, n_x, 0 if tied else at_edge[1], psi_or_log, unit, done, i, total)
        _leave_slab(dy, edge, n_y, 0 if tied else at_edge[2], psi_or_log, unit, done, i, total)
    of_number, n_terms = 0.0, int(plain.sum() + tied_ones.sum())
    for u in range(n_units):
        if u > 0 and sizes[u] == sizes[u - 1]:
            total[u] += of_number
        else:
            of_number = fixed
            for m in range(n + 1):
                if plain[m] > 0:
                    of_number += plain[m] * _of(digamma, m - sizes[u])
                if tied_ones[m] > 0:
                    of_number += tied_ones[m] * _of(log, m - sizes[u])
            total[u] += of_number
        counted[u] += n_terms
    return terms, total, counted


@kernel()
def _of(table, number):  # type: ignore[no-untyped-def]
    """Return psi or log of a number of rows; of none, whose terms are taken off again, 0."""
    return table[number] if number > 0 else 0.0


@kernel()
def _leave_out(dx, dy, i, groups, positions, window, starts, unit):  # type: ignore[no-untyped-def]
    """Move the rows that depend on row i out of reach, and return how many are left."""
    if window == 0:  # units are groups
        dx[starts[unit[i]] : starts[unit[i] + 1]] = np.inf
        dy[starts[unit[i]] : starts[unit[i] + 1]] = np.inf
        return len(dx) - (starts[unit[i] + 1] - starts[unit[i]])
    n_left = 0
    for j in range(len(dx)):
        if groups[j] == groups[i] or abs(positions[j] - positions[i]) <= window:
            dx[j], dy[j] = np.inf, np.inf
        else:
            n_left += 1
    return n_left


@kernel()
def _leave_slab(distances, edge, n_inside, n_at, table, unit, done, i, total):  # type: ignore[no-untyped-def]
    """Add to each unit what it changes by leaving the slab; units that are done are passed over."""
    last, inside = -1, 0
    for j in range(len(distances)):
        if distances[j] < edge:
            if unit[j] != last:
                if inside > 0 and done[last] != i:
                    total[last] += _place(table, n_inside, n_at)
                    total[last] -= _place(table, n_inside - inside, n_at)
                last, inside = unit[j], 0
            inside += 1
    if inside > 0 and done[last] != i:
        total[last] += _place(table, n_inside, n_at) - _place(table, n_inside - inside, n_at)


@kernel()
def _place(table, n_inside, n_at):  # type: ignore[no-untyped-def]
    """Return the mean psi of the places after n_inside that n_at rows take, or a log of one."""
    if n_at == 0:
        return table[n_inside + 1]
    return (table[n_inside + n_at] - table[n_inside]) / n_at


@kernel()
def _lone(dx, dy, radius, joint, distances, rows, unit, gone):  # type: ignore[no-untyped-def]
    """Return whose unit all rows at exactly a radius are, those gone apart; -1: of several."""
    strict, closed, lone = radius * (1 - 2 * TIE), radius * (1 + 2 * TIE), -1
    known = joint <= len(distances)
    for place in range(len(distances) if known else len(dx)):
        j = rows[place] if known else place
        if strict <= (distances[place] if known else max(dx[j], dy[j])) <= closed:
            if lone >= 0 and unit[j] not in (lone, gone):
                return -1
            if unit[j] != gone:
                lone = unit[j]
    return lone


@kernel()
def _at(dx, dy, radius, lone, starts):  # type: ignore[no-untyped-def]
    """Count the rows of a unit at exactly a radius in both spaces, in x and in y; 1 at least."""
    if lone < 0:
        return 1, 1, 1
    strict, closed = radius * (1 - 2 * TIE), radius * (1 + 2 * TIE)
    in_both, in_x, in_y = 0, 0, 0
    for j in range(starts[lone], starts[lone + 1]):
        in_both += strict <= max(dx[j], dy[j]) <= closed
        in_x += strict <= dx[j] <= closed
        in_y += strict <= dy[j] <= closed
    return max(in_both, 1), max(in_x, 1), max(in_y, 1)


@kernel()
def _term(n, tied, counts, less_joint, less_xs, less_xc, less_ys, less_yc, at, digamma, sums, log):  # type: ignore[no-untyped-def]
    """One row's term from its counts, less what is removed, and the numbers at its radius."""
    joint = counts[0] - less_joint
    if tied:
        x_closed, y_closed = counts[2] - less_xc, counts[4] - less_yc
        return digamma[joint] + log[n] - log[x_closed + 1] - log[y_closed + 1]
    of_joint = _place(sums, joint - at[0], at[0])
    of_x = _place(sums, counts[1] - less_xs, at[1])
    return of_joint + digamma[n] - of_x - _place(sums, counts[3] - less_ys, at[2])


@kernel()
def _term_without(n_left, k, radius, counts, lone, dx, dy, u, starts, digamma, sums, log):  # type: ignore[no-untyped-def]
    """Return a row's term without a unit, from the counts with it at the radius without it."""
    strict, closed = radius * (1 - 2 * TIE), radius * (1 + 2 * TIE)
    left, joint, x_strict, x_closed, y_strict, y_closed = 0, 0, 0, 0, 0, 0
    for j in range(starts[u], starts[u + 1]):
        left += dx[j] < np.inf
        joint += max(dx[j], dy[j]) <= closed
        x_strict += dx[j] < strict
        x_closed += dx[j] <= closed
        y_strict += dy[j] < strict
        y_closed += dy[j] <= closed
    tied = (counts[0] - joint > k and lone < 0) or radius == 0.0
    gone = (joint, x_strict, x_closed, y_strict, y_closed)
    at_edge = _at(dx, dy, radius, lone, starts)
    return _term(n_left - left, tied, counts, *gone, at_edge, digamma, sums, log)


@kernel()
def _nearest(dx, dy, distances, rows):  # type: ignore[no-untyped-def]
    """Write the smallest joint squared distances, ascending, and whose they are."""
    distances[:] = np.inf
    rows[:] = -1
    last = len(distances) - 1
    for j in range(len(dx)):
        d = max(dx[j], dy[j])
        if d < distances[last]:
            place = last
            while place > 0 and distances[place - 1] > d:
                distances[place], rows[place] = distances[place - 1], rows[place - 1]
                place -= 1
            distances[place], rows[place] = d, j


@kernel()
def _without(dx, dy, k, distances, rows, unit, u, starts):  # type: ignore[no-untyped-def]
    """Return the k-th smallest joint squared distance to a row outside a unit."""
    found = 0
    for place in range(len(distances)):
        if rows[place] < 0:
            return np.inf
        if unit[rows[place]] != u:
            found += 1
            if found == k:
                return distances[place]
    outside = np.maximum(dx, dy)
    outside[starts[u] : starts[u + 1]] = np.inf
    return np.partition(outside, k - 1)[k - 1]
