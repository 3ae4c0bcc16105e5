"""Which rows train, validate and test: every row is tested once, groups never straddle."""

from dataclasses import dataclass

import numpy as np

from cch_audit.dependence.units import Dependence, apart
from cch_audit.errors import InputError
from cch_audit.estimators.contract import assign_folds, is_classes, outside
from cch_audit.rows import FloatArray, IntArray

LEAST_TRAIN = 20
LEAST_OTHER = 5
"""Fewest training rows, and fewest rows of the other two parts."""


@dataclass(frozen=True)
class Split:
    """Row numbers of one repetition of the experiment."""

    train: IntArray
    validation: IntArray
    test: IntArray


def make_splits(
    y: FloatArray | IntArray,
    dependence: Dependence | None,
    n_splits: int,
    train_size: int,
    rng: np.random.Generator,
) -> tuple[Split, ...]:
    """Cut the rows in as many test folds as repetitions, and draw training rows from the rest.

    Test rows of different repetitions are disjoint and training rows overlap little, so that the
    repetitions are nearly independent and their spread includes that of the rows. With fewer
    groups than repetitions the folds are dealt out again.

    Parameters
    ----------
    y : labels, kept in proportion if they are classes
    dependence : which rows depend on each other and stay in one part; None: none do
    n_splits : number of repetitions
    train_size : about how many rows train; as many validate, as far as there are some left

    Raises
    ------
    InputError
        If too few rows are left for a part.
    """
    splits: list[Split] = []
    groups = None if dependence is None else dependence.stretches
    while len(splits) < n_splits:
        folds = assign_folds(len(y), min(n_splits, len(y)), y, dependence, rng)
        for fold in np.unique(folds):
            others = outside(folds, fold, dependence)
            inside = None if groups is None else groups[others]
            order = others[_mixed(y[others], inside, rng)]
            sizes = _whole_groups(groups, order, train_size)
            train = order[: sizes[0]]
            validation = apart(order[sizes[0] : sizes[1]], train, dependence)
            splits.append(Split(train, validation, np.flatnonzero(folds == fold)))
            _check(splits[-1], len(y), n_splits, train_size)
    return tuple(splits[:n_splits])


def _mixed(y: FloatArray | IntArray, groups: IntArray | None, rng: np.random.Generator) -> IntArray:
    """Return a random order: classes in proportion in every stretch, groups in one piece."""
    place = rng.random(len(y))
    if groups is not None:
        place = rng.random(int(groups.max()) + 1)[groups]
    elif is_classes(y):
        # The place of a row within its class, as a share of the class.
        for label in np.unique(y):
            members = np.flatnonzero(y == label)
            place[members] = (rng.permutation(len(members)) + rng.random()) / len(members)
    return np.asarray(np.argsort(place, kind="stable"))


def _whole_groups(groups: IntArray | None, order: IntArray, train_size: int) -> tuple[int, int]:
    """Return where training and validation rows end, moved to the next border of groups."""
    ends = np.array([train_size, 2 * train_size])
    if groups is not None:
        borders = np.append(np.flatnonzero(np.diff(groups[order])) + 1, len(order))
        ends = borders[np.minimum(np.searchsorted(borders, ends), len(borders) - 1)]
    train, validation = np.minimum(ends, len(order))
    return int(train), int(validation)


def _check(split: Split, n_rows: int, n_splits: int, train_size: int) -> None:
    """Refuse a split with too few rows to learn from or to judge by."""
    parts = {"training": split.train, "validation": split.validation, "test": split.test}
    for name, rows in parts.items():
        if len(rows) < (LEAST_TRAIN if name == "training" else LEAST_OTHER):
            raise InputError(
                f"a training run with `train_size` {train_size} and `seeds` {n_splits} leaves "
                f"{len(rows)} of {n_rows:,} rows for {name}; choose other values, or add rows "
                "or groups"
            )
