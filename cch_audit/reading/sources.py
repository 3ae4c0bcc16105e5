"""From the spelling of a source to the file that holds it."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

from cch_audit.errors import InputError
from cch_audit.reading.containers import Container, Opening
from cch_audit.reading.spelling import HDF5, SHOWN, Spelling
from cch_audit.reading.stores import open_hdf5, open_zarr
from cch_audit.reading.tables import open_parquet, open_text
from cch_audit.reading.tensors import open_npy, open_npz, open_safetensors, open_torch

FORMATS: Mapping[str, Callable[[Opening], Container]] = {
    ".npy": open_npy,
    ".npz": open_npz,
    ".pt": open_torch,
    ".pth": open_torch,
    ".safetensors": open_safetensors,
    ".csv": open_text,
    ".tsv": open_text,
    ".parquet": open_parquet,
    ".zarr": open_zarr,
    **dict.fromkeys(HDF5, open_hdf5),
}
"""By the ending of a file."""


def open_sources(
    spellings: Iterable[Spelling],
    ids: str,
    max_bytes: int,
    stack: ExitStack,
) -> dict[str, Container]:
    """Open every file once.

    Parameters
    ----------
    spellings : all sources
    ids : name of the columns of ids; empty for none
    max_bytes : largest declared size of an array
    stack : closes the files

    Raises
    ------
    InputError
        A file is missing, empty, of no kind that is read, or damaged.
    """
    containers = {}
    for one in spellings:
        if one.path not in containers:
            _check(one)
            opening = Opening(Path(one.path), max_bytes, ids, stack)
            containers[one.path] = FORMATS[one.ending](opening)
    return containers


def _check(source: Spelling) -> None:
    """Refuse what is no readable file, or no folder of zarr, before a library touches it."""
    name, path = source.path, Path(source.path)
    if not name:
        raise InputError(
            f"{source.text!r} names no file; give a source such as x.npy or y.csv:name"
        )
    if source.ending not in FORMATS:
        what = "is a folder" if path.is_dir() else f"ends in {source.ending or 'nothing'}"
        raise InputError(f"{name}: {what}, which is no source; give a file that ends in {SHOWN}")
    try:
        is_folder = path.is_dir()
        path.stat()
        if path.is_file():  # to open a pipe would wait for its writer
            with path.open("rb"):
                pass
    except FileNotFoundError as err:
        raise InputError(f"{name}: no such file; check the path") from err
    except PermissionError as err:
        raise InputError(f"{name}: no permission to read it; change its mode or owner") from err
    except (OSError, ValueError, RuntimeError) as err:
        reason = getattr(err, "strerror", None) or err
        raise InputError(f"{name}: cannot be opened ({reason}); check the path") from err
    if is_folder != (source.ending == ".zarr"):
        what = "is a folder" if is_folder else "is no folder, as zarr writes them"
        raise InputError(f"{name}: {what}; give the path of a source that ends in {SHOWN}")
    if not is_folder and not path.is_file():
        raise InputError(f"{name}: is not a regular file; give the path of one")
    if not is_folder and path.stat().st_size == 0:
        raise InputError(f"{name}: is empty (0 bytes); write the array to it first")
