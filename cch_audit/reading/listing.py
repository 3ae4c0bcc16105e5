"""Which arrays does a file hold?"""

from collections.abc import Iterator
from contextlib import suppress
from difflib import get_close_matches

import h5py

from cch_audit.errors import InputError
from cch_audit.reading.dialects import (
    INTERNAL,
    encoded,
    is_cell_ranger,
    is_pandas,
    pandas_columns,
    pandas_index,
    resolve,
)
from cch_audit.reading.open import OpenFile, children, lookup, translated

MOST_LISTED = 12
LONGEST_NAME = 200
"""Names that are longer are not compared with a mistyped one."""


def array_paths(opened: OpenFile) -> list[tuple[str, str | None]]:
    """Return the path of every array in the file, and why it cannot be reached if so."""
    if not opened.listing:
        opened.listing.extend(walk(opened))
    return opened.listing


def readable_paths(opened: OpenFile) -> list[str]:
    """Return the path of every array in the file that can be reached."""
    return [path for path, problem in array_paths(opened) if problem is None]


def is_empty(opened: OpenFile) -> bool:
    """Return whether there is no array in the file."""
    first = children(opened, "")[:MOST_LISTED]
    with suppress(InputError):
        if any(isinstance(lookup(opened, name), h5py.Dataset) for name in first):
            return False
    return not array_paths(opened)


def walk(opened: OpenFile) -> Iterator[tuple[str, str | None]]:
    """Yield what `array_paths` returns, group by group."""
    seen = set()
    pending = [""]
    while pending:
        path = pending.pop()
        try:
            node = lookup(opened, path)
            if node is None:
                raise InputError(
                    f"{opened.name}: {path!r} is listed but not there; the file is damaged"
                )
            if not isinstance(node, h5py.Group):
                is_table = isinstance(node, h5py.Dataset) and node.dtype.names and node.ndim == 1
                fields = [f"{path}/{name}" for name in node.dtype.names] if is_table else [path]
                yield from ((field, None) for field in fields)
                continue
            with translated(opened.name, path):
                address = h5py.h5o.get_info(node.id).addr
            # A hard link may lead back to a group that was visited before.
            if address in seen:
                continue
            seen.add(address)
            found = _of_group(opened, path)
            if found is None:
                names = [name for name in children(opened, path) if path or name not in INTERNAL]
                pending.extend(f"{path}/{name}" if path else name for name in reversed(names))
            else:
                yield from ((member, None) for member in found)
        except InputError as err:
            yield path, str(err)


def _of_group(opened: OpenFile, path: str) -> list[str] | None:
    """Return the arrays of a group that one program wrote as a whole; None for a folder."""
    if is_cell_ranger(opened, path):
        return [path, f"{path}/barcodes"]
    if is_pandas(opened, path):
        columns = pandas_columns(opened, path)
        index = pandas_index(opened, path)
        return [*([path] if len(columns) == 1 else columns), *([index] if index else [])]
    return [path] if encoded(opened, path) else None


def holds_array(opened: OpenFile, path: str) -> bool:
    """Return whether there is an array at a path: a dataset, or a group or field that is one."""
    node, part = resolve(opened, path)
    if isinstance(node, h5py.Group):
        return encoded(opened, path) is not None
    return node is not None and not part.isdigit()


def missing(opened: OpenFile, path: str, why: str) -> InputError:
    """Return the error for a dataset that is not there, with what is there."""
    present = readable_paths(opened)
    names = {found.rpartition("/")[2]: found for found in present} | {p: p for p in present}
    short = [name for name in names if len(name) < LONGEST_NAME]
    close = get_close_matches(path, short, n=1) if len(path) < LONGEST_NAME else []
    guess = f"did you mean {names[close[0]]!r}? The" if close else "the"
    return InputError(
        f"{opened.name}: no dataset {path!r} ({why}); {guess} file holds {listed(present)}"
    )


def listed(names: list[str]) -> str:
    """Return names as text, cut to a length that can be read."""
    return shortened([repr(name) for name in names]) or "nothing that can be read"


def shortened(texts: list[str]) -> str:
    """Return the first texts, and how many more there are."""
    shown, more = ", ".join(texts[:MOST_LISTED]), len(texts) - MOST_LISTED
    return f"{shown} and {more:,} more" if more > 0 else shown
