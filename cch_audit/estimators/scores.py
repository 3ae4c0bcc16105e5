"""Normal scores of columns, and what stands for them where columns are many."""

import numpy as np

from cch_audit.estimators.canonical import principal_components
from cch_audit.estimators.contract import normal_scores
from cch_audit.estimators.wide import coordinates_of, is_wide
from cch_audit.rows import FloatArray, IntArray
from cch_audit.work.sharing import shared

MANY_COLUMNS = 1024
"""More columns than these, or than rows, are no inputs of networks; their components are."""
SPANNING_ROWS = 1000
"""Most rows whose principal components stand for so many columns."""
MANY_VALUES = 2**20
"""Scores of more values than these are shared between estimators."""


def reached_scores(x: FloatArray | IntArray) -> FloatArray:
    """Return normal scores (n, d), or their coordinates (n, r) if there are more columns than rows.

    Rows have the same lengths and angles in these coordinates.
    """
    if not is_wide(x):
        return _scores(x)
    return shared("coordinates", x, lambda: coordinates_of(normal_scores(x)))


def network_inputs(x: FloatArray | IntArray, rng: np.random.Generator) -> FloatArray:
    """Return columns that networks can learn from: scores, or the leading components of a wide x.

    The components look at one side alone, never at the pairing, so they leak nothing across folds.
    They are rotated at random: networks expect inputs of like variance, as the columns had.
    """
    n, d = x.shape
    if d <= min(n, MANY_COLUMNS):
        return _scores(x)
    components = shared("components", x, lambda: _components(x))
    rotation, _ = np.linalg.qr(rng.standard_normal((components.shape[1],) * 2))
    return np.asarray(components @ rotation)


def _scores(x: FloatArray | IntArray) -> FloatArray:
    """Return normal scores, shared if they are many."""
    if x.size <= MANY_VALUES:
        return normal_scores(x)
    return shared("scores", x, lambda: normal_scores(x))


def _components(x: FloatArray | IntArray) -> FloatArray:
    rows = np.arange(len(x))[:: max(1, len(x) // SPANNING_ROWS)]
    return principal_components(normal_scores(x), rows)
