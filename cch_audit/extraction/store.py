"""An HDF5 file that grows batch by batch, and what must agree with what it holds already."""

import math
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from cch_audit.errors import InputError
from cch_audit.extraction.batches import ROLES, Array
from cch_audit.reading.open import open_file

BLOCK_BYTES = 2**22
"""Of batches that are written at once: many small ones would each cost a millisecond."""
CHUNK_BYTES = 2**18
"""Of a chunk at most, so that a few of them fit HDF5's cache and none is written twice."""
REFERENCE_BYTES = 16
"""That a text takes in its chunk."""
TOLERANCE = 1e-6
"""Relative difference of labels that are not classes, which may be stored in another precision."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system refuses into one sentence; wraps the file's own calls only."""
    try:
        yield
    except OSError as err:
        raise InputError(f"{path}: cannot be written ({err.strerror or err})") from err


@contextmanager
def growing(path: Path, temporary: Path, *, is_old: bool) -> Iterator[h5py.File]:
    """Yield a file to write to, which begins with what is at a path or empty."""
    if is_old:
        with open_file(path, 0):  # says what is wrong with it
            pass
    with writing(path):
        if is_old:
            shutil.copyfile(path, temporary)
        file = h5py.File(temporary, "r+" if is_old else "w")
    try:
        yield file
    finally:
        with writing(path):
            file.close()


def check_alike(columns: Mapping[str, Array], first: Mapping[str, Array], where: str) -> None:
    """Refuse a batch whose datasets are not as in the first one.

    Parameters
    ----------
    columns, first : by dataset (n_rows, ...), of this batch and of the first one
    where : names the batch
    """
    differ = sorted(set(columns) ^ set(first))
    if differ:
        both = (where, "batch 1") if differ[0] in columns else ("batch 1", where)
        raise InputError(f"{both[0]} has {differ[0]}, and {both[1]} has none")
    for name, rows in columns.items():
        if rows.shape[1:] != first[name].shape[1:]:
            raise InputError(
                f"{name!r} has rows of shape {first[name].shape[1:]} in batch 1 and "
                f"{rows.shape[1:]} in {where}; pool what varies to one length"
            )
        if rows.dtype.kind != first[name].dtype.kind:
            raise InputError(
                f"{name!r} holds {_noun(first[name].dtype)} in batch 1 and {_noun(rows.dtype)} in "
                f"{where}; give one type"
            )


def in_blocks(batches: Iterable[Mapping[str, Array]]) -> Iterator[Mapping[str, Array]]:
    """Yield the first batch, which may be refused, and then as many as are written at once."""
    waiting: list[Mapping[str, Array]] = []
    is_first, size = True, 0
    for columns in batches:
        waiting.append(columns)
        size += sum(rows.nbytes for rows in columns.values())
        if is_first or size > BLOCK_BYTES:
            yield _joined(waiting)
            waiting, is_first, size = [], False, 0
    if waiting:
        yield _joined(waiting)


def count(columns: Mapping[str, Array]) -> int:
    """Return the number of rows."""
    return len(next(iter(columns.values())))


def _joined(waiting: list[Mapping[str, Array]]) -> Mapping[str, Array]:
    return {name: np.concatenate([columns[name] for columns in waiting]) for name in waiting[0]}


def shared_roles(file: h5py.File, path: Path, columns: Iterable[str]) -> frozenset[str]:
    """Return the roles that a file and new columns both have, so that they must agree.

    Parameters
    ----------
    file : empty, or one to which columns are added
    path : what messages call it
    columns : the datasets that would be added, roles among them

    Raises
    ------
    InputError
        If there are no labels, nothing by which rows can be compared, or a column is there already.
    """
    given = frozenset(columns).intersection(ROLES)
    present = frozenset(role for role in ROLES if _holds(file, role))
    shared = given & present
    if "labels" not in given | present:
        raise InputError(
            f"{path}: the batches have {', '.join(sorted(given))} and no labels, without which "
            "nothing can be audited; name their key with `labels`, or give `unpack`"
        )
    if len(file) and not shared & {"ids", "labels"}:
        raise InputError(
            f"{path}: nothing says that its rows are those of the batches; it has "
            f"{', '.join(sorted(present)) or 'neither ids nor labels'} at its root, and the "
            f"batches have {', '.join(sorted(given))}"
        )
    for column in columns:
        if column not in shared and column in file:
            raise InputError(
                f"{path}: holds {column!r} already; give the new one another name with "
                "`layers` {'name': 'layer'}"
            )
    return shared


