"""Nearest-neighbour information, slow and obvious: whole distance matrices, one row left out."""

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import digamma

from cch_audit.rows import FloatArray, IntArray

TIE = 1e-10
"""Relative width within which two distances count as equal."""


def local_informations(x: FloatArray, y: FloatArray | IntArray, k: int) -> FloatArray:
    """Return each row's term, (n,): KSG-1 or Ross without ties at the k-th neighbour, else Gao."""
    n = len(x)
    dx, dy = distances(x), distances(y)
    joint = np.maximum(dx, dy)
    terms = np.empty(n)
    for i in range(n):
        radius = np.sort(joint[i])[k - 1]
        closed, strict = radius * (1 + TIE), radius * (1 - TIE)
        n_joint = np.sum(joint[i] <= closed)
        if n_joint > k or radius == 0:
            nx, ny = np.sum(dx[i] <= closed), np.sum(dy[i] <= closed)
            terms[i] = digamma(n_joint) + np.log(n) - np.log(nx + 1) - np.log(ny + 1)
        else:
            nx, ny = np.sum(dx[i] < strict), np.sum(dy[i] < strict)
            terms[i] = digamma(k) + digamma(n) - digamma(nx + 1) - digamma(ny + 1)
    return terms


def leave_one_out(x: FloatArray, y: FloatArray | IntArray, k: int) -> FloatArray:
    """Return the estimate from all rows but i for every i, (n,), from scratch each time."""
    return np.array(
        [
            local_informations(np.delete(x, i, axis=0), np.delete(y, i, axis=0), k).mean()
            for i in range(len(x))
        ]
    )


def local_informations_of_units(
    x: FloatArray, y: FloatArray | IntArray, k: int, apart: np.ndarray, units: IntArray
) -> FloatArray:
    """Return each row's term among the rows that may inform it, apart (n, n); nan if too few."""
    dx, dy = distances(x), distances(y)
    terms = np.full(len(x), np.nan)
    for i in range(len(x)):
        others = np.flatnonzero(apart[i])
        row_x, row_y = dx[i, others], dy[i, others]
        joint, n = np.maximum(row_x, row_y), len(others) + 1
        if len(others) < k or not np.isfinite(np.sort(joint)[k - 1]):
            continue
        radius = np.sort(joint)[k - 1]
        closed, strict = radius * (1 + TIE), radius * (1 - TIE)
        n_joint = np.sum(joint <= closed)
        at_radius = np.unique(units[others[(joint >= strict) & (joint <= closed)]])
        if (n_joint > k and len(at_radius) > 1) or radius == 0:
            nx, ny = np.sum(row_x <= closed), np.sum(row_y <= closed)
            terms[i] = digamma(n_joint) + np.log(n) - np.log(nx + 1) - np.log(ny + 1)
        elif len(at_radius) > 1:
            nx, ny = np.sum(row_x < strict), np.sum(row_y < strict)
            terms[i] = digamma(k) + digamma(n) - digamma(nx + 1) - digamma(ny + 1)
        else:
            of_unit = units[others] == at_radius[0]
            both, in_x, in_y = (
                _mean_digamma(row, of_unit, strict, closed) for row in (joint, row_x, row_y)
            )
            terms[i] = both + digamma(n) - in_x - in_y
    return terms


def _mean_digamma(row: FloatArray, of_unit: np.ndarray, strict: float, closed: float) -> float:
    """Return the mean psi of the places after all nearer rows that a unit's rows at radius take."""
    at = max(1, np.sum(of_unit & (row >= strict) & (row <= closed)))
    return float(digamma(np.sum(row < strict) + np.arange(1, at + 1)).mean())


def leave_one_unit_out(
    x: FloatArray, y: FloatArray | IntArray, k: int, apart: np.ndarray, units: IntArray
) -> FloatArray:
    """Return the estimate from all units but that of i for every i, (n,), from scratch."""
    without = {}
    for unit in np.unique(units):
        kept = units != unit
        inside = apart[np.ix_(kept, kept)]
        terms = local_informations_of_units(x[kept], y[kept], k, inside, units[kept])
        without[unit] = np.nanmean(terms) if np.isfinite(terms).any() else 0.0
    return np.array([without[unit] for unit in units])


def distances(values: FloatArray | IntArray) -> FloatArray:
    """Return distances (n, n), infinite from a row to itself and between classes."""
    if values.ndim == 1:
        between = np.where(values[:, None] == values[None, :], 0.0, np.inf)
    else:
        between = cdist(values, values)
    np.fill_diagonal(between, np.inf)
    return between
