"""How is a file opened, and how is a path in it reached, without trusting either?"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import h5py
import numpy as np

from cch_audit.errors import InputError

# AnnData encodings of groups that stand for one array, and the datasets in them, the main one
# first; other groups are only folders.
SPARSE_PARTS = ("data", "indices", "indptr")
NULLABLE_PARTS = ("values", "mask")
ARRAY_PARTS = {
    "csr_matrix": SPARSE_PARTS,
    "csc_matrix": SPARSE_PARTS,
    "categorical": ("codes", "categories"),
    "nullable-integer": NULLABLE_PARTS,
    "nullable-boolean": NULLABLE_PARTS,
    "nullable-string-array": NULLABLE_PARTS,
}
# What h5py raises on damaged bytes, as found by flipping them.
H5_ERRORS = (OSError, RuntimeError, LookupError, ValueError, TypeError, MemoryError, OverflowError)
MOST_LISTED = 12


@dataclass(frozen=True)
class OpenFile:
    """An HDF5 file that is open for reading."""

    name: str
    """The path as the user gave it."""
    root: h5py.File
    max_bytes: int
    """Largest declared size of a dataset that may be read."""


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn what h5py raises on damaged or locked bytes into one sentence; wrap h5py calls only."""
    try:
        yield
    except H5_ERRORS as err:
        raise InputError(
            f"{where} cannot be read ({_first_line(err)}); the file looks damaged or only partly "
            "written: copy or write it again"
        ) from err


@contextmanager
def open_file(path: Path, max_bytes: int) -> Iterator[OpenFile]:
    """Open an HDF5 file for reading, or say in one sentence why it cannot be.

    Parameters
    ----------
    path
        The file.
    max_bytes
        Largest declared size of a dataset that may be read.

    Raises
    ------
    InputError
        The file is missing, empty, locked, truncated or no HDF5 file.
    """
    name = str(path)
    _check_regular(path, name)
    try:
        root = h5py.File(path, "r")
    except BlockingIOError as err:
        raise InputError(
            f"{name}: is locked, another program has it open for writing; "
            "wait until that program has closed it, or audit a copy"
        ) from err
    except H5_ERRORS as err:
        raise InputError(f"{name}: {_why_not_opened(_first_line(err))}") from err
    with root:
        opened = OpenFile(name, root, max_bytes)
        if next(array_paths(opened), None) is None:
            raise InputError(f"{name}: holds no dataset; write the representations to it first")
        yield opened


def _check_regular(path: Path, name: str) -> None:
    """Refuse what is no readable, non-empty HDF5 file before HDF5 touches it."""
    try:
        if path.is_dir():
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
        raise InputError(f"{name}: cannot be opened ({err}); check the path") from err
    if size == 0:
        raise InputError(f"{name}: is empty (0 bytes); write the representations to it first")
    if not h5py.is_hdf5(path):
        raise InputError(
            f"{name}: is not an HDF5 file; write the arrays with h5py, anndata or mudata"
        )


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
    node = opened.root
    walked = ""
    for component in filter(None, path.split("/")):
        walked = f"{walked}/{component}" if walked else component
        if not isinstance(node, h5py.Group):
            return None
        where = f"{opened.name}: {walked!r}"
        with translated(where):
            key = component.encode("utf-8", "surrogateescape")
            if b"\0" in key or not node.id.links.exists(key):
                return None
            link = node.id.links.get_info(key).type
        if link != h5py.h5l.TYPE_HARD:
            raise InputError(
                f"{where} is a link to somewhere else, which is not followed; "
                "name the dataset it points to, or copy that into this file"
            )
        with translated(where):
            node = node[key]
    return node


def children(opened: OpenFile, path: str) -> tuple[str, ...]:
    """Return the names in a group, in the file's order."""
    node = lookup(opened, path)
    if not isinstance(node, h5py.Group):
        return ()
    with translated(f"{opened.name}: {path!r}"):
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
    return tuple(
        item.decode("utf-8", "backslashreplace") if isinstance(item, bytes) else item
        for item in items
    )


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


def array_paths(opened: OpenFile) -> Iterator[tuple[str, str | None]]:
    """Yield the path of every array in the file, and why it cannot be reached if so."""
    seen = set()
    pending = [""]
    while pending:
        path = pending.pop()
        try:
            if holds_array(opened, path):
                yield path, None
                continue
            group = lookup(opened, path)
            where = f"{opened.name}: '/{path}'"
            if group is None:
                raise InputError(f"{where} is listed but not there; the file is damaged")
            with translated(where):
                address = h5py.h5o.get_info(group.id).addr
            # A hard link may lead back to a group that was visited before.
            if address not in seen:
                seen.add(address)
                names = reversed(children(opened, path))
                pending.extend(f"{path}/{name}" if path else name for name in names)
        except InputError as err:
            yield path, str(err)


def holds_array(opened: OpenFile, path: str) -> bool:
    """Return whether there is an array at a path: a dataset, or a group that encodes one."""
    node = lookup(opened, path)
    if isinstance(node, h5py.Group):
        return "".join(text_attribute(opened, path, "encoding-type")) in ARRAY_PARTS
    return node is not None


def missing(opened: OpenFile, path: str, why: str) -> InputError:
    """Return the error for a dataset that is not there, with what is there."""
    present = [found for found, problem in array_paths(opened) if problem is None]
    names = {found.rpartition("/")[2]: found for found in present} | {p: p for p in present}
    close = get_close_matches(path, names, n=1)
    guess = f"did you mean {names[close[0]]!r}? The" if close else "the"
    return InputError(
        f"{opened.name}: no dataset {path!r} ({why}); {guess} file holds {listed(present)}"
    )


def listed(names: list[str]) -> str:
    """Return names as text, cut to a length that can be read."""
    shown = ", ".join(repr(name) for name in names[:MOST_LISTED])
    more = len(names) - MOST_LISTED
    return f"{shown} and {more:,} more" if more > 0 else shown or "nothing that can be read"
