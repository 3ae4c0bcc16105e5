"""What are the range, gaps and repeats of a matrix of any size, in bounded memory?"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cch_audit.reading.checks import column_weights, count_duplicates, mixed_bits, row_hashes
from cch_audit.reading.column import Column
from cch_audit.reading.matrix import dense_blocks, sparse_blocks

MOST_ROWS = 2**27
MOST_COLUMNS = 2**20


@dataclass(frozen=True)
class Statistics:
    """Counts over a whole matrix."""

    missing: int
    """Values that are NaN or infinite."""
    constant_columns: int
    duplicate_rows: int
    """Rows that repeat an earlier row exactly."""
    minimum: float | None
    """Smallest finite value; None if there is none."""
    maximum: float | None


def matrix_statistics(column: Column) -> Statistics | None:
    """Return the statistics of a matrix, read block by block; None if even they are too large.

    Parameters
    ----------
    column : dense of shape (n,) or (n, d), or sparse of shape (n, d)
    """
    if column.n_rows > MOST_ROWS or column.n_columns > MOST_COLUMNS:
        return None
    low = np.full(column.n_columns, np.inf)
    high = np.full(column.n_columns, -np.inf)
    hashes: npt.NDArray[np.uint64] = np.zeros(column.n_rows, dtype=np.uint64)
    not_finite = 0
    all_rows = np.arange(column.n_rows)
    if column.is_sparse:
        weights = column_weights(0, column.n_columns)
        stored = np.zeros(column.n_columns, dtype=np.int64)
        for row, col, values in sparse_blocks(column, all_rows):
            finite = np.isfinite(values)
            not_finite += int(np.sum(~finite))
            np.minimum.at(low, col[finite], values[finite])
            np.maximum.at(high, col[finite], values[finite])
            stored += np.bincount(col, minlength=column.n_columns)
            np.add.at(hashes, row, mixed_bits(values) * weights[col])
        has_zero = stored < column.n_rows
        low[has_zero] = np.minimum(low[has_zero], 0)
        high[has_zero] = np.maximum(high[has_zero], 0)
    else:
        for rows, cols, block in dense_blocks(column, all_rows):
            finite = np.isfinite(block)
            not_finite += int(np.sum(~finite))
            low[cols] = np.minimum(low[cols], np.where(finite, block, np.inf).min(axis=0))
            high[cols] = np.maximum(high[cols], np.where(finite, block, -np.inf).max(axis=0))
            hashes[rows] += row_hashes(block, cols.start)
    return Statistics(
        missing=not_finite,
        constant_columns=int(np.sum(low == high)),
        duplicate_rows=count_duplicates(hashes),
        minimum=float(low.min()) if np.isfinite(low.min()) else None,
        maximum=float(high.max()) if np.isfinite(high.max()) else None,
    )
