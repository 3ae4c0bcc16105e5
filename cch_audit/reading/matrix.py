"""How are rows of a dense or sparse matrix read, a bounded block at a time?"""

from collections.abc import Iterator

import numpy as np

from cch_audit.errors import InputError
from cch_audit.reading.column import Column
from cch_audit.reading.open import translated
from cch_audit.reading.values import is_marked
from cch_audit.rows import FloatArray, IntArray

BLOCK_VALUES = 2**22
"""Values in one block: 32 MB as float64."""
CONTIGUOUS_ROWS = 64
"""Rows read together at least where no chunks say what is read together."""


def read_rows(column: Column, rows: IntArray) -> FloatArray:
    """Read some rows of a matrix; the other rows are read only where they share a block.

    Parameters
    ----------
    column : dense of shape (n,) or (n, d), or sparse of shape (n, d)
    rows : row numbers, each at most once, in the order wanted

    Returns
    -------
    Array (len(rows), d).
    """
    max_bytes = column.opened.max_bytes
    needed = len(rows) * column.n_columns * 8
    if needed > max_bytes:
        raise InputError(
            f"{column.where} takes {needed:,} bytes of memory for {len(rows):,} rows and "
            f"{column.n_columns:,} columns, more than the limit of {max_bytes:,}; reduce its "
            "columns (for example by PCA), or lower `max_samples`"
        )
    try:
        result = np.zeros((len(rows), column.n_columns))
    except MemoryError as err:
        raise InputError(
            f"{column.where} needs {needed:,} bytes of memory, which this machine does not have; "
            "lower `max_samples` or reduce its columns"
        ) from err
    if column.is_sparse:
        position = np.full(column.n_rows, -1)
        position[rows] = np.arange(len(rows))
        for row, col, values in sparse_blocks(column, np.sort(rows)):
            is_wanted = position[row] >= 0
            # Entries stored twice count as their sum, as everywhere in scipy.
            np.add.at(result, (position[row[is_wanted]], col[is_wanted]), values[is_wanted])
        return result
    order = np.argsort(rows)
    ascending = rows[order]
    for row_slice, col_slice, block in dense_blocks(column, ascending):
        first, last = np.searchsorted(ascending, (row_slice.start, row_slice.stop))
        result[order[first:last], col_slice] = block[ascending[first:last] - row_slice.start]
    return result


def dense_blocks(column: Column, rows: IntArray) -> Iterator[tuple[slice, slice, FloatArray]]:
    """Yield the blocks of a dense dataset that hold any of the ascending rows, along its chunks."""
    dataset = column.parts["values"]
    n_rows, n_columns = column.n_rows, column.n_columns
    chunks = dataset.chunks or (CONTIGUOUS_ROWS, 1)
    chunk_rows = min(chunks[0], n_rows)
    chunk_columns = chunks[1] if len(chunks) > 1 else 1
    if chunk_rows * n_columns <= BLOCK_VALUES:
        width = n_columns
        n_units = BLOCK_VALUES // (chunk_rows * n_columns)
    else:
        width = max(1, BLOCK_VALUES // (chunk_rows * chunk_columns)) * chunk_columns
        n_units = 1
    for first, last in _runs(rows // chunk_rows, n_units):
        start, stop = first * chunk_rows, min((last + 1) * chunk_rows, n_rows)
        for left in range(0, n_columns, width):
            right = min(left + width, n_columns)
            area = (slice(start, stop), slice(left, right))
            with translated(column.where):
                block = dataset[area[: len(column.shape)]]
            is_missing = is_marked(block, column.marks)
            # What does not fit becomes infinite or NaN, which is refused later.
            with np.errstate(over="ignore", invalid="ignore"):
                values = block.reshape(stop - start, right - left).astype(np.float64, copy=False)
            if is_missing.any():
                values[is_missing.reshape(values.shape)] = np.nan
            yield *area, values


def _runs(units: IntArray, n_units: int) -> Iterator[tuple[int, int]]:
    """Yield first and last of each run of consecutive numbers, no run longer than `n_units`."""
    units = np.unique(units)
    for run in np.split(units, np.flatnonzero(np.diff(units) > 1) + 1):
        for i in range(0, len(run), n_units):
            part = run[i : i + n_units]
            yield int(part[0]), int(part[-1])


def sparse_blocks(
    column: Column, rows: IntArray
) -> Iterator[tuple[IntArray, IntArray, FloatArray]]:
    """Yield row numbers, column numbers and values of the stored entries, block by block.

    Blocks that hold none of the ascending rows are left out where the layout allows it (CSR).
    """
    by_row = column.kind == "csr"
    n_major, n_minor = column.shape if by_row else column.shape[::-1]
    data, indices = column.parts["data"], column.parts["indices"]
    with translated(column.where):
        ends = column.parts["indptr"][()].astype(np.int64)
    sizes = np.diff(ends)
    if ends[0] != 0 or ends[-1] != len(data) or sizes.min() < 0 or sizes.max() > n_minor:
        raise _damaged(column)
    start = 0
    while start < n_major:
        stop = int(np.searchsorted(ends, ends[start] + BLOCK_VALUES, side="right")) - 1
        stop = min(max(stop, start + 1), n_major)
        area = slice(int(ends[start]), int(ends[stop]))
        majors = np.repeat(np.arange(start, stop), sizes[start:stop])
        first, last = np.searchsorted(rows, (start, stop))
        start = stop
        if not len(majors) or (by_row and first == last):
            continue
        with translated(column.where):
            values = data[area].astype(np.float64)
            minors = indices[area].astype(np.int64)
        if minors.min() < 0 or minors.max() >= n_minor:
            raise _damaged(column)
        yield (majors, minors, values) if by_row else (minors, majors, values)


def _damaged(column: Column) -> InputError:
    """Return the error for a sparse matrix that points outside itself."""
    return InputError(
        f"{column.where} is a sparse matrix whose pointers do not fit its shape; write it again"
    )
