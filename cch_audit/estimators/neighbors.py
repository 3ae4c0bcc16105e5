"""Mutual information from nearest neighbours (Kraskov 2004; Ross 2014; Gao 2017)."""

import numpy as np

from cch_audit.dependence.units import Dependence, among, usable_rows
from cch_audit.estimators.contract import Estimate, is_classes, standardize
from cch_audit.estimators.knn import columns_or_codes, local_informations
from cch_audit.estimators.knn_units import leading_rows, local_informations_of_units
from cch_audit.rows import FloatArray, IntArray

MOST_NEAR = 10
"""Share of all rows, one in so many, that are neighbours at most."""
NEAR_SHARE = 0.4
"""Of the distance to the k-th row from other groups: nearer rows of a group repeat each other."""


def from_neighbors(
    x: FloatArray,
    y: FloatArray | IntArray,
    n_neighbors: int,
    dependence: Dependence | None = None,
) -> Estimate:
    """Estimate I(x; y) in nats by KSG-1 on standardised columns.

    The estimate is psi(k) + psi(n) - <psi(nx + 1) + psi(ny + 1)> (Kraskov et al. 2004, eq. 8), with
    the Euclidean norm inside x and inside y, each divided by the root of its dimension; its
    variants for classes and ties are those of `local_informations`. The pseudo-value of row i is
    n I - (n - 1) I(without i), shifted so that the mean is the estimate. Where rows depend on each
    other a unit of m rows is left out as a whole, and each of them gets
    I + (n - m) / m (I' - I(without the unit)); k is then multiplied by the design effect, so that
    as many independent rows are met as otherwise, and rows that repeat each other within a group,
    exactly or nearly, are one. It is deterministic.

    Rows of classes too small for k are left out. k is lowered to what the rows, or the largest
    class, allow. Where even one neighbour is too many the estimate is 0.
    """
    if dependence is None:
        return _from_rows(x, y, n_neighbors, None)
    kept, place = _repeats(x, y, dependence.groups, n_neighbors)
    inside = dependence.take(kept)
    found = _from_rows(x[kept], y[kept], n_neighbors, inside)
    # A unit counts as much as before, so each of its rows the less, the fewer of them were kept.
    units = dependence.units
    weights = np.bincount(units[kept], minlength=int(units.max()) + 1) / np.bincount(units)
    share = weights[units] * len(x) / len(kept)
    deviations = found.pseudo_values[place] - found.value
    return Estimate(value=found.value, pseudo_values=found.value + share * deviations)


def _from_rows(
    x: FloatArray,
    y: FloatArray | IntArray,
    n_neighbors: int,
    dependence: Dependence | None,
) -> Estimate:
    """Estimate from rows of which none repeats another one of its group."""
    if dependence is not None:
        n_neighbors = _of_free_rows(x, y, n_neighbors, dependence)
    used, n_neighbors = usable_rows(y, n_neighbors, dependence)
    if n_neighbors < 1:
        return Estimate(value=0.0, pseudo_values=np.zeros(len(x)))
    columns = y[used] if is_classes(y) else _unit(y)
    inside = among(dependence, np.flatnonzero(used))
    sizes = np.ones(int(used.sum()))
    unit = _unit(x if used.all() else x[used])
    if inside is None:
        terms, without = local_informations(unit, columns, n_neighbors)
    else:
        terms, without = local_informations_of_units(unit, columns, n_neighbors, inside)
        sizes = np.bincount(inside.units)[inside.units].astype(np.float64)
    value = float(terms.mean())
    pseudo_values = np.full(len(x), value)
    # n I - (n - 1) I(without i), with the common part replaced by the estimate.
    others = (len(terms) - sizes) / sizes
    common = without.mean() if inside is None else (others * without).sum() / others.sum()
    pseudo_values[used] = value - others * (without - common)
    return Estimate(value=value, pseudo_values=pseudo_values)


def _repeats(
    x: FloatArray, y: FloatArray | IntArray, groups: IntArray, n_neighbors: int
) -> tuple[IntArray, IntArray]:
    """Return the first of all rows of a group that repeat each other, and each row's place there.

    A row repeats another one of its group that is far nearer, in x and in y, than the k-th row from
    other groups. Such rows would meet every ball together, and the psi of their number promises
    more than the few sources behind them: up to .2 nats too much.
    """
    x, y = _unit(x), y if is_classes(y) else _unit(y)
    order = np.argsort(groups, kind="stable")
    starts = np.append(np.flatnonzero(np.diff(groups[order], prepend=-1)), len(order))
    if len(starts) - 1 in (1, len(order)):
        return np.arange(len(order)), np.arange(len(order))
    sides = np.ascontiguousarray(x[order]), *columns_or_codes(y[order])
    leaders = leading_rows(*sides, starts, n_neighbors, NEAR_SHARE**2)
    kept, place = np.unique(order[leaders], return_inverse=True)
    places = np.empty(len(order), np.int64)
    places[order] = place
    return kept, places


def _of_free_rows(
    x: FloatArray, y: FloatArray | IntArray, n_neighbors: int, dependence: Dependence
) -> int:
    """Return how many rows hold as much as so many independent ones, a tenth of all at most.

    The k-th of rows that come in fours is the first of their sources: a ball around so few says
    little, and what it says is too much, for the terms count rows that come one by one.
    """
    columns = np.eye(int(y.max()) + 1)[y] if is_classes(y) else np.asarray(y, dtype=np.float64)
    likeness = dependence.likeness(standardize(x)), dependence.likeness(standardize(columns))
    rows = n_neighbors * dependence.design_effect(*likeness)
    return max(n_neighbors, min(round(rows), len(x) // MOST_NEAR))


def _unit(x: FloatArray | IntArray) -> FloatArray:
    """Standardise columns and bring every space to the same mean squared norm, 1.

    The joint norm is a maximum: of 64 and 8 standardised columns only the 64 would ever decide it,
    and the estimate would be exactly 0. Any scale of a whole space is allowed.
    """
    unit = standardize(x)
    unit /= np.sqrt(x.shape[1])
    return unit


def conditional_on_classes(
    x: FloatArray,
    y: FloatArray,
    classes: IntArray,
    n_neighbors: int,
    dependence: Dependence | None = None,
) -> Estimate:
    """Estimate I(x; y | classes) in nats: the average within classes, weighted by their sizes."""
    value, pseudo_values = 0.0, np.zeros(len(x))
    for code in np.unique(classes):
        rows = classes == code
        inside = among(dependence, np.flatnonzero(rows))
        within = from_neighbors(x[rows], y[rows], n_neighbors, inside)
        value += within.value * float(rows.mean())
        pseudo_values[rows] = within.pseudo_values
    return Estimate(value=value, pseudo_values=pseudo_values)
