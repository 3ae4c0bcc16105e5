"""Which rows of each source belong to the same sample: by ids where there are any, or by place."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cch_audit.errors import InputError
from cch_audit.reading.align import by_id, join
from cch_audit.reading.containers import Rows
from cch_audit.reading.listing import shortened
from cch_audit.reading.values import Values, as_text
from cch_audit.rows import IntArray


@dataclass(frozen=True)
class Pairing:
    """The rows that every source has."""

    rows: Mapping[str, IntArray | None]
    """For each owner the row number of sample i; None: all rows as they are."""
    n_rows: int
    notes: tuple[str, ...] = ()


def pair(arrays: Mapping[str, Rows], found: Mapping[str, Rows]) -> Pairing:
    """Pair the rows of all sources.

    Parameters
    ----------
    arrays : by dataset; `ids`, where it is among them, sets the order and identifies the rows of
        its own file, and of all that have no ids and as many rows
    found : what identifies rows, by their owner

    Raises
    ------
    InputError
        Lengths differ without ids, an id occurs twice, or no id is shared.
    """
    owners: dict[str, Rows] = {}
    for rows in arrays.values():
        _check_length(rows, owners.setdefault(rows.owner, rows))
    is_joined = len(found) > 1 or "ids" in arrays
    first = owners[next(iter(found))] if found else next(iter(owners.values()))
    for owner, rows in owners.items():
        if owner not in found or not is_joined:
            _check_length(rows, first)
    tables = {owner: _by_id(index, owners[owner]) for owner, index in found.items() if is_joined}
    placed = [rows.where for owner, rows in owners.items() if owner not in tables]
    if len(tables) < 2:
        note = ""
        if found and len(owners) > 1:
            index = next(iter(found.values())).where
            others = [rows.where for owner, rows in owners.items() if owner not in found]
            note = (
                f"Only {index} identifies rows; paired with them by position: {shortened(others)}."
            )
        return Pairing(dict.fromkeys(owners), len(first), (note,) if note else ())
    try:
        joined, note = join(tables, {owner: index.where for owner, index in found.items()})
    except InputError as err:
        if "ids" in arrays:
            raise
        raise InputError(
            f"{err}, or leave the index out of all but one (df.reset_index(drop=True)) to pair "
            "rows by position"
        ) from err
    if placed:
        where = found[first.owner].where
        note = f"{note.removesuffix('.')}; paired by position with {where}: {shortened(placed)}."
    taken: dict[str, IntArray | None] = {}
    for owner in owners:
        wanted = joined.get(owner, joined[first.owner])
        is_whole = np.array_equal(wanted, np.arange(len(owners[owner])))
        taken[owner] = None if is_whole else wanted
    return Pairing(taken, len(joined[first.owner]), (note,))


def _check_length(rows: Rows, first: Rows) -> None:
    """Refuse sources that are paired by position and differ in length."""
    if len(rows) == len(first):
        return
    swapped = ""
    if len(rows.shape) == 2 and rows.shape[1] == len(first):
        swapped = f"; if the samples of {rows.where} are its columns, save x.T"
    elif len(first.shape) == 2 and first.shape[1] == len(rows):
        swapped = f"; if the samples of {first.where} are its columns, save x.T"
    raise InputError(
        f"{rows.where} has {len(rows):,} rows but {first.where} has {len(first):,}; without ids "
        "rows are paired by position and both need one row for each sample: save the same rows, or "
        f"name with `ids` what identifies them in each file{swapped}"
    )


def _by_id(index: Rows, rows: Rows) -> dict[str, int]:
    """Return the row number of each id."""
    if len(index) != len(rows):
        raise InputError(
            f"{index.where} has {len(index):,} ids but {rows.where} has {len(rows):,} rows; write "
            "one id for each row"
        )
    values = index.read().reshape(len(index))
    if index.is_text:
        is_missing = values == ""
    elif values.dtype.kind == "i" and values.dtype.itemsize >= 4:
        is_missing = values == np.iinfo(values.dtype).min
    else:
        is_missing = values != values
    found = Values(index.where, values, np.asarray(is_missing, dtype=np.bool_))
    return by_id(as_text(found.take(np.arange(len(values)))), index.where)
