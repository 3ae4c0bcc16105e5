"""Are the labels classes or numbers, and are there enough of each class?"""

import numpy as np

from cch_audit.errors import InputError
from cch_audit.reading.column import Column
from cch_audit.reading.layout import Task
from cch_audit.reading.oddities import of_classes
from cch_audit.reading.values import Values, factorize
from cch_audit.rows import FloatArray, IntArray
from cch_audit.sample import Labels

MIN_PER_CLASS = 10
MOST_CLASSES = 100
"""More distinct integers than this, if they are many for the rows, are not taken for classes."""
LARGEST_CLASS_SHARE = 0.1
FEW_VALUES = 20
"""Floating-point labels with at most this many distinct integral values may be classes."""


def read_labels(values: Values, task: Task) -> tuple[Labels, tuple[str, ...]]:
    """Turn a vector into labels, with warnings.

    Parameters
    ----------
    values : the labels of the rows that are used; none is missing
    task : `auto` takes integers, booleans, strings and categories for classes and floating-point
        numbers for continuous labels

    Raises
    ------
    InputError
        The values do not suit the task, are infinite, all the same, or a class is too small.
    """
    array = values.values
    distinct, codes = factorize(array)
    is_integral = not values.is_text and bool(
        np.all(np.isfinite(array) & (array == np.trunc(array)))
    )
    if task == "regression" or (task == "auto" and values.is_real):
        if values.is_text:
            raise InputError(
                f"{values.where} holds strings, which cannot be the labels of a regression; "
                "pass `task` classification or name numeric labels"
            )
        warnings = []
        if task == "auto" and is_integral and len(distinct) <= FEW_VALUES:
            warnings.append(
                f"{values.where} holds floating-point numbers and is read as continuous labels, "
                f"but has only {len(distinct)} distinct values, all integral; if they are classes, "
                "pass --task classification."
            )
        return continuous(array.astype(np.float64)[:, None], values.where), tuple(warnings)
    if values.is_real and not is_integral:
        raise InputError(
            f"{values.where} holds numbers that are not integral, which cannot be classes; "
            "pass `task` regression or name other labels"
        )
    is_number = array.dtype.kind in "iu" and not values.is_categorical
    are_many = len(distinct) > max(MOST_CLASSES, LARGEST_CLASS_SHARE * len(array))
    if task == "auto" and is_number and are_many:
        raise InputError(
            f"{values.where} holds integers with {len(distinct):,} distinct values in "
            f"{len(array):,} rows, which may be numbers or classes; say which with `task`"
        )
    names = [str(int(value)) if values.is_real else str(value) for value in distinct]
    labels = Labels(codes, tuple(names))
    odd = tuple(of_classes(names, np.bincount(codes), values.where))
    check_classes(labels, values.where, "")
    return labels, odd


def check_classes(labels: Labels, where: str, subsample: str) -> None:
    """Refuse a single class and classes with too few members; `subsample` says where, if in one."""
    counts = np.bincount(labels.values.astype(np.int64), minlength=len(labels.class_names))
    n_classes = len(counts)
    if n_classes == 1:
        raise InputError(
            f"{where} holds one class only, {labels.class_names[0]!r}; labels need two or more "
            "classes: name other labels or other rows"
        )
    if counts.max() == 1:
        raise InputError(
            f"{where} holds a different value in each of {n_classes:,} rows, which looks like "
            "identifiers or numbers; name the labels with `labels`, or pass `task` regression"
        )
    small = np.flatnonzero(counts < MIN_PER_CLASS)
    if len(small):
        shown = ", ".join(f"{labels.class_names[c]!r} ({counts[c]})" for c in small[:10])
        more = f" and {len(small) - 10:,} more" if len(small) > 10 else ""
        remedy = "raise `max_samples`, or " if subsample else ""
        raise InputError(
            f"{where} has classes with fewer than {MIN_PER_CLASS} members{subsample}: {shown}"
            f"{more}; {remedy}merge or leave out these classes"
        )


