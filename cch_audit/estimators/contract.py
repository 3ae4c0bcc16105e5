"""What every estimator returns, and the preparation they share."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from cch_audit.rows import FloatArray, IntArray
from cch_audit.rows import is_classes as is_classes
from cch_audit.rows import standardize as standardize

BLOCK = 2**19
"""Values that are ranked at a time."""


@dataclass(frozen=True)
class Estimate:
    """An estimate of mutual information in nats."""

    value: float
    """The estimate; never clipped at zero."""
    pseudo_values: FloatArray
    """One value per sample, shape (n_samples,); their mean is the estimate."""
    seed_variance: float = 0.0
    """Variance of the estimate that comes from seeds and folds."""
    flags: tuple[str, ...] = ()
    """Conditions that weaken the estimate, e.g. `saturated`."""
    raw: float | None = None
    """The estimate on all columns without calibration; None for estimators that have none."""


def normal_scores(x: FloatArray | IntArray) -> FloatArray:
    """Return each column's ranks as standard normal quantiles, ties averaged.

    A strictly increasing map of each column leaves mutual information unchanged and bounds the
    tails. It looks at one column at a time, never at the pairing, so it leaks nothing across folds.
    """
    from cch_audit.estimators.ranks import place_scores  # numba, which others need not load

    n_samples, n_columns = x.shape
    scores = np.empty(x.shape)
    # The score of every half rank, by twice the rank.
    table = ndtri(np.arange(2 * n_samples + 1) / 2 / (n_samples + 1))
    block = max(1, BLOCK // n_samples)
    for first in range(0, n_columns, block):
        columns = np.s_[:, first : first + block]
        rows = np.ascontiguousarray(x[columns].T)
        found = np.empty(rows.shape)
        place_scores(rows, np.argsort(rows, axis=1), table, found)
        scores[columns] = standardize(found.T)
    return scores