def add(
    file: h5py.File, path: Path, columns: Mapping[str, Array], start: int, shared: frozenset[str]
) -> None:
    """Write rows behind the others, and compare those of the roles that the file had.

    Parameters
    ----------
    file : open for writing
    path : what messages call it
    columns : by dataset (n_rows, ...), text as objects
    start : rows before these
    shared : the datasets that are compared

    Raises
    ------
    InputError
        If rows do not agree, or cannot be written.
    """
    for name in sorted(columns, key=lambda name: name != "ids"):  # of ids it is said first
        if name in shared:
            _compare(file[name], path, name, columns[name], start)
        else:
            with writing(path):
                _append(file, name, columns[name], start)


def check_complete(file: h5py.File, path: Path, n_rows: int, shared: frozenset[str]) -> None:
    """Refuse no rows at all, fewer than the file had, and ids that are not each one once."""
    if not n_rows:
        raise InputError("the loader gives no rows, so there is nothing to write")
    if "ids" in file and "ids" not in shared:
        found, times = np.unique(file["ids"][:], return_counts=True)
        if times.max() > 1:
            often = _shown(found[times.argmax()])
            raise InputError(
                f"{path}: the id {often} comes {times.max():,} times; ids are for telling rows "
                "apart, and what rows share is `groups`"
            )
    for role in sorted(shared):
        if len(file[role]) != n_rows:
            raise InputError(
                f"{path}: has {len(file[role]):,} rows of {role} and the loader gives {n_rows:,}; "
                "give it the same rows"
            )


def _holds(file: h5py.File, name: str) -> bool:
    """Whether there is a dataset in this file itself."""
    is_own = isinstance(file.get(name, getlink=True), h5py.HardLink)
    return is_own and isinstance(file[name], h5py.Dataset)


def _append(file: h5py.File, name: str, rows: Array, start: int) -> None:
    if name not in file:
        is_text = rows.dtype == object
        row_bytes = math.prod(rows.shape[1:]) * (REFERENCE_BYTES if is_text else rows.itemsize)
        file.create_dataset(
            name,
            shape=(0, *rows.shape[1:]),
            maxshape=(None, *rows.shape[1:]),
            dtype=h5py.string_dtype() if is_text else rows.dtype,
            chunks=_chunks(rows.shape[1:], row_bytes),
            track_times=False,
        )
    dataset = file[name]
    dataset.resize(start + len(rows), axis=0)
    dataset[start:] = rows


def _chunks(shape: tuple[int, ...], row_bytes: int) -> tuple[int, ...]:
    """Return the shape of a chunk, of whole rows unless one is too long."""
    if row_bytes <= CHUNK_BYTES:
        return (max(1, min(CHUNK_BYTES // row_bytes, 4096)), *shape)
    return (1, max(1, shape[0] * CHUNK_BYTES // row_bytes))


def _compare(dataset: h5py.Dataset, path: Path, role: str, rows: Array, start: int) -> None:
    """Insist that rows say what the file says."""
    if start + len(rows) > len(dataset) or dataset.shape[1:] != rows.shape[1:]:
        raise InputError(
            f"{path}: has {role} of shape {dataset.shape}, and the loader gives "
            f"{(start + len(rows), *rows.shape[1:])} or more; give it the same rows"
        )
    stored = dataset[start : start + len(rows)]
    differs = ~_equal(stored, rows).reshape(len(rows), -1).all(axis=1)
    if differs.any():
        row = int(differs.argmax())
        old, new = (_shown(column[row]) for column in (stored, rows))
        raise InputError(
            f"{path}: row {start + row:,} has {role} {old}, and the loader gives {new}; let it "
            "give the same rows in the same order (shuffle=False)"
        )


def _equal(stored: Array, rows: Array) -> npt.NDArray[np.bool_]:
    kinds = stored.dtype.kind + rows.dtype.kind
    if not set(kinds) - set("biu"):
        return np.asarray(stored == rows)
    if not set(kinds) - set("biuf"):
        return np.asarray(np.isclose(stored, rows, rtol=TOLERANCE, atol=0, equal_nan=True))
    return np.asarray(_texts(stored) == _texts(rows), dtype=bool)


def _texts(column: Array) -> Array:
    texts = [_shown(one) for one in column.ravel()]
    return np.array(texts, dtype=object).reshape(column.shape)


def _shown(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _noun(dtype: np.dtype[Any]) -> str:
    return "text" if dtype.kind == "O" else str(dtype)