def read_targets(matrix: FloatArray, column: Column, task: Task) -> tuple[Labels, tuple[str, ...]]:
    """Turn a matrix (n, q) into q continuous labels, or several 0/1 labels into joint classes.

    Parameters
    ----------
    matrix : the labels of the rows that are used, all finite
    column : the dataset they are from
    task : `auto` takes a matrix of zeros and ones for labels that are each there or not

    Returns
    -------
    The labels, and warnings.

    Raises
    ------
    InputError
        The rows are one-hot codes of classes, several labels whose combinations are rare, or
        integers that nobody said are numbers.
    """
    where, n_columns = column.where, matrix.shape[1]
    is_binary = bool(np.all((matrix == 0) | (matrix == 1)))
    is_one_hot = is_binary and bool(np.all(matrix.sum(axis=1) == 1))
    are_no_labels = task == "classification" and not is_binary
    if task != "regression" and (is_one_hot or are_no_labels):
        found = "one-hot rows" if is_one_hot else f"{n_columns} columns"
        raise InputError(
            f"{where} holds {found}, but classes need one value for each row; write the class "
            "codes instead, for example labels.argmax(axis=1), or pass `task` regression"
        )
    if is_binary and task != "regression":
        return _joint_classes(matrix, column)
    if task == "auto" and column.dtype.kind != "f" and column.form == "plain":
        raise InputError(
            f"{where} holds {n_columns} columns of integers; pass `task` regression if they "
            f"are numbers, write one class code for each row, or name one with "
            f"`labels` {column.path}/0"
        )
    return continuous(matrix, where), ()


def _joint_classes(matrix: FloatArray, column: Column) -> tuple[Labels, tuple[str, ...]]:
    """Return one class for each combination of 0/1 labels, if all are frequent enough."""
    n_columns = matrix.shape[1]
    found = (
        f"{column.where} is a multi-label matrix, {n_columns} columns of zeros and ones of which "
        "several may be one in a row"
    )
    one = f"audit one label with --labels {column.path}/0 (to {n_columns - 1})"
    combinations, codes, counts = np.unique(
        matrix.astype(np.int8), axis=0, return_inverse=True, return_counts=True
    )
    if counts.min() < MIN_PER_CLASS or len(counts) == 1:
        raise InputError(
            f"{found}; its {len(counts):,} combinations cannot be joint classes, since the rarest "
            f"has {counts.min():,} of the {MIN_PER_CLASS} rows needed or is the only one: {one}, "
            "or pass `task` regression"
        )
    names = tuple("".join(map(str, row)) for row in combinations.tolist())
    warning = f"{found}; each of its {len(names):,} combinations is audited as one class: or {one}."
    return Labels(codes.astype(np.int64).ravel(), names), (warning,)


def continuous(matrix: FloatArray, where: str) -> Labels:
    """Return continuous labels; refuse infinities and outputs that do not vary."""
    n_infinite = int(np.sum(~np.isfinite(matrix)))
    if n_infinite:
        raise InputError(
            f"{where} is infinite in {n_infinite:,} of {matrix.size:,} values; remove these rows"
        )
    constant = np.flatnonzero(matrix.max(axis=0) == matrix.min(axis=0))
    if len(constant):
        which = "" if matrix.shape[1] == 1 else f" in column {constant[0]}"
        raise InputError(f"{where} holds the same value in all rows{which}; name other labels")
    return Labels(matrix)


def take_labels(labels: Labels, rows: IntArray, where: str, subsample: str) -> Labels:
    """Return the labels of some rows; refuse if they no longer suffice."""
    if labels.kind == "continuous":
        return continuous(labels.values[rows].astype(np.float64), where)
    taken = Labels(labels.values[rows], labels.class_names)
    check_classes(taken, where, subsample)
    return taken
