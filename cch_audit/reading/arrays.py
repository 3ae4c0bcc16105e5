"""Arrays in memory, written as a file is, so that the same rules and sentences hold for both."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cch_audit.errors import InputError

NAME = "arrays in memory"
"""What stands in reports and sentences for the path of a file."""


@contextmanager
def as_file(source: Any) -> Iterator[Path]:
    """Yield the path of a file that holds a source.

    Parameters
    ----------
    source : a path; an AnnData or MuData; or arrays by the path that they get in the file. Arrays
        are what numpy takes, torch tensors, sparse matrices, and columns or frames of pandas

    Raises
    ------
    InputError
        If the source is none of these. What is refused inside names the arrays and no file.
    """
    if isinstance(source, str | os.PathLike):
        yield Path(source)
        return
    with tempfile.TemporaryDirectory(prefix="cch-audit-") as folder:
        path = Path(folder) / "arrays.h5"
        if isinstance(source, Mapping):
            _write(source, path)
        elif hasattr(source, "write_h5ad"):
            source.write_h5ad(path)
        elif hasattr(source, "write_h5mu"):
            source.write_h5mu(path)
        else:
            raise InputError(
                f"a source is a path, an AnnData, a MuData or arrays, and this is a "
                f"{type(source).__name__}"
            )
        try:
            yield path
        except InputError as err:
            raise InputError(str(err).replace(str(path), NAME)) from err


def _write(arrays: Mapping[str, Any], path: Path) -> None:
    with h5py.File(path, "w") as file:
        for name, value in arrays.items():
            array = _as_array(name, value)
            kind = h5py.string_dtype() if array.dtype.kind in "OUS" else None
            try:
                file.create_dataset(name, data=array.astype(object) if kind else array, dtype=kind)
            except (TypeError, ValueError) as err:
                raise InputError(
                    f"{NAME}: {name!r} cannot be stored ({err}); give numbers, or text"
                ) from err


def _as_array(name: str, value: Any) -> "np.ndarray[Any, Any]":
    for method in ("detach", "cpu", "toarray", "to_numpy"):
        if hasattr(value, method):
            value = getattr(value, method)()
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as err:
        raise InputError(
            f"{NAME}: {name!r} is no array ({err}); give one value, or one row of columns, for "
            "each sample"
        ) from err
    if array.dtype.kind == "O":
        array = np.array([str(one) for one in array.ravel()], dtype=object).reshape(array.shape)
    return array
