"""What every part knows of rows: classes or columns, their scale, and which may inform which.

It needs numpy alone, so that looking into a file loads no estimator.
"""

from typing import TypeGuard

import numpy as np

from cch_audit.arrays import BoolArray, FloatArray, IntArray
from cch_audit.dependence.units import Dependence

CERTAIN = 2.33
"""Standard errors beyond which a share of rows is not what it should be (one side, 1 %)."""


def is_classes(y: FloatArray | IntArray) -> TypeGuard[IntArray]:
    """Whether y holds class codes, not continuous columns."""
    return y.ndim == 1


def against_largest_class(guessed: IntArray, y: IntArray) -> tuple[float, float, float]:
    """Return the share of rows that are guessed right, that of the largest class, and its error.

    The error is what the second differs by from one sample of so many rows to the next, at most.
    """
    right, largest = float((guessed == y).mean()), float(np.bincount(y).max()) / len(y)
    return right, largest, float(CERTAIN * np.sqrt(largest * (1 - largest) / len(y)))


def standardize(x: FloatArray | IntArray) -> FloatArray:
    """Return columns with mean 0 and variance 1, whatever their scale; constant ones become 0."""
    largest = np.abs(x).max(axis=0)
    # Divided by the largest value first: the square of 1e-200 or 1e200 is out of range.
    scaled = x / np.where(largest > 0, largest, 1.0)
    centred = scaled - scaled.mean(axis=0)
    spread = centred.std(axis=0)
    # A spread at rounding level is a constant column.
    constant = spread <= 1e-12
    return np.asarray(np.where(constant, 0.0, centred / np.where(constant, 1.0, spread)))


def usable_rows(
    y: FloatArray | IntArray, n_neighbors: int, dependence: Dependence | None
) -> tuple[BoolArray, int]:
    """Return which rows have neighbours enough that may inform them, and the k that is used.

    k is lowered so that, without one row, a row still has k neighbours and a next one; of classes,
    the one with the most room decides, and those with too little are left out whole.
    """
    codes = np.unique(y, return_inverse=True)[1] if is_classes(y) else np.zeros(len(y), np.int64)
    room = np.full(int(codes.max()) + 1, len(y))
    np.minimum.at(room, codes, _others(codes, dependence))
    n_neighbors = min(n_neighbors, int(room.max()) - 1)
    return (room >= max(n_neighbors, 1) + 1)[codes], n_neighbors


def _others(codes: IntArray, dependence: Dependence | None) -> IntArray:
    """Return at least how many rows of its class may inform each row."""
    others = np.bincount(codes)[codes] - 1
    if dependence is None:
        return others
    together = np.unique(np.stack([codes, dependence.groups]), axis=1, return_inverse=True)[1]
    others = others + 1 - np.bincount(together)[together]
    if dependence.window:
        for code in np.unique(codes):
            rows = np.flatnonzero(codes == code)
            places = dependence.positions[rows]
            known = np.sort(places)
            first = np.searchsorted(known, places - dependence.window)
            last = np.searchsorted(known, places + dependence.window, side="right")
            others[rows] -= last - first - 1
    return others
