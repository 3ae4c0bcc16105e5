"""Teachers without content: what they gain is regularisation, not transfer."""

import numpy as np

from cch_audit.rows import FloatArray, IntArray

CONTROLS = ("uniform", "shuffled", "shuffled_within_class", "class_means")
"""Label smoothing; the teacher's rows shuffled, or shuffled within classes; its class means."""
CONTROLS_OF_TARGETS = ("mean", "shuffled")
"""The mean of the labels for every row, and the teacher's rows shuffled."""


def control_soft(name: str, soft: FloatArray, y: IntArray, rng: np.random.Generator) -> FloatArray:
    """Return the soft labels (n_samples, K) of a control.

    Parameters
    ----------
    name : one of `CONTROLS`
    soft : the teacher's probabilities (n_samples, K) at a temperature
    y : class codes
    rng : shuffles; the same generator state gives the same shuffle at every temperature
    """
    if name == "uniform":
        return np.full_like(soft, 1 / soft.shape[1])
    if name == "shuffled":
        return soft[rng.permutation(len(soft))]
    result = np.empty_like(soft)
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        means = name == "class_means"
        result[rows] = soft[rows].mean(axis=0) if means else soft[rng.permutation(rows)]
    return result
