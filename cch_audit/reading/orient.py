"""Do the samples of a matrix lie in its rows or in its columns?"""

from collections.abc import Sequence

from cch_audit.reading.column import Column, open_column
from cch_audit.reading.index import index_path
from cch_audit.settings import InputSettings

SWAPPED = "; if the samples are the columns, as R, Julia and MATLAB write them, pass `transpose`"


def columns_first(columns: Sequence[Column], settings: InputSettings) -> list[Column]:
    """Return the matrices that have a column, and can have no row, for each sample.

    R, Julia and MATLAB write them so. The labels, groups, split or ids, as far as they are vectors,
    say how many samples there are. A square matrix lies as the others do. Those of a table lie as
    it says.

    Parameters
    ----------
    columns : datasets with the same samples, if they are of the plain layout
    settings : whether the user says that all lie so, and which dataset identifies the rows
    """
    found = []
    for space in dict.fromkeys(column.space for column in columns):
        if space.owner is not None:
            continue
        plain = [column for column in columns if column.space == space]
        matrices = [c for c in plain if c.is_matrix and not c.is_sparse and c.n_columns > 1]
        if settings.transpose:
            found.extend(matrices)
            continue
        lengths = {column.n_rows for column in plain if column.n_columns == 1}
        path = index_path(plain[0].opened, space, settings.ids)
        lengths |= {open_column(plain[0].opened, path, "the ids").n_rows} if path else set()
        if len(lengths) != 1:
            continue
        (n,) = lengths
        swapped = [column for column in matrices if column.shape[1] == n != column.shape[0]]
        straight = [column for column in matrices if column.shape[0] == n != column.shape[1]]
        square = [column for column in matrices if column.shape == (n, n)]
        found.extend([*swapped, *square] if swapped and not straight else swapped)
    return found
