"""KSG-1 by brute force without pseudo-values: what the product's kernel is measured against."""

import numba
import numpy as np
from scipy.special import digamma

from cch_audit.rows import FloatArray

LANES = 4
"""Rows whose distances are computed together, so that each row is loaded once for four."""


def plain_ksg(x: FloatArray, y: FloatArray, n_neighbors: int) -> float:
    """Return the KSG-1 estimate in nats, Euclidean inside x and y; rows must have no ties."""
    psi = digamma(np.arange(len(x) + 1, dtype=float))
    return float(psi[n_neighbors] + psi[-1] - _marginal_terms(x, y, n_neighbors, psi))


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "nsz"})
def squared_distances(x, i, out):  # type: ignore[no-untyped-def]
    """Write the squared distances of rows i to i + 3 to all rows."""
    n, d = x.shape
    a, b, c, e = x[i], x[min(i + 1, n - 1)], x[min(i + 2, n - 1)], x[min(i + 3, n - 1)]
    for j in range(n):
        to_a, to_b, to_c, to_e = 0.0, 0.0, 0.0, 0.0
        for column in range(d):
            value = x[j, column]
            to_a += (value - a[column]) ** 2
            to_b += (value - b[column]) ** 2
            to_c += (value - c[column]) ** 2
            to_e += (value - e[column]) ** 2
        out[0, j], out[1, j], out[2, j], out[3, j] = to_a, to_b, to_c, to_e


@numba.njit(nogil=True, cache=True)
def all_distances(x, y):  # type: ignore[no-untyped-def]
    """Compute every distance and use none: the arithmetic alone. Returns the largest."""
    n, largest = len(x), 0.0
    block = np.empty((LANES, n))
    for i in range(0, n, LANES):
        for side in (x, y):
            squared_distances(side, i, block)
            largest = max(largest, block[0, 0])
    return largest


@numba.njit(nogil=True, cache=True)
def _marginal_terms(x, y, k, psi):  # type: ignore[no-untyped-def]
    """Return the mean of psi(nx + 1) + psi(ny + 1)."""
    n, total = len(x), 0.0
    block_x, block_y = np.empty((LANES, n)), np.empty((LANES, n))
    smallest = np.empty(k)
    for i in range(n):
        lane = i % LANES
        if lane == 0:
            squared_distances(x, i, block_x)
            squared_distances(y, i, block_y)
        dx, dy = block_x[lane], block_y[lane]
        dx[i], dy[i] = np.inf, np.inf
        smallest[:] = np.inf
        for j in range(n):
            distance = max(dx[j], dy[j])
            if distance < smallest[k - 1]:
                place = k - 1
                while place > 0 and smallest[place - 1] > distance:
                    smallest[place] = smallest[place - 1]
                    place -= 1
                smallest[place] = distance
        radius, in_x, in_y = smallest[k - 1], 0, 0
        for j in range(n):
            in_x += dx[j] < radius
            in_y += dy[j] < radius
        total += psi[in_x + 1] + psi[in_y + 1]
    return total / n
