"""How is a file opened, and how is a path in it reached, without trusting either?"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cch_audit.errors import InputError

# What h5py raises on damaged bytes, as found by flipping them.
H5_ERRORS = (OSError, RuntimeError, LookupError, ValueError, TypeError, MemoryError, OverflowError)
LONGEST_PATH = 2**14
"""Most characters of a path that is followed; it bounds how deep a file is looked into."""
AS_SOURCE = (
    "write the arrays with h5py, anndata or mudata, or give files of other kinds as sources: "
    "`teacher` x.npy, `student` y.zarr:PATH, `labels` z.csv:COLUMN"
)
MOST_GROUPS = 1000
"""Most groups of a file that are kept open."""


@dataclass(frozen=True)
class OpenFile:
    """An HDF5 file that is open for reading."""

    name: str
    """The path as the user gave it."""
    root: h5py.File
    max_bytes: int
    """Largest declared size of a dataset that may be read."""
    groups: dict[str, h5py.Group] = field(default_factory=dict, compare=False, repr=False)
    """Groups that were reached, by path, so that no path is walked from the root again."""
    recent: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """The dataset that was looked up last."""
    owners: dict[str, str | None] = field(default_factory=dict, compare=False, repr=False)
    """Which group has the rows of a path, once that was asked for."""
    listing: list[tuple[str, str | None]] = field(default_factory=list, compare=False, repr=False)
    """Path of every array, and why it cannot be reached if so, once that was asked for."""


@contextmanager
def translated(where: str, path: str | None = None) -> Iterator[None]:
    """Turn what h5py raises on damaged or locked bytes into one sentence; wrap h5py calls only."""
    try:
        yield
    except H5_ERRORS as err:
        at = "" if path is None else f": {path!r}"
        raise InputError(
            f"{where}{at} cannot be read ({_first_line(err)}); the file looks damaged or only "
            "partly written: copy or write it again"
        ) from err


@contextmanager
def open_file(path: Path, max_bytes: int) -> Iterator[OpenFile]:
    """Open an HDF5 file for reading, or say in one sentence why it cannot be.

    Parameters
    ----------
    path : the file
    max_bytes : largest declared size of a dataset that may be read

    Raises
    ------
    InputError
        The file is missing, empty, locked, truncated or no HDF5 file.
    """
    name = str(path)
    _check_regular(path, name)
    try:
        # Blocks are read along the chunks, so each chunk is needed once.
        root = h5py.File(path, "r", rdcc_nbytes=0)
    except BlockingIOError as err:
        raise InputError(
            f"{name}: is locked, another program has it open for writing; "
            "wait until that program has closed it, or audit a copy"
        ) from err
    except H5_ERRORS as err:
        raise InputError(f"{name}: {_why_not_opened(_first_line(err))}") from err
    with root:
        yield OpenFile(name, root, max_bytes)


def _check_regular(path: Path, name: str) -> None:
    """Refuse what is no readable, non-empty HDF5 file before HDF5 touches it."""
    try:
        if path.is_dir():
            if path.suffix.lower() == ".zarr":
                raise InputError(f"{name}: is a zarr store, not an HDF5 file; {AS_SOURCE}")
            raise InputError(f"{name}: is a directory; give the path of an HDF5 file in it")
        if not path.exists():
            raise InputError(f"{name}: no such file; check the path")
        if not path.is_file():
            raise InputError(f"{name}: is not a regular file; give the path of an HDF5 file")
        with path.open("rb"):
            pass
        size = path.stat().st_size
    except PermissionError as err:
        raise InputError(f"{name}: no permission to read it; change its mode or owner") from err
    except (OSError, ValueError) as err:
        reason = getattr(err, "strerror", None) or err
        raise InputError(f"{name}: cannot be opened ({reason}); check the path") from err
    if size == 0:
        raise InputError(f"{name}: is empty (0 bytes); write the representations to it first")
    if not h5py.is_hdf5(path):
        raise InputError(f"{name}: is not an HDF5 file; {AS_SOURCE}")


def _first_line(err: BaseException) -> str:
    """Return what HDF5 says of an error, without its trace."""
    return str(err).partition("\n")[0] or type(err).__name__


def _why_not_opened(message: str) -> str:
    """Name the cause of a failed open."""
    if "truncated" in message:
        return "is truncated, it is shorter than it says; copy or write it again"
    if "already open for write" in message:
        return (
            "was not closed by the program that wrote it; close it there, or run h5clear -s on it"
        )
    return f"is damaged ({message}); copy or write it again"


def lookup(opened: OpenFile, path: str) -> h5py.Group | h5py.Dataset | None:
    """Return the node at a path, or None if there is none; only hard links are followed.

    A link may point to any other file, so its class is looked at, for each component of the path,
    before its target is.

    Raises
    ------
    InputError
        A component is a soft, external or user-defined link, or cannot be read.
    """
    if path.startswith("/") or path.endswith("/") or "//" in path:
        path = "/".join(filter(None, path.split("/")))
    if path in opened.recent:
        return opened.recent[path]
    if len(path) > LONGEST_PATH:
        raise InputError(
            f"{opened.name}: a path of {len(path):,} characters is longer than the {LONGEST_PATH:,}"
            " that are followed; copy the dataset to a group near the root"
        )
    known, ahead = path, []
    while known and known not in opened.groups:
        known, _, component = known.rpartition("/")
        ahead.append(component)
    node: Any = opened.groups[known] if known else opened.root
    for component in reversed(ahead):
        if not isinstance(node, h5py.Group):
            return None
        known = f"{known}/{component}" if known else component
        node = _member(opened, node, component, known)
        if isinstance(node, h5py.Group):
            if len(opened.groups) >= MOST_GROUPS:
                opened.groups.clear()
            opened.groups[known] = node
    if isinstance(node, h5py.Dataset):
        opened.recent.clear()
        opened.recent[path] = node
    return node


def _member(opened: OpenFile, group: h5py.Group, name: str, path: str) -> Any:
    """Return what a group holds under a name, if that is a hard link."""
    with translated(opened.name, path):
        key = name.encode("utf-8", "surrogateescape")
        if b"\0" in key or not group.id.links.exists(key):
            return None
        if group.id.links.get_info(key).type == h5py.h5l.TYPE_HARD:
            return group[key]
    raise InputError(
        f"{opened.name}: {path!r} is a link to somewhere else, which is not followed; "
        "name the dataset it points to, or copy that into this file"
    )


def children(opened: OpenFile, path: str) -> tuple[str, ...]:
    """Return the names in a group, in the file's order."""
    node = lookup(opened, path)
    if not isinstance(node, h5py.Group):
        return ()
    with translated(opened.name, path):
        # h5py returns names that are not UTF-8 as bytes.
        return tuple(
            name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name
            for name in node
        )


