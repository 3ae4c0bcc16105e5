"""What can be audited but is seldom meant: each oddity of labels, numbers or predictions, said."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from cch_audit.errors import InputError
from cch_audit.rows import CERTAIN, FloatArray, IntArray, against_largest_class
from cch_audit.sample import Labels

NOT_A_CLASS = ("", "nan", "<na>")
"""Names that nobody gives a class, in lower case and without blanks around them."""
SELDOM_A_CLASS = ("na", "n/a", "none", "null", "missing", "?")
ROUNDING = 16
"""A column that varies by fewer steps of its type than this is little but rounding."""
EXACT = 2.0**53
"""Larger integers are rounded in double precision."""
SUM_TOLERANCE = 0.01
SHARE_OF_ROWS = 0.01
"""Of rows of probabilities that may miss the sum of one unsaid."""


def of_classes(names: list[str], counts: IntArray, where: str) -> Iterator[str]:
    """Yield what is odd about classes by their names; refuse names of nothing.

    Parameters
    ----------
    names : (K,) names, sorted
    counts : (K,) rows of each
    where : file and dataset
    """
    kinds: dict[str, list[str]] = {}
    for name, count in zip(names, counts):
        bare = name.strip().casefold()
        kinds.setdefault(bare, []).append(name)
        if bare in NOT_A_CLASS:
            raise InputError(
                f"{where} has the class {name!r} in {count:,} rows, which reads as a missing "
                "label; leave these rows out by a split, or give the class a name"
            )
        if bare in SELDOM_A_CLASS:
            yield (
                f"{where}: the class {name!r} ({count:,} rows) is audited as a class of its own; "
                "if it stands for a missing label, leave these rows out by a split."
            )
    if "-1" in names and len(names) > 2:
        yield (
            f"{where}: the class -1 ({counts[names.index('-1')]:,} rows) is audited as a class of "
            "its own; if it stands for rows without a label, leave them out by a split."
        )
    for same in kinds.values():
        if len(same) > 1:
            shown = ", ".join(repr(name) for name in same)
            yield (
                f"{where}: the classes {shown} differ by case or blanks only and are audited as "
                "different ones; if they are one class, write it one way."
            )


def of_precision(values: FloatArray, dtype: np.dtype[Any], where: str) -> Iterator[str]:
    """Yield how many columns are little but the rounding of their type; refuse rounded integers.

    Parameters
    ----------
    values : (n_samples, d) as they were read
    dtype : that of the dataset
    where : file and dataset
    """
    largest = np.abs(values).max(axis=0)
    if dtype.kind in "iu":
        if largest.max() > EXACT:
            raise InputError(
                f"{where} holds integers beyond 2^53, up to {largest.max():.3g}, which double "
                "precision rounds; subtract an offset, or write identifiers elsewhere"
            )
        return
    eps = np.finfo(dtype).eps if dtype.kind == "f" else np.finfo(np.float64).eps
    steps = largest * float(eps)
    spread = np.ptp(values / 2, axis=0) * 2 if largest.max() > 1e300 else np.ptp(values, axis=0)
    rounded = int(((spread > 0) & (spread < ROUNDING * steps)).sum())
    if rounded:
        yield (
            f"{where}: {rounded:,} of {values.shape[1]:,} columns vary by less than {ROUNDING} "
            f"steps of {dtype} around values far from zero, so that most of what they said is "
            "rounded away; subtract their mean before writing them."
        )


def of_predictions(values: FloatArray, labels: Labels, where: str) -> Iterator[str]:
    """Yield what is odd about the user's own predictions.

    Parameters
    ----------
    values : (n_samples, K) class scores, or one column for two classes, or (n_samples, q) outputs
    labels : of the same rows
    where : file and dataset
    """
    if (values.max(axis=0) == values.min(axis=0)).all():
        yield f"{where}: the predictions are the same for every row and say nothing."
    elif labels.kind == "continuous":
        targets = np.asarray(labels.values)
        worse = ((values - targets) ** 2).mean(axis=0) > targets.var(axis=0)
        if worse.any():
            yield (
                f"{where}: {int(worse.sum())} of {len(worse)} outputs are predicted worse than by "
                "their mean."
            )
    elif values.shape[1] == 1:
        yield from _of_one_score(values[:, 0], labels, where)
    else:
        yield from _of_scores(values, labels, where)


def _of_one_score(scores: FloatArray, labels: Labels, where: str) -> Iterator[str]:
    """Yield whether the score of the second class is larger in the first one (Mann-Whitney)."""
    from scipy.stats import rankdata  # looking into a file needs none of it

    second = labels.values == 1
    n_first, n_second = int((~second).sum()), int(second.sum())
    ranks = rankdata(scores)[second].sum() - n_second * (n_second + 1) / 2
    area = ranks / (n_first * n_second)
    error = np.sqrt((n_first + n_second + 1) / (12 * n_first * n_second))
    if area < 0.5 - CERTAIN * error:
        first, other = labels.class_names
        yield (
            f"{where}: the scores are higher for {first!r} than for {other!r} (area under the "
            f"curve {area:.2f}), but a single column is the score of {other!r}, the second of the "
            "sorted class values."
        )


def _of_scores(scores: FloatArray, labels: Labels, where: str) -> Iterator[str]:
    """Yield whether scores contradict the labels, or are probabilities that do not sum to one."""
    from scipy.optimize import linear_sum_assignment

    y, n_classes = labels.values.astype(np.int64), len(labels.class_names)
    guessed = scores.argmax(axis=1)
    right, largest, error = against_largest_class(guessed, y)
    table = np.zeros((n_classes, n_classes))
    np.add.at(table, (y, guessed), 1)
    best = float(table[linear_sum_assignment(table, maximize=True)].sum()) / len(y)
    if right < largest - error:
        shown = ", ".join(map(repr, labels.class_names[:5])) + ", ..." * (n_classes > 5)
        order = (
            f"; with the columns in another order {best:.2f} would be, so they are probably not in "
            f"that of the sorted class values, {shown}"
            if best > largest + error
            else ""
        )
        yield (
            f"{where}: the predictions are right in {right:.2f} of the rows, fewer than the "
            f"{largest:.2f} of always naming the largest class{order}."
        )
    if scores.min() >= 0 and scores.max() <= 1:
        off = int((np.abs(scores.sum(axis=1) - 1) > SUM_TOLERANCE).sum())
        if off > SHARE_OF_ROWS * len(scores):
            yield (
                f"{where}: {off:,} of {len(scores):,} rows lie between 0 and 1 and do not sum to "
                "one; they are read as scores, not as probabilities."
            )
