"""What all files of arrays have in common once they are open: arrays, and ids of their rows."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cch_audit.errors import InputError
from cch_audit.reading.listing import listed

AnyArray = npt.NDArray[Any]
BLOCK_BYTES = 2**25
NUMERIC = "fiub"
"""Kinds of numpy types that are numbers: floating, integer, unsigned, boolean."""
TEXT = "UST"
"""Kinds that are text, beside objects, which are made text when they are read."""
MISSING = int(np.iinfo(np.int64).min)
"""Stands for a missing integer, as pandas and R write it."""
STRING_BYTES = 64
"""Memory that a string takes at least."""


@dataclass(frozen=True)
class Rows:
    """An array whose first axis is the rows, not read yet."""

    where: str
    """File and name in it, to begin a message with."""
    owner: str
    """Whose rows they are: arrays of one owner have the same ones, in the same order."""
    values: Any
    """What gives blocks of rows by slices: an array, a memory map, an array of a store."""
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    note: str = ""
    """What was left out, in words."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of one row, without axes of length 1 beside its columns."""
        lengths = tuple(length for length in self.shape[1:] if length != 1)
        return lengths if len(lengths) > 1 else self.shape[1:2] and (math.prod(lengths),)

    @property
    def is_text(self) -> bool:
        """Whether the values are strings."""
        return self.dtype.kind in TEXT + "O"

    def blocks(self) -> Iterator[AnyArray]:
        """Yield the rows in order, a bounded number at a time, along the chunks of a store."""
        each = math.prod(self.shape[1:]) * (STRING_BYTES if self.is_text else self.dtype.itemsize)
        n = max(1, BLOCK_BYTES // max(1, each))
        chunks = getattr(self.values, "chunks", None) or (1,)
        n = max(n - n % int(chunks[0]), int(chunks[0]))
        for start in range(0, len(self), n):
            block = np.asarray(self.values[start : min(start + n, len(self))])
            block = block.reshape(len(block), *self.row_shape)
            yield as_strings(block, self.where) if self.is_text else block

    def read(self) -> AnyArray:
        """Return all rows."""
        return np.concatenate(list(self.blocks()))


@dataclass(frozen=True)
class Opening:
    """A file of arrays that is to be opened."""

    path: Path
    max_bytes: int
    """Largest declared size of an array that may be read."""
    ids: str
    """Column of ids, which are text whatever they look like; empty for none."""
    stack: ExitStack
    """Closes what stays open."""


@dataclass(frozen=True)
class Table:
    """The columns of a table, of which all that are numbers may be meant together."""

    names: Sequence[str]
    index: Sequence[str]
    """Columns in which pandas keeps its index."""
    numbers: Callable[[bool], dict[str, AnyArray]]
    """The columns of numbers without the index, by name; or those of integers alone, if asked."""
    max_bytes: int

    @property
    def columns(self) -> list[str]:
        """All columns but the index."""
        return [name for name in self.names if name not in self.index] or list(self.names)


@dataclass(frozen=True)
class Container:
    """A file of arrays that is open."""

    get: Callable[[str], Rows]
    """The array of a name; the empty name stands for the only one."""
    ids: Callable[[str, str], Rows | None] = lambda inside, name: None
    """What identifies the rows of an array: the ids of a name, empty where none is given."""
    keys: Callable[[str], Mapping[str, str]] = lambda inside: {}
    """Names that `ids` finds for the rows of an array, and how each is spelled behind the file."""
    table: Table | None = None
    """The columns, if the file is a table."""


def checked(rows: Rows, max_bytes: int) -> Rows:
    """Return rows that can be packed.

    Raises
    ------
    InputError
        They are of another type than numbers and text, have no row, or are larger than the limit.
    """
    where, shape, kind = rows.where, rows.shape, rows.dtype.kind
    if kind not in NUMERIC + TEXT + "O":
        raise InputError(
            f"{where} is of type {rows.dtype}; it must hold real numbers, booleans or, for labels, "
            "groups, split and ids, text: write it again as a plain array"
        )
    if not shape:
        raise InputError(f"{where} is a single value; it needs one row for each sample")
    if math.prod(shape) == 0:
        raise InputError(f"{where} is empty, its shape is {shape}; it needs a row for each sample")
    check_size(where, math.prod(shape) * max(rows.dtype.itemsize, 1), max_bytes)
    return rows


def check_size(where: str, declared: int, max_bytes: int) -> None:
    """Refuse what declares more bytes than may be read."""
    if declared > max_bytes:
        raise InputError(
            f"{where} declares {declared:,} bytes, more than the limit of {max_bytes:,}; write "
            "fewer rows or columns, or raise the limit, by default half of the free memory, with "
            "`max_bytes`"
        )


def choose(inside: str, names: Sequence[str], path: str, noun: str) -> str:
    """Return the name that is meant, which may be left out where there is only one.

    Parameters
    ----------
    inside : the name as the user gave it, or nothing
    names : those that there are
    path : the file
    noun : what has such a name

    Raises
    ------
    InputError
        There is none of this name, or none is given and there are several.
    """
    if inside in names:
        return inside
    if not names:
        raise InputError(f"{path}: holds no {noun}; write one to it first")
    if inside and names == [""]:
        raise InputError(f"{path}: holds one {noun}, without names; leave ':{inside}' away")
    if inside:
        near = get_close_matches(inside, names, n=1, cutoff=0.0)[0]
        raise InputError(
            f"{path}: no {noun} {inside!r}; did you mean {near!r}? The file holds "
            f"{listed(list(names))}"
        )
    if len(names) > 1:
        raise InputError(
            f"{path}: holds several {noun}s; say which, as in {path}:{names[0]} (the file holds "
            f"{listed(list(names))})"
        )
    return names[0]


def damaged(where: str, err: BaseException) -> InputError:
    """Return the error for bytes that a library cannot read."""
    said = " ".join(str(err).partition("\n")[0].split())[:200] or type(err).__name__
    return InputError(
        f"{where} cannot be read ({said}); the file looks damaged or only partly written: copy or "
        "write it again"
    )


def need(path: str, package: str, install: str = "cch-audit[sources]") -> None:
    """Refuse a file whose library is not there."""
    if find_spec(package) is None:
        raise InputError(
            f"{path}: needs {package}, not installed here; run: pip install '{install}'"
        )


def as_strings(values: AnyArray, where: str) -> AnyArray:
    """Return text as strings of Python; a missing one is empty."""

    def string(value: Any) -> str:
        if isinstance(value, bytes):
            return value.decode("utf-8", "backslashreplace")
        if value is None or value != value:  # NaN alone is not itself
            return ""
        if isinstance(value, str):
            return str(value)
        raise InputError(
            f"{where} holds objects of Python ({type(value).__name__}); it must hold numbers or "
            "text: write it again"
        )

    found = [string(value) for value in values.ravel().tolist()]
    return np.array(found, dtype=object).reshape(values.shape)