def text_attribute(opened: OpenFile, path: str, name: str) -> tuple[str, ...]:
    """Return an attribute that holds one string or several; empty if the node or it is missing."""
    node = lookup(opened, path)
    if node is None:
        return ()
    where = f"{opened.name}: attribute {name!r} of '/{path}'"
    with translated(where):
        if name not in node.attrs:
            return ()
        value = node.attrs[name]
    if isinstance(value, h5py.Empty):
        return ()
    items = np.atleast_1d(np.asarray(value, dtype=object)).ravel().tolist()
    if not all(isinstance(item, str | bytes) for item in items):
        held = " ".join(repr(value).split())
        raise InputError(
            f"{where} holds {held}; it must be a string or an array of strings: write it again"
        )
    return tuple(map(decoded, items))


def decoded(item: str | bytes) -> str:
    """Return a string of a file; those that are not UTF-8 stay distinct."""
    return item.decode("utf-8", "backslashreplace") if isinstance(item, bytes) else item


def has_attribute(opened: OpenFile, name: str) -> bool:
    """Return whether the root has an attribute."""
    with translated(f"{opened.name}: attribute {name!r} of '/'"):
        return name in opened.root.attrs


def number_attribute(opened: OpenFile, name: str) -> float | None:
    """Return a root attribute that holds one number, which may be infinite; None if missing."""
    if not has_attribute(opened, name):
        return None
    where = f"{opened.name}: attribute {name!r} of '/'"
    with translated(where):
        value = np.asarray(opened.root.attrs[name])
    if value.dtype.kind not in "iuf" or value.size != 1 or np.isnan(value).any():
        held = " ".join(repr(value.tolist()).split())
        raise InputError(
            f"{where} holds {held}; it must be one number: write it again or remove it"
        )
    return float(value.item())
