"""What a number depends on, as one short text: rows, settings, seeds, and the program itself."""

import hashlib
import platform
import struct
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = ("numpy", "scipy", "scikit-learn", "numba", "torch")
"""Other versions of these may find other numbers."""
SIZE = 20
"""Bytes of a digest: two different keys never meet by chance."""


def digest(*parts: Any) -> str:
    """Return a digest of values: equal ones have the same, different ones another.

    Parameters
    ----------
    parts : arrays, numbers, texts, None, and tuples, mappings and dataclasses of these
    """
    found = hashlib.blake2b(digest_size=SIZE)
    for piece in _pieces(parts):
        found.update(piece)
    return found.hexdigest()


@cache
def program() -> str:
    """Return a digest of the program's source, and of the versions that its numbers depend on."""
    root = Path(__file__).resolve().parents[1]
    sources = {
        str(path.relative_to(root)): path.read_bytes().decode("utf-8", "replace")
        for path in sorted(root.rglob("*.py"))
    }
    packages = {name: version(name) for name in PACKAGES}
    return digest(sources, packages, platform.python_version(), platform.machine())


def _pieces(value: Any) -> Iterator[Any]:
    """Yield the bytes of a value, each kind marked and of a length that is said before."""
    if isinstance(value, np.ndarray):
        yield f"array {value.dtype.str} {value.shape} ".encode()
        yield np.ascontiguousarray(value).data
    elif isinstance(value, str):
        text = value.encode("utf-8", "surrogateescape")
        yield b"text %d " % len(text)
        yield text
    elif isinstance(value, bool | np.bool_ | None):
        yield f"is {value} ".encode()
    elif isinstance(value, int | np.integer):
        yield f"integer {value} ".encode()
    elif isinstance(value, float | np.floating):
        yield b"number " + struct.pack("<d", value)
    elif isinstance(value, tuple | list):
        yield b"list %d " % len(value)
        for item in value:
            yield from _pieces(item)
    elif isinstance(value, Mapping):
        yield from _pieces([*value.items()])
    elif is_dataclass(value) and not isinstance(value, type):
        yield from _pieces(type(value).__name__)
        yield from _pieces([(field.name, getattr(value, field.name)) for field in fields(value)])
    else:
        raise TypeError(f"a {type(value).__name__} has no digest")
