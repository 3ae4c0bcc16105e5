"""Nearest-neighbour information, slow and obvious: whole distance matrices, one row left out."""

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import digamma

from cch_audit.sample import FloatArray, IntArray

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


def distances(values: FloatArray | IntArray) -> FloatArray:
    """Return distances (n, n), infinite from a row to itself and between classes."""
    if values.ndim == 1:
        between = np.where(values[:, None] == values[None, :], 0.0, np.inf)
    else:
        between = cdist(values, values)
    np.fill_diagonal(between, np.inf)
    return between
