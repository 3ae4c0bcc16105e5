"""Which rows train, validate and test: all that do neither test, groups never straddle."""

from dataclasses import dataclass

import numpy as np

from cch_audit.dependence.units import Dependence, apart
from cch_audit.distillation.arms import LEAST_TRAIN
from cch_audit.errors import InputError
from cch_audit.rows import FloatArray, IntArray, in_proportion, is_classes

LEAST_OTHER = 5
"""Fewest rows that validate, and that test."""
MOST_VALIDATION = 1000
"""More rows choose no better."""
SIZES = 4
"""Training sizes that are tried by default, where there is room for them."""
STEP = 1.5
"""A training size is at least so many times the one before."""


@dataclass(frozen=True)
class Split:
    """Row numbers of one repetition of the experiment."""

    train: IntArray
    validation: IntArray
    test: IntArray


def draw_split(
    y: FloatArray | IntArray,
    dependence: Dependence | None,
    train_size: int,
    rng: np.random.Generator,
) -> Split:
    """Draw rows that train, about as many that validate, and leave all others for testing.

    Where less than twice as many rows are left, half of them validate.

    Parameters
    ----------
    y : labels, kept in proportion if they are classes
    dependence : which rows depend on each other and stay in one part; None: none do
    train_size : about how many rows train

    Raises
    ------
    InputError
        If too few rows are left for a part.
    """
    groups = None if dependence is None else dependence.stretches
    order = _mixed(y, groups, rng)
    n_validation = min(train_size, MOST_VALIDATION, (len(y) - train_size) // 2)
    ends = np.array([train_size, train_size + max(n_validation, 0)])
    if groups is not None:
        borders = np.append(np.flatnonzero(np.diff(groups[order])) + 1, len(order))
        ends = borders[np.minimum(np.searchsorted(borders, ends), len(borders) - 1)]
    first, second = np.minimum(ends, len(order))
    train = order[:first]
    validation = apart(order[first:second], train, dependence)
    test = np.sort(apart(order[second:], order[:second], dependence))
    parts = {"training": train, "validation": validation, "testing": test}
    for name, rows in parts.items():
        if len(rows) < (LEAST_TRAIN if name == "training" else LEAST_OTHER):
            raise InputError(
                f"a training run with `train_size` {train_size} leaves {len(rows)} of {len(y):,} "
                f"rows for {name}; choose another value, or add rows or groups"
            )
    return Split(train, validation, test)


def training_sizes(n_samples: int, n_columns: int, n_classes: int) -> tuple[int, ...]:
    """Return the training sizes that are tried by default: a geometric series up to half the rows.

    It begins with two rows a column, or two a class where those are more, but leaves room for a
    curve.

    Parameters
    ----------
    n_samples : all rows
    n_columns : of the student
    n_classes : 0 for continuous labels
    """
    most = n_samples // 2
    least = max(LEAST_TRAIN, 2 * n_classes)
    first = max(least, min(2 * n_columns, most // 4))
    if first * STEP >= most:
        return (most,)
    count = min(SIZES, 1 + int(np.log(most / first) / np.log(STEP)))
    return tuple(round(size) for size in np.geomspace(first, most, count))


def _mixed(y: FloatArray | IntArray, groups: IntArray | None, rng: np.random.Generator) -> IntArray:
    """Return a random order: classes in proportion in every stretch, groups in one piece."""
    place = rng.random(len(y))
    if groups is not None:
        place = rng.random(int(groups.max()) + 1)[groups]
    elif is_classes(y):
        place = in_proportion(y, rng)
    return np.asarray(np.argsort(place, kind="stable"))
