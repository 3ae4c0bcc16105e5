"""What array does a path stand for, and may it be read?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import h5py
import numpy as np

from cch_audit.errors import InputError
from cch_audit.reading.open import (
    ARRAY_PARTS,
    SPARSE_PARTS,
    OpenFile,
    children,
    listed,
    lookup,
    missing,
    text_attribute,
    translated,
)

Kind = Literal["numeric", "text", "csr", "csc", "categorical", "nullable"]
NUMERIC = "fiub"
"""Kinds of numpy types that are read as numbers: floating, integer, unsigned, boolean."""
LARGEST_CHUNK = 512 * 2**20
"""Most bytes of a chunk: it is decompressed whole, whatever part of it is wanted."""


@dataclass(frozen=True)
class Column:
    """An array of the file whose first axis is the rows, not read yet."""

    opened: OpenFile
    path: str
    """Path inside the file, without a leading slash."""
    kind: Kind
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    """Type of the values, of the codes for a categorical."""
    parts: Mapping[str, h5py.Dataset]
    """The datasets it is made of: `data`, `indices`, `indptr`, `codes`, `categories`, `values`,
    `mask`; a plain dataset is its own `values`."""

    @property
    def where(self) -> str:
        """File and dataset, to begin a message with."""
        return f"{self.opened.name}: dataset {self.path!r}"

    @property
    def n_rows(self) -> int:
        """Length of the first axis."""
        return self.shape[0]

    @property
    def n_columns(self) -> int:
        """Length of the other axis; 1 for a vector."""
        return self.shape[1] if len(self.shape) > 1 else 1

    @property
    def is_sparse(self) -> bool:
        """Whether only the entries that are not zero are stored."""
        return self.kind in ("csr", "csc")

    @property
    def storage(self) -> Literal["dense", "sparse", "categorical", "nullable"]:
        """How the values are stored."""
        if self.kind == "categorical" or self.kind == "nullable":
            return self.kind
        return "sparse" if self.is_sparse else "dense"

    @property
    def type_name(self) -> str:
        """Name of the type of the values."""
        return _type_name(self.dtype)

    @property
    def is_matrix(self) -> bool:
        """Whether it holds numbers with one or two axes, as a representation must."""
        return (self.kind == "numeric" or self.is_sparse) and len(self.shape) <= 2


def open_column(opened: OpenFile, path: str, why: str) -> Column:
    """Return the array at a path after every check that needs no reading.

    Parameters
    ----------
    opened
        The file.
    path
        A dataset, or an AnnData group that encodes one (sparse, categorical, nullable).
    why
        Why this path is wanted, for the message.

    Raises
    ------
    InputError
        Nothing is there, or it is of a kind that cannot be used or is not safe to read.
    """
    where = f"{opened.name}: dataset {path!r}"
    kind, paths = _kind_and_parts(opened, path, why)
    parts = _parts(opened, paths)
    main = next(iter(parts.values()))
    shape = main.shape
    if kind == "numeric" and main.dtype.kind not in NUMERIC:
        kind = "text"
    elif kind in ("csr", "csc"):
        shape = _sparse_shape(opened, path, parts, kind == "csr")
    elif kind == "nullable" and parts["mask"].shape != shape:
        raise InputError(f"{where} has a mask of another length; write it again")
    if not shape:
        raise InputError(f"{where} is a single value; it needs one row for each sample")
    if math.prod(shape) == 0:
        raise InputError(f"{where} is empty, its shape is {shape}; it needs a row for each sample")
    return Column(opened, path, kind, shape, main.dtype, parts)


def _kind_and_parts(opened: OpenFile, path: str, why: str) -> tuple[Kind, dict[str, str]]:
    """Return how a column is encoded and the paths of its datasets, the main one first."""
    node = lookup(opened, path)
    where = f"{opened.name}: dataset {path!r}"
    if node is None:
        raise missing(opened, path, why)
    if isinstance(node, h5py.Dataset):
        # AnnData before 0.8 kept the categories apart.
        folder, _, name = path.rpartition("/")
        categories = f"{folder}/__categories/{name}".lstrip("/")
        with translated(where):
            is_categorical = "categories" in node.attrs
        if is_categorical and lookup(opened, categories) is not None:
            return "categorical", {"codes": path, "categories": categories}
        return "numeric", {"values": path}
    if not isinstance(node, h5py.Group):
        raise InputError(f"{where} is a data type, not a dataset; name a dataset")
    encoding = "".join(text_attribute(opened, path, "encoding-type"))
    if encoding not in ARRAY_PARTS:
        members = [f"{path}/{name}" for name in children(opened, path)]
        raise InputError(
            f"{where} is a group, not a dataset ({why}); name a dataset in it: {listed(members)}"
        )
    kinds: dict[str, Kind] = {
        "csr_matrix": "csr",
        "csc_matrix": "csc",
        "categorical": "categorical",
    }
    parts = {part: f"{path}/{part}" for part in ARRAY_PARTS[encoding]}
    return kinds.get(encoding, "nullable"), parts


def _parts(opened: OpenFile, paths: Mapping[str, str]) -> dict[str, h5py.Dataset]:
    """Return the datasets a column is made of, each checked."""
    parts = {}
    for part, path in paths.items():
        node = lookup(opened, path)
        where = f"{opened.name}: dataset {path!r}"
        if not isinstance(node, h5py.Dataset):
            raise InputError(f"{where} is missing or no dataset; write the file again")
        with translated(where):
            problem = _why_not_readable(node, opened.max_bytes)
        if problem:
            raise InputError(f"{where} {problem}")
        parts[part] = node
    return parts


def _why_not_readable(dataset: h5py.Dataset, max_bytes: int) -> str | None:
    """Return what forbids to read a dataset, or None."""
    if dataset.is_virtual:
        return "is virtual, its rows are in other files; copy it into one file"
    if dataset.external:
        return "is stored outside the file, which is not followed; copy it into the file"
    if dataset.shape is None:
        return "holds no array, only a null value; write an array"
    is_text = h5py.check_string_dtype(dataset.dtype) is not None
    if dataset.dtype.kind not in NUMERIC and not is_text:
        return (
            f"is of type {_type_name(dataset.dtype)}; it must hold real numbers, booleans or, for "
            "labels, groups, split and ids, strings: write it again as a plain array"
        )
    declared = dataset.size * dataset.dtype.itemsize
    if declared > max_bytes:
        return (
            f"declares {declared:,} bytes, more than the limit of {max_bytes:,}; write fewer rows "
            "or columns, or raise the limit with --max-bytes"
        )
    chunk = math.prod(dataset.chunks or ()) * dataset.dtype.itemsize
    if chunk > LARGEST_CHUNK:
        return (
            f"has chunks of {chunk:,} bytes, and a chunk is read whole; write it again with chunks "
            "of about 1 MB"
        )
    if dataset.size and dataset.id.get_storage_size() == 0:
        return "was created but never written; write its values before closing the file"
    if dataset.chunks is not None:
        pairs = zip(dataset.shape, dataset.chunks, strict=True)
        expected = math.prod(-(-length // chunk) for length, chunk in pairs)
        written = dataset.id.get_num_chunks()
        if written < expected:
            return (
                f"was only partly written, {written:,} of its {expected:,} chunks; "
                "finish writing it"
            )
    filters = dataset.id.get_create_plist()
    for i in range(filters.get_nfilters()):
        code, _, _, name = filters.get_filter(i)
        if not h5py.h5z.filter_avail(code):
            return (
                f"is compressed with {name.decode(errors='replace') or code!r}, which this HDF5 "
                "cannot read; write it again with gzip"
            )
    return None


def _type_name(dtype: np.dtype[Any]) -> str:
    """Return a type's name as a user knows it."""
    if h5py.check_string_dtype(dtype) is not None:
        return "string"
    if h5py.check_vlen_dtype(dtype) is not None:
        return "variable-length array"
    if h5py.check_ref_dtype(dtype) is not None:
        return "reference"
    if dtype.names:
        return f"compound (a table with fields {', '.join(dtype.names)})"
    return str(dtype)


def _sparse_shape(
    opened: OpenFile, path: str, parts: Mapping[str, h5py.Dataset], by_row: bool
) -> tuple[int, int]:
    """Return the shape a sparse group declares, after comparing it with its parts."""
    where = f"{opened.name}: dataset {path!r}"
    group = lookup(opened, path)
    assert group is not None
    with translated(where):
        shape = tuple(int(length) for length in group.attrs["shape"])
    data, indices, indptr = (parts[name] for name in SPARSE_PARTS)
    is_whole = (
        len(shape) == 2
        and min(shape) >= 0
        and indptr.shape == (shape[0 if by_row else 1] + 1,)
        and data.shape == indices.shape
        and len(data.shape) == 1
        and data.dtype.kind in NUMERIC
        and indices.dtype.kind in "iu"
        and indptr.dtype.kind in "iu"
    )
    if not is_whole:
        raise InputError(f"{where} is a sparse matrix whose parts do not agree; write it again")
    return shape[0], shape[1]
