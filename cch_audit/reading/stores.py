"""Stores of many arrays, read by blocks: HDF5 (also AnnData and MuData) and folders of zarr."""

import json
import math
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cch_audit.errors import InputError
from cch_audit.reading.column import Column, open_column
from cch_audit.reading.containers import (
    MISSING,
    AnyArray,
    Container,
    Opening,
    Rows,
    check_size,
    checked,
    choose,
    damaged,
    need,
)
from cch_audit.reading.dialects import ARRAY_PARTS, resolve
from cch_audit.reading.index import index_path, row_space
from cch_audit.reading.listing import listed, readable_paths
from cch_audit.reading.matrix import read_rows
from cch_audit.reading.open import OpenFile, children, lookup, open_file
from cch_audit.reading.values import read_values

LARGEST_METADATA = 2**20
LARGEST_CHUNK = 512 * 2**20
"""Most bytes of a chunk: it is decompressed whole, whatever part of it is wanted."""
METADATA = ("zarr.json", ".zarray", ".zgroup", ".zattrs")
"""Files that make a folder a node of zarr, of version 3 and 2."""
INDEX_CODECS = ["BytesCodec", "Crc32cCodec"]
"""Of the index of a shard, unless somebody chose others; all others are read by zarr alone."""
ZARR_ERRORS = (OSError, ValueError, TypeError, KeyError, RuntimeError, IndexError, AttributeError)


def open_hdf5(opening: Opening) -> Container:
    """Open an HDF5 file, whose datasets are named by their paths."""
    opened = opening.stack.enter_context(open_file(opening.path, opening.max_bytes))

    def get(inside: str) -> Rows:
        path = choose(inside, readable_paths(opened), opened.name, "dataset") if not inside else ""
        path = path or inside.strip("/")
        return _of_column(open_column(opened, path, "a source"), opening.max_bytes)

    def ids(inside: str, name: str) -> Rows | None:
        path = inside.strip("/") or choose("", readable_paths(opened), opened.name, "dataset")
        found = _index(opened, path, name)
        return None if found is None else get(found)

    def keys(inside: str) -> dict[str, str]:
        path = inside.strip("/") or choose("", readable_paths(opened), opened.name, "dataset")
        space = row_space(opened, path)
        found: dict[str, str] = {}
        for near in _near(path, space.owner or ""):
            if isinstance(lookup(opened, near), h5py.Group):
                for name in children(opened, near):
                    beside = f"{near}/{name}".strip("/")
                    with suppress(InputError):  # such as one of variables
                        if _index(opened, path, name) == beside:
                            found.setdefault(name, beside)
        return found

    return Container(get, ids, keys)


def _near(path: str, owner: str) -> list[str]:
    """Return where what identifies the rows of an array may be, the nearest first."""
    return list(
        dict.fromkeys(one.strip("/") for one in (path.rpartition("/")[0], f"{owner}/obs", owner))
    )


def _index(opened: OpenFile, path: str, name: str) -> str | None:
    """Return what identifies the rows of a dataset: of this name beside it, or its own index."""
    space = row_space(opened, path)
    if name:
        for near in _near(path, space.owner or ""):
            beside = f"{near}/{name}".strip("/")
            if resolve(opened, beside)[0] is not None and row_space(opened, beside) == space:
                return beside
    return index_path(opened, space, None)


def _of_column(column: Column, max_bytes: int) -> Rows:
    owner = f"{Path(column.opened.name).resolve()}:{column.space.owner}"
    if column.is_matrix and (column.n_columns > 1 or column.is_sparse):
        kept = column.dtype.kind in "fb" or (column.dtype.kind in "iu" and not column.marks)
        dtype = column.dtype if kept else np.dtype("f8")
        dtype = np.dtype("f4") if column.form == "bfloat16" else dtype
        values: Any = _Blocks(column, dtype)
        return checked(Rows(column.where, owner, values, column.shape, dtype), max_bytes)
    if len(column.shape) > 2:
        return Rows(column.where, owner, column.parts["values"], column.shape, column.dtype)
    found = read_values(column)
    values = found.values.astype(str).astype(object) if found.is_categorical else found.values
    values = with_missing(values, found.missing)
    return checked(Rows(column.where, owner, values, values.shape, values.dtype), max_bytes)


def with_missing(values: AnyArray, is_missing: Any) -> AnyArray:
    """Return values in which what stands for a missing one says so."""
    if not is_missing.any():
        return values
    if values.dtype.kind == "b":
        values = values.astype(str).astype(object)
    if values.dtype.kind in "iu":
        values = values.astype(np.int64)
    fill = {"O": "", "f": np.nan, "i": MISSING}[values.dtype.kind]
    return np.where(is_missing, np.array(fill, dtype=values.dtype), values)


