"""What every part knows of rows: their types, classes or columns, and their scale."""

from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

CERTAIN = 2.33
"""Standard errors beyond which a share of rows is not what it should be (one side, 1 %)."""
TOGETHER = 2**16
"""Values that are squared together."""


def is_classes(y: FloatArray | IntArray) -> TypeGuard[IntArray]:
    """Whether y holds class codes, not continuous columns."""
    return y.ndim == 1


def in_proportion(y: IntArray, rng: np.random.Generator) -> FloatArray:
    """Return random places (n_samples,): any first rows by them hold the classes in proportion."""
    place = np.empty(len(y))
    for label in np.unique(y):
        # The place of a row within its class, as a share of the class.
        members = np.flatnonzero(y == label)
        place[members] = (rng.permutation(len(members)) + rng.random()) / len(members)
    return place


def against_largest_class(guessed: IntArray, y: IntArray) -> tuple[float, float, float]:
    """Return the share of rows that are guessed right, that of the largest class, and its error.

    The error is what the second differs by from one sample of so many rows to the next, at most.
    """
    right, largest = float((guessed == y).mean()), float(np.bincount(y).max()) / len(y)
    return right, largest, float(CERTAIN * np.sqrt(largest * (1 - largest) / len(y)))


def standardize(x: FloatArray | IntArray) -> FloatArray:
    """Return columns with mean 0 and variance 1, whatever their scale; constant ones become 0."""
    largest = np.maximum(x.max(axis=0), -x.min(axis=0))
    # Divided by the largest value first: the square of 1e-200 or 1e200 is out of range.
    scaled = np.divide(x, np.where(largest > 0, largest, 1.0), out=np.empty(x.shape))
    scaled -= scaled.mean(axis=0)
    spread = _spread(scaled)
    # A spread at rounding level is a constant column.
    constant = spread <= 1e-12
    scaled /= np.where(constant, 1.0, spread)
    scaled[..., constant] = 0.0
    return scaled


def _spread(x: FloatArray) -> FloatArray:
    """Return the standard deviations of columns, (d,), or of one column."""
    if x.ndim == 1 or x.size <= TOGETHER:
        return np.asarray(x.std(axis=0))
    # Some rows at a time: what is computed from them stays near the processor.
    n_rows, centre, total = max(1, TOGETHER // x.shape[1]), x.mean(axis=0), np.zeros(x.shape[1])
    for first in range(0, len(x), n_rows):
        squares = x[first : first + n_rows] - centre
        squares *= squares
        squares[0] += total
        total = squares.sum(axis=0)
    return np.asarray(np.sqrt(total / len(x)))


def in_single(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return values in float32, which takes less of all, if they are the same there."""
    single = values.astype(np.float32)
    return single if (single == values).all() else values
