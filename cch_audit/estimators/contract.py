"""What every estimator returns, and the preparation they share."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from cch_audit.dependence.units import Dependence, apart
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


def assign_folds(
    n_samples: int,
    n_folds: int,
    y: FloatArray | IntArray,
    dependence: Dependence | None,
    rng: np.random.Generator,
) -> IntArray:
    """Return a fold number per row: classes in proportion, dependent rows together.

    There are at most as many folds as groups; a single group is split like independent rows.
    """
    seed = int(rng.integers(2**31))
    rows = np.zeros(n_samples)
    groups = None if dependence is None else dependence.stretches
    n_groups = n_samples if groups is None else len(np.unique(groups))
    # Classes that are all smaller than the number of folds cannot be kept in proportion.
    in_proportion = is_classes(y) and np.bincount(y).max() >= n_folds
    if groups is None or n_groups == 1:
        kind = StratifiedKFold if in_proportion else KFold
        splits = kind(n_folds, shuffle=True, random_state=seed).split(rows, y)
    else:
        kind = StratifiedGroupKFold if in_proportion else GroupKFold
        n_folds = min(n_folds, n_groups)
        splits = kind(n_folds, shuffle=True, random_state=seed).split(rows, y, groups)
    folds = np.empty(n_samples, dtype=np.int64)
    for number, (_, held_out) in enumerate(splits):
        folds[held_out] = number
    return folds


def outside(folds: IntArray, fold: int, dependence: Dependence | None) -> IntArray:
    """Return the rows that may inform the rows of a fold."""
    return apart(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold), dependence)
