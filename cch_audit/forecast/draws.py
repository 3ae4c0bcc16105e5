"""Parts of the rows in hand: n of them, in whole units."""

import numpy as np

from cch_audit.rows import FloatArray, IntArray


def draw_part(
    n_samples: int, size: int, units: IntArray | None, rng: np.random.Generator
) -> IntArray:
    """Return about `size` rows, drawn without replacement, whole units; in ascending order."""
    if units is None:
        return np.sort(rng.permutation(n_samples)[:size])
    place = rng.permutation(int(units.max()) + 1)[units]
    order = np.argsort(place, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(place[order])) + 1, n_samples)
    return np.sort(order[: ends[np.argmin(np.abs(ends - size))]])


def others(rows: IntArray, n_samples: int) -> IntArray:
    """Return the rows that are not among some rows."""
    left = np.ones(n_samples, dtype=bool)
    left[rows] = False
    return np.flatnonzero(left)


def summed(values: FloatArray, units: IntArray | None) -> FloatArray:
    """Return sums over units, (..., n_units), of values (..., n_samples)."""
    if units is None:
        return values
    sums = np.zeros((*values.shape[:-1], int(units.max()) + 1))
    for index in np.ndindex(values.shape[:-1]):
        sums[index] = np.bincount(units, values[index], minlength=sums.shape[-1])
    return sums
