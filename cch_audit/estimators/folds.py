"""Folds: which rows are held out together, and which rows may inform them."""

import numpy as np
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from cch_audit.dependence.units import Dependence, apart
from cch_audit.rows import FloatArray, IntArray, is_classes


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
