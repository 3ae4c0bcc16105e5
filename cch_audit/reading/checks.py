"""Are the numbers that were read fit for an audit?"""

from typing import Any

import numpy as np
import numpy.typing as npt

from cch_audit.errors import InputError
from cch_audit.reading.column import Column
from cch_audit.rows import FloatArray, IntArray
from cch_audit.sample import Labels

LARGEST_DUPLICATE_SHARE = 0.05
LARGEST_EXPONENT = 300
"""Of 2, in a column that is left as it is."""
SIGN_SHARE = 0.05
"""Least share of either sign, or of zeros, in what is taken for bits of bfloat16."""


def check_representation(column: Column, why: str) -> None:
    """Refuse a dataset that has no row of numbers for each sample."""
    if len(column.shape) > 2:
        raise InputError(
            f"{column.where} has {len(column.shape)} axes, its shape is {column.shape}; it must be "
            "(rows, columns): pool or flatten the other axes before writing it"
        )
    if not column.is_matrix:
        raise InputError(
            f"{column.where} holds {column.kind} values ({why}); a representation or prediction "
            "must hold numbers: write it again as a numeric array, or name another dataset"
        )


def check_bits(values: FloatArray, column: Column) -> None:
    """Refuse the bits of bfloat16 that were written as integers, and bits that are none.

    Numbers of a model lie within forty powers of two around one, and zeros are rare or exact;
    integers with these bits have no small values.
    """
    if column.form == "plain" and column.dtype == np.uint16:
        bits = values.astype(np.uint16)
        exponents = ((bits >> 7) & 0xFF)[bits != 0]
        negative = float(np.mean(bits >= 0x8000))
        is_signed = SIGN_SHARE < negative < 1 - SIGN_SHARE
        is_rectified = negative == 0 and float(np.mean(bits == 0)) > SIGN_SHARE
        if _are_plausible(exponents) and (is_signed or is_rectified):
            raise InputError(
                f"{column.where} holds 16-bit integers that look like the bits of bfloat16; write "
                "it again with x.float().numpy(), or x.astype('int32') if they are integers"
            )
    elif column.form == "bfloat16":
        used = values[np.isfinite(values) & (values != 0)]
        if not _are_plausible(np.frexp(used)[1] + 126):
            raise InputError(
                f"{column.where} holds opaque values of two bytes that are no bfloat16 either; "
                "write it again as float32"
            )


def _are_plausible(exponents: npt.NDArray[Any]) -> bool:
    """Return whether nearly all exponents, with a bias of 127, are those of ordinary numbers."""
    if not exponents.size:
        return False
    return bool(np.mean(np.abs(exponents.astype(np.int64) - 127) <= 40) > 0.999)


def check_finite(values: FloatArray, where: str, rows: IntArray, subsample: str) -> None:
    """Refuse values that are not finite; `rows` says which rows of the dataset they are."""
    bad = ~np.isfinite(values)
    n_bad = int(bad.sum())
    if n_bad:
        first = int(rows[bad.any(axis=1)].min())
        raise InputError(
            f"{where} is missing, NaN or infinite in {n_bad:,} of {values.size:,} values"
            f"{subsample}, the first in row {first:,}; remove these rows, or repair the model that "
            "wrote them"
        )


def clean_representation(values: FloatArray, where: str) -> tuple[FloatArray, tuple[str, ...]]:
    """Drop constant columns, bring extreme ones into range; warn of constant and repeated ones.

    Parameters
    ----------
    values : a finite representation (n_samples, d)
    where : file and dataset, for the messages

    Returns
    -------
    The columns that vary, those with extreme values times a power of two, and warnings.

    Raises
    ------
    InputError
        No column varies.
    """
    varies = values.max(axis=0) > values.min(axis=0)
    n_constant = int(np.sum(~varies))
    if n_constant == len(varies):
        raise InputError(
            f"{where} is constant, every row is the same in double precision; either the model "
            "that wrote it has collapsed, or its values differ by less than their rounding: "
            "subtract their mean before writing them, or name another representation"
        )
    warnings = []
    if n_constant:
        values = values[:, varies]
        warnings.append(
            f"{where}: {n_constant:,} of {len(varies):,} columns are constant and were left out."
        )
    n_duplicates = count_duplicates(row_hashes(values))
    if n_duplicates > LARGEST_DUPLICATE_SHARE * len(values):
        warnings.append(
            f"{where}: {n_duplicates:,} of {len(values):,} rows repeat an earlier row exactly; "
            "rows of one sample belong in one group (--groups), and many ties make "
            "nearest-neighbour estimates rough."
        )
    return in_range(values), tuple(warnings)


def in_range(values: FloatArray) -> FloatArray:
    """Multiply columns whose squares would leave the range of numbers by a power of two.

    Information does not change with the scale of a column, and a power of two changes no digit.
    """
    exponents = np.frexp(np.abs(values).max(axis=0))[1]
    extreme = np.abs(exponents) > LARGEST_EXPONENT
    return np.ldexp(values, np.where(extreme, -exponents, 0)) if extreme.any() else values


def row_hashes(values: FloatArray, first_column: int = 0) -> npt.NDArray[np.uint64]:
    """Return a 64-bit hash of each row, to which a zero adds nothing.

    The hash of a whole row is the sum of the hashes of its parts, so blocks of columns, and the
    entries of a sparse row, can be hashed apart; `first_column` is the place of a block.
    """
    hashes: npt.NDArray[np.uint64] = np.zeros(len(values), dtype=np.uint64)
    weights = column_weights(first_column, first_column + values.shape[1])
    n_rows = max(1, 2**20 // values.shape[1])
    for start in range(0, len(values), n_rows):
        hashes[start : start + n_rows] = mixed_bits(values[start : start + n_rows]) @ weights
    return hashes


def mixed_bits(values: FloatArray) -> npt.NDArray[np.uint64]:
    """Spread the bits of each value over 64 bits (the finalizer of splitmix64); 0 stays 0."""
    return _mixed((values + 0.0).view(np.uint64))  # the sum turns -0.0 into 0.0


def _mixed(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def column_weights(start: int, stop: int) -> npt.NDArray[np.uint64]:
    """Return an odd 64-bit weight for each column."""
    steps = np.arange(start + 1, stop + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return _mixed(steps) | np.uint64(1)


def count_duplicates(hashes: npt.NDArray[np.uint64]) -> int:
    """Return how many rows repeat an earlier one."""
    return len(hashes) - len(np.unique(hashes))


def check_predictions(column: Column, labels: Labels) -> None:
    """Refuse predictions whose columns do not belong to the labels."""
    n_columns = column.n_columns
    if labels.kind == "continuous":
        n_outputs = labels.values.shape[1]
        if n_columns != n_outputs:
            raise InputError(
                f"{column.where} holds predictions with {n_columns} columns, but the labels have "
                f"{n_outputs}; write one column for each output"
            )
        return
    n_classes = len(labels.class_names)
    if n_columns != n_classes and not (n_columns == 1 and n_classes == 2):
        raise InputError(
            f"{column.where} holds predictions with {n_columns} columns, but the rows used have "
            f"{n_classes} classes; write one score for each class, in the order of the sorted "
            "class values, or one column if there are two classes"
        )