class _Blocks:
    """Blocks of rows of a matrix of HDF5, dense or sparse, in its own type."""

    def __init__(self, column: Column, dtype: np.dtype[Any]) -> None:
        self.column, self.dtype = column, dtype
        self.chunks = None if column.is_sparse else column.parts["values"].chunks

    def __getitem__(self, rows: slice) -> AnyArray:
        wanted = np.arange(*rows.indices(self.column.n_rows))
        return read_rows(self.column, wanted).astype(self.dtype)


def open_zarr(opening: Opening) -> Container:
    """Open a folder of zarr, of version 2 or 3, whose arrays are named by their paths."""
    name = str(opening.path)
    if not is_zarr(opening.path):
        raise InputError(
            f"{name}: holds no array of zarr (no zarr.json, .zarray or .zgroup); give the folder "
            "that zarr wrote"
        )
    need(name, "zarr")

    def get(inside: str) -> Rows:
        path = inside.strip("/")
        if not is_zarr(opening.path / path) or ".." in Path(path).parts:
            path = choose(path, _arrays(opening.path), name, "array")
        where = f"{name}: array {path!r}" if path else name
        return _of_node(_node(opening.path / path, where), opening, path, where)

    def ids(inside: str, key: str) -> Rows | None:
        near = [f"{top}/{key}".strip("/") for top in _near(inside.strip("/"), "")] if key else []
        near += [f"obs/{index}"] if (index := _zarr_index(opening.path)) else []
        found = next((path for path in near if is_zarr(opening.path / path)), None)
        return None if found is None else get(found)

    def keys(inside: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for near in _near(inside.strip("/"), ""):
            folder = opening.path / near
            for child in sorted(folder.iterdir()) if folder.is_dir() else ():
                if is_zarr(child):
                    found.setdefault(child.name, f"{near}/{child.name}".strip("/"))
        return found

    return Container(get, ids, keys)


def is_zarr(path: Path) -> bool:
    """Whether a folder is a group or an array of zarr."""
    return any((path / file).is_file() for file in METADATA[:3])


def _arrays(folder: Path) -> list[str]:
    """Return the paths of the arrays of a store."""
    found = [path.parent for path in folder.rglob(".zarray")]
    for path in folder.rglob("zarr.json"):
        if _metadata(path).get("node_type") == "array":
            found.append(path.parent)
    return sorted(str(path.relative_to(folder)) for path in found if path != folder) or (
        [""] if found else []
    )


def _metadata(path: Path) -> dict[str, Any]:
    """Return what a file of metadata says; refuse one that could make a library run code."""
    try:
        text = path.read_bytes()[: LARGEST_METADATA + 1]
        held = json.loads(text)
    except (OSError, ValueError, RecursionError) as err:
        raise damaged(str(path), err) from err
    if not isinstance(held, dict):
        raise damaged(str(path), ValueError("no metadata of zarr"))
    if b"pickle" in text:
        raise InputError(
            f"{path}: names a codec that unpickles Python objects, which could run code and are "
            "never loaded; write numbers, or text as strings"
        )
    return held


def _zarr_index(folder: Path) -> str:
    """Return the name of the index of the table `obs` that AnnData writes; empty for none."""
    for file in ("obs/zarr.json", "obs/.zattrs"):
        if (folder / file).is_file():
            held = _metadata(folder / file)
            attributes = held.get("attributes", held)
            return str(attributes.get("_index", "")) if isinstance(attributes, dict) else ""
    return ""


def _node(folder: Path, where: str) -> Any:
    """Open an array, or a group that AnnData wrote for one."""
    import zarr

    for path in folder.rglob("*"):
        if path.name in METADATA:
            _metadata(path)
    try:
        if _is_group(folder):
            return zarr.open_group(folder, mode="r", use_consolidated=False)
        return zarr.open_array(folder, mode="r")
    except ZARR_ERRORS as err:
        raise damaged(where, err) from err


def _is_group(folder: Path) -> bool:
    """Whether a folder says that it is a group of zarr, of version 3 or 2."""
    if (folder / "zarr.json").is_file():
        return _metadata(folder / "zarr.json").get("node_type") == "group"
    return (folder / ".zgroup").is_file() and not (folder / ".zarray").is_file()


def _of_node(node: Any, opening: Opening, path: str, where: str) -> Rows:
    import zarr

    owner, max_bytes = str(opening.path.resolve()), opening.max_bytes
    if isinstance(node, zarr.Array):
        dtype = np.dtype(object) if node.dtype.kind in "TO" else node.dtype
        chunk = int(np.prod(node.chunks, dtype=float)) * dtype.itemsize
        check_size(f"{where}, in a chunk,", chunk, min(LARGEST_CHUNK, max_bytes))
        found = checked(Rows(where, owner, _Zarr(node, where), node.shape, dtype), max_bytes)
        if not node.nchunks_initialized:
            raise InputError(f"{where} was created but never written; write its values")
        _check_whole(node, opening.path / path, where)
        return found
    members = _arrays(opening.path / path)
    if node.attrs.get("encoding-type") not in ARRAY_PARTS:
        inside = [f"{path}/{member}".strip("/") for member in members]
        raise InputError(
            f"{where} is a group, not an array; name an array in it, as in "
            f"{opening.path}:{(inside or ['PATH'])[0]} (it holds {listed(inside)})"
        )
    need(where, "anndata", "anndata")
    import anndata

    declared = sum(node[member].nbytes for member in members)
    check_size(where, declared, max_bytes)
    for member in members:
        # No value may be missing: then the mask of them is all fill value.
        if member != "mask":
            _check_whole(node[member], opening.path / path / member, f"{where}: array {member!r}")
    try:
        held = anndata.io.read_elem(node)
    except Exception as err:  # whatever parts that do not fit raise
        raise damaged(where, err) from err
    if hasattr(held, "toarray"):
        check_size(where, int(np.prod(held.shape, dtype=float)) * held.dtype.itemsize, max_bytes)
        values = held.toarray()
    else:
        text = held.to_numpy(dtype=object, na_value=None)
        is_missing = np.array([value is None or value != value for value in text])
        kept = [value for value in text if not (value is None or value != value)]
        is_number = all(isinstance(one, int | np.integer) for one in kept) and kept
        fill = kept[0] if is_number else ""
        filled = [fill if gone else value for gone, value in zip(is_missing, text)]
        values = with_missing(np.array(filled, np.int64 if is_number else object), is_missing)
        if not is_number:
            values = values.astype(str).astype(object)
    return checked(Rows(where, owner, values, values.shape, values.dtype), max_bytes)


def _check_whole(node: Any, folder: Path, where: str) -> None:
    """Refuse an array some of whose chunks are not there, for these read as its fill value.

    Nothing says whether zarr left them out because they hold nothing else, or never wrote them.
    """
    grid, chunks = node.shards or node.chunks, node.chunks
    n_chunks = [-(-length // each) for length, each in zip(node.shape, chunks)]
    per_file = [-(-a // b) for a, b in zip(grid, chunks)]
    n_missing = 0
    rows_missing = np.zeros(n_chunks[0], dtype=bool)
    for place in product(*(range(-(-length // each)) for length, each in zip(node.shape, grid))):
        first = [number * each for number, each in zip(place, per_file)]
        inside = tuple(slice(0, total - one) for total, one in zip(n_chunks, first))
        path = folder / node.metadata.encode_chunk_key(place)
        is_missing = _missing_parts(node, path, per_file)[inside]
        if is_missing.any():
            n_missing += int(is_missing.sum())
            rows = is_missing.reshape(len(is_missing), -1).any(axis=1)
            rows_missing[first[0] : first[0] + rows.size] |= rows
    if n_missing:
        start = int(rows_missing.argmax())
        n_rows = int((~rows_missing[start:]).argmax()) or len(rows_missing) - start
        last = min((start + n_rows) * chunks[0], node.shape[0]) - 1
        raise InputError(
            f"{where} lacks {n_missing:,} of its {math.prod(n_chunks):,} chunks, and rows "
            f"{start * chunks[0]:,}-{last:,} would read as its fill value, {node.fill_value}; "
            "write it again whole, with config={'write_empty_chunks': True}"
        )


def _missing_parts(node: Any, path: Path, per_file: list[int]) -> AnyArray:
    """Return which chunks a file lacks: it holds one, or several if it is a shard."""
    if not path.is_file():
        return np.ones(per_file, dtype=bool)
    found = np.zeros(per_file, dtype=bool)
    written_by = node.metadata.codecs if node.shards else ()
    codecs = [one for one in written_by if hasattr(one, "index_codecs")]
    if not codecs or [type(one).__name__ for one in codecs[0].index_codecs] != INDEX_CODECS:
        return found
    size = 16 * found.size + 4  # offset and length of each chunk, and a checksum
    with path.open("rb") as file:
        if codecs[0].index_location.value == "end":
            file.seek(-min(size, path.stat().st_size), 2)
        content = file.read(size)
    if len(content) == size:
        index = np.frombuffer(content[:-4], "<u8")
        found = (index[::2] == np.iinfo(np.uint64).max).reshape(per_file)
    return found


class _Zarr:
    """Blocks of rows of an array of zarr, whose damage is said in one sentence."""

    def __init__(self, node: Any, where: str) -> None:
        self.node, self.where, self.chunks = node, where, node.chunks

    def __getitem__(self, rows: slice) -> AnyArray:
        try:
            values = np.asarray(self.node[rows])
        except Exception as err:  # each codec raises its own
            raise damaged(self.where, err) from err
        return values.astype(object) if values.dtype.kind == "T" else values
