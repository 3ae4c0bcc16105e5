"""Do the samples of a matrix lie in its rows or in its columns?"""

from collections.abc import Sequence

from cch_audit.reading.column import Column, open_column
from cch_audit.reading.index import index_path, row_space

SWAPPED = "; if the samples are the columns, as R, Julia and MATLAB write them, pass `transpose`"


def columns_first(columns: Sequence[Column], ids: str | None) -> list[Column]:
    """Return the matrices that have a column, and can have no row, for each sample.

    R, Julia and MATLAB write them so. The labels, groups, split or ids, as far as they are vectors,
    say how many samples there are. A square matrix lies as the others do.

    Parameters
    ----------
    columns
        Datasets with the same samples, if they are of the plain layout.
    ids
        The dataset of row identifiers the user named, if any.
    """
    found = []
    for name in dict.fromkeys(column.opened.name for column in columns):
        of_file = [column for column in columns if column.opened.name == name]
        plain = [column for column in of_file if is_plain(column)]
        matrices = [column for column in plain if is_dense_matrix(column)]
        lengths = {column.n_rows for column in plain if column.n_columns == 1}
        if plain:
            path = index_path(plain[0].opened, row_space(plain[0].opened, plain[0].path), ids)
            lengths |= {open_column(plain[0].opened, path, "the ids").n_rows} if path else set()
        if len(lengths) != 1:
            continue
        (n,) = lengths
        swapped = [column for column in matrices if column.shape[1] == n != column.shape[0]]
        straight = [column for column in matrices if column.shape[0] == n != column.shape[1]]
        square = [column for column in matrices if column.shape == (n, n)]
        found.extend([*swapped, *square] if swapped and not straight else swapped)
    return found


def is_plain(column: Column) -> bool:
    """Return whether no table, whose orientation is known, describes the rows of a dataset."""
    return row_space(column.opened, column.path).owner is None


def is_dense_matrix(column: Column) -> bool:
    """Return whether a dataset has rows and columns that can be swapped."""
    return (
        column.is_matrix
        and not column.is_sparse
        and len(column.shape) == 2
        and (column.n_columns > 1)
    )
