"""What every estimator returns, and the preparation they share."""

from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
from scipy.stats import rankdata
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from cch_audit.arrays import FloatArray, IntArray
from cch_audit.dependence import Dependence, apart


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


def is_classes(y: FloatArray | IntArray) -> TypeGuard[IntArray]:
    """Whether y holds class codes, not continuous columns."""
    return y.ndim == 1


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


def normal_scores(x: FloatArray | IntArray) -> FloatArray:
    """Return each column's ranks as standard normal quantiles, ties averaged.

    A strictly increasing map of each column leaves mutual information unchanged and bounds the
    tails. It looks at one column at a time, never at the pairing, so it leaks nothing across folds.
    """
    ranks = rankdata(x, axis=0)
    return standardize(ndtri(ranks / (len(x) + 1)))


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


def usable_rows(
    y: FloatArray | IntArray, n_neighbors: int, dependence: Dependence | None
) -> tuple[npt.NDArray[np.bool_], int]:
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
