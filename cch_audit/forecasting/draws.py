"""Parts of the rows in hand: n of them, in whole units."""

import numpy as np

from cch_audit.dependence.units import Dependence
from cch_audit.errors import InputError
from cch_audit.rows import FloatArray, IntArray, in_proportion

LEAST_PARTS, MOST_PARTS = 8, 32
"""Parts that are drawn: each one more makes the forecast less a matter of chance."""
PART_NUMBERS = 250_000
"""Numbers (rows, columns, classes) of all parts, about; it bounds what refits cost."""


def n_parts(numbers: int) -> int:
    """Return how many parts are drawn where each has so many numbers."""
    return min(MOST_PARTS, max(LEAST_PARTS, PART_NUMBERS // numbers))


def draw_part(
    n_samples: int,
    size: int,
    units: IntArray | None,
    rng: np.random.Generator,
    y: IntArray | None = None,
) -> IntArray:
    """Return about `size` rows, drawn without replacement, whole units; in ascending order.

    At least one unit is left out where there are two. Where rows are on their own, classes y keep
    their proportions, as they do among the rows that a training run draws.
    """
    if units is None:
        order = np.argsort(rng.random(n_samples) if y is None else in_proportion(y, rng))
        return np.sort(order[:size])
    place = rng.permutation(int(units.max()) + 1)[units]
    order = np.argsort(place, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(place[order])) + 1, n_samples)
    ends = ends[: max(len(ends) - 1, 1)]
    return np.sort(order[: ends[np.argmin(np.abs(ends - size))]])


def needed_units(dependence: Dependence | None) -> IntArray | None:
    """Return codes of what is drawn whole, (n_samples,); None: every row is on its own.

    Raises
    ------
    InputError
        If all rows are of one unit.
    """
    if dependence is None:
        return None
    if not dependence.units.any():
        raise InputError(
            "a forecast needs rows of two groups or more: all rows depend on each other here"
        )
    return dependence.units


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
