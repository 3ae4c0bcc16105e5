"""Which row of each dataset belongs to which sample? Rows are joined by id, never assumed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from cch_audit.errors import InputError
from cch_audit.reading.column import Column, open_column
from cch_audit.reading.dialects import is_pandas, resolve
from cch_audit.reading.index import RowSpace, index_path, row_space
from cch_audit.reading.orient import SWAPPED
from cch_audit.reading.values import Values, as_text, read_values
from cch_audit.rows import IntArray

Owner = TypeVar("Owner")


@dataclass(frozen=True)
class Alignment:
    """The rows that every dataset has, or those of them that are used."""

    rows: Mapping[RowSpace, IntArray]
    """For each row space, the row number of sample i."""
    n_rows: int
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def of(self, column: Column) -> IntArray:
        """Return the row numbers of the samples in a dataset."""
        return self.rows[column.space]

    def values(self, column: Column) -> Values:
        """Return the values of a vector in the samples."""
        return read_values(column).take(self.of(column))

    def take(self, samples: IntArray) -> "Alignment":
        """Return the rows of some samples."""
        rows = {space: in_file[samples] for space, in_file in self.rows.items()}
        return replace(self, rows=rows, n_rows=len(samples))


def align(columns: Sequence[Column], ids: str | None) -> Alignment:
    """Pair the rows of all datasets.

    Datasets with the same rows are paired by position. Others are joined by the ids of their rows,
    in the order of the first dataset; rows that are not in all of them are left out.

    Parameters
    ----------
    columns : the datasets; the first sets the order
    ids : the dataset of row identifiers the user named, if any

    Raises
    ------
    InputError
        Lengths differ, ids are needed and missing, an id occurs twice, or no id is shared.
    """
    spaces: dict[RowSpace, Column] = {}
    for column in columns:
        first = spaces.setdefault(column.space, column)
        if column.n_rows != first.n_rows:
            raise InputError(
                f"{column.where} has {column.n_rows:,} rows but {first.path!r} has "
                f"{first.n_rows:,}; both need one row for each sample, in the same order{SWAPPED}"
            )
    _check_named(columns, list(spaces), ids)
    indexes: dict[RowSpace, Column] = {}
    for space, column in spaces.items():
        if len(spaces) > 1 or space.owner is None or ids:
            path = index_path(column.opened, space, ids)
            if path is not None:
                indexes[space] = open_column(column.opened, path, "the index of the rows")
    tables = {space: _read_ids(index, spaces[space]) for space, index in indexes.items()}
    if len(spaces) == 1:
        (space, column), *_ = spaces.items()
        return Alignment({space: np.arange(column.n_rows)}, column.n_rows)
    for space, column in spaces.items():
        if space not in tables:
            raise _no_ids(column, space)
    return _join(tables, indexes)


def _check_named(columns: Sequence[Column], spaces: Sequence[RowSpace], ids: str | None) -> None:
    """Refuse ids that the user named and that no file has, or that belong to other rows."""
    if not ids:
        return
    path = ids.strip("/")
    if not path:
        raise InputError(f"option `ids` is {ids!r}, which names no dataset; give a dataset's path")
    opened = {column.opened.name: column.opened for column in columns}
    holders = [file for file in opened.values() if resolve(file, path)[0] is not None]
    if not holders:
        open_column(columns[0].opened, path, "option `ids`")
    if not any(row_space(file, path) in spaces for file in holders):
        raise InputError(
            f"{holders[0].name}: dataset {path!r} (option `ids`) identifies rows that are not "
            f"audited; name ids that belong to {columns[0].path!r}, or leave out `ids`"
        )


def _read_ids(index: Column, column: Column) -> dict[str, int]:
    """Return the row number of each id; refuse ids that occur twice."""
    if index.n_rows != column.n_rows:
        raise InputError(
            f"{index.where} has {index.n_rows:,} ids but {column.path!r} has {column.n_rows:,} "
            "rows; write one id for each row"
        )
    return by_id(as_text(read_values(index).take(np.arange(index.n_rows))), index.where)


def by_id(names: Sequence[str], where: str) -> dict[str, int]:
    """Return the row number of each id; refuse ids that occur twice.

    Parameters
    ----------
    names : the id of each row
    where : what holds them, to begin a message with
    """
    table = {name: row for row, name in enumerate(names)}
    if len(table) < len(names):
        repeated = next(name for row, name in enumerate(names) if table[name] != row)
        raise InputError(
            f"{where} repeats an earlier id in {len(names) - len(table):,} of "
            f"{len(names):,} rows, for example {repeated!r}; ids must be unique: remove the "
            "repeated rows, or, if one id stands for several samples, pass it as `groups` and "
            "write unique ids"
        )
    return table


def _no_ids(column: Column, space: RowSpace) -> InputError:
    """Return the error for rows that cannot be identified, with what to add."""
    if space.owner is None:
        remedy = "add a dataset 'ids' with one unique string or integer for each row, or pass `ids`"
    elif is_pandas(column.opened, space.owner):
        remedy = "write the frame again with df.reset_index(drop=True) or with one unique index"
    else:
        obs = f"{space.owner}/obs".lstrip("/")
        remedy = f"add the attribute '_index' to {obs!r}, as anndata does when it writes a file"
    return InputError(
        f"{column.where} cannot be paired with rows from another file or table, because its rows "
        f"have no ids; {remedy}"
    )


def _join(
    tables: Mapping[RowSpace, dict[str, int]], indexes: Mapping[RowSpace, Column]
) -> Alignment:
    """Keep the ids that all tables have, in the order of the first."""
    rows, note = join(tables, {space: index.where for space, index in indexes.items()})
    return Alignment(rows, len(next(iter(rows.values()))), (note,))


def join(
    tables: Mapping[Owner, dict[str, int]], wheres: Mapping[Owner, str]
) -> tuple[dict[Owner, IntArray], str]:
    """Keep the ids that all tables have, in the order of the first.

    Parameters
    ----------
    tables : the row number of each id, for each owner of rows
    wheres : what holds the ids, to begin a message with

    Returns
    -------
    The row numbers to take, by owner, and a note that says how many are left out.

    Raises
    ------
    InputError
        If no id is in all tables.
    """
    reference, *others = tables.values()
    shared = [name for name in reference if all(name in table for table in others)]
    sources = "; ".join(
        f"{wheres[owner]} ({len(table):,} rows, {len(table) - len(shared):,} left out)"
        for owner, table in tables.items()
    )
    if not shared:
        examples = ", ".join(repr(next(iter(table))) for table in tables.values())
        raise InputError(
            f"no id is in all of: {sources}; they begin with {examples}: "
            "write the same ids for the same samples"
        )
    rows = {
        owner: np.fromiter((table[name] for name in shared), np.int64, len(shared))
        for owner, table in tables.items()
    }
    return rows, f"Rows were joined by id; {len(shared):,} are in all of: {sources}."
