"""What are the values of a vector: numbers, booleans, strings or categories, and which are missing?

Labels, groups, splits and ids are vectors, and are read in full.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cch_audit.errors import InputError
from cch_audit.reading.column import Column
from cch_audit.reading.open import translated
from cch_audit.rows import IntArray

AnyArray = npt.NDArray[Any]


@dataclass(frozen=True)
class Values:
    """The values of a vector, in memory."""

    where: str
    """File and dataset, to begin a message with."""
    values: AnyArray
    """Array (n,) of numbers, booleans or, of dtype object, strings."""
    missing: npt.NDArray[np.bool_]
    """Array (n,): masked, without a category, or not a number; the value there means nothing."""
    is_categorical: bool = False
    """Whether the file declares these values to be categories."""

    @property
    def is_text(self) -> bool:
        """Whether the values are strings."""
        return self.values.dtype.kind == "O"

    @property
    def is_real(self) -> bool:
        """Whether the values are floating-point numbers that are not categories."""
        return self.values.dtype.kind == "f" and not self.is_categorical

    def take(self, rows: IntArray) -> "Values":
        """Return the values of some rows; refuse if one of them is missing."""
        n_missing = int(self.missing[rows].sum())
        if n_missing:
            first = int(rows[self.missing[rows]][0])
            raise InputError(
                f"{self.where} is missing or NaN in {n_missing:,} of the {len(rows):,} rows used, "
                f"the first is row {first:,}; fill these in, or leave the rows out by a split"
            )
        return Values(self.where, self.values[rows], self.missing[rows], self.is_categorical)


def read_values(column: Column) -> Values:
    """Read a vector (n,), or a matrix of one column, in full."""
    if column.n_columns != 1 or len(column.shape) > 2 or column.is_sparse:
        kind = "sparse" if column.is_sparse else "dense"
        raise InputError(
            f"{column.where} is {kind} of shape {column.shape}; it must have one value for each "
            "row: write it again with shape (n,)"
        )
    if column.kind == "categorical":
        return _read_categories(column)
    values = _read(column, "values")
    missing = (values != values) | is_marked(values, column.marks)  # NaN alone is not itself
    if column.kind == "nullable":
        missing = missing | _read(column, "mask").astype(bool)
    return Values(column.where, values, missing)


def factorize(values: AnyArray) -> tuple[list[Any], IntArray]:
    """Return the distinct values in order, and for each value its place among them."""
    if values.dtype.kind == "O":
        names = sorted(set(values))
        place = {name: i for i, name in enumerate(names)}
        return names, np.fromiter((place[name] for name in values), np.int64, len(values))
    distinct, codes = np.unique(values, return_inverse=True)
    return distinct.tolist(), codes.astype(np.int64).ravel()


def as_text(values: Values) -> list[str]:
    """Return names as strings, so that ids or splits written with different types compare."""
    if values.values.dtype.kind == "f":
        raise InputError(
            f"{values.where} holds floating-point numbers; it must hold strings or integers: "
            "write it again"
        )
    return [str(value) for value in values.values.tolist()]


def _read(column: Column, part: str) -> AnyArray:
    """Read one dataset of a vector in full."""
    with translated(column.where):
        return column.parts[part].read()


def is_marked(values: AnyArray, marks: tuple[Any, ...]) -> npt.NDArray[np.bool_]:
    """Return which values are one of those that stand for a missing one."""
    found = np.zeros(values.shape, dtype=np.bool_)
    for mark in marks:
        # A mark is compared as it is stored: 1e20 is another number as float32.
        found |= values == (mark if values.dtype.kind == "O" else values.dtype.type(mark))
    return found


def _read_categories(column: Column) -> Values:
    """Read a categorical; a negative code means that the value is missing."""
    codes, categories = _read(column, "codes"), _read(column, "categories")
    if codes.dtype.kind not in "iu":
        raise InputError(f"{column.where} has codes that are not integers; write it again")
    if codes.max() >= len(categories):
        raise InputError(
            f"{column.where} has the code {codes.max()} but only {len(categories)} categories; "
            "write it again"
        )
    missing = (codes < 0) | is_marked(codes, column.marks)
    if not len(categories):
        categories = np.array([""], dtype=object)
    values = categories[np.where(missing, 0, codes)]
    return Values(column.where, values, missing | (values != values), is_categorical=True)
