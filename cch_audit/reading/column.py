"""What array does a path stand for, and may it be read?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import h5py
import numpy as np

from cch_audit.errors import InputError
from cch_audit.reading.dialects import (
    SPARSE_PARTS,
    Encoded,
    Kind,
    encoded,
    is_pandas,
    matlab_class,
    missing_marks,
    pandas_columns,
    resolve,
    why_foreign,
)
from cch_audit.reading.index import RowSpace, row_space
from cch_audit.reading.listing import listed, missing
from cch_audit.reading.open import OpenFile, children, text_attribute, translated
from cch_audit.reading.stored import Form, Stored

NUMERIC = "fiub"
"""Kinds of numpy types that are read as numbers: floating, integer, unsigned, boolean."""
BFLOAT16 = np.dtype("V2")
"""How bfloat16, which numpy does not have, is written: as two opaque bytes."""
STRING_BYTES = 64
"""Memory that a string takes at least."""
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
    parts: Mapping[str, Stored]
    """The datasets it is made of: `data`, `indices`, `indptr`, `codes`, `categories`, `values`,
    `mask`; a plain dataset is its own `values`."""
    marks: tuple[Any, ...] = ()
    """Values that stand for a missing one."""

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
    def key(self) -> tuple[Any, ...]:
        """What tells it from every other column."""
        return self.opened.name, *(part.key for part in self.parts.values())

    @property
    def space(self) -> RowSpace:
        """Whose rows it has."""
        return row_space(self.opened, self.path)

    @property
    def swapped(self) -> "Column":
        """The same dense matrix with rows and columns swapped."""
        values = self.parts["values"].swapped
        return replace(self, shape=values.shape, parts={"values": values})

    @property
    def form(self) -> Form:
        """How one value is stored."""
        return next(iter(self.parts.values())).form

    @property
    def type_name(self) -> str:
        """Name of the type of the values."""
        return {"plain": _type_name(self.dtype), "bfloat16": "bfloat16"}.get(self.form, "string")

    @property
    def is_matrix(self) -> bool:
        """Whether it holds numbers with one or two axes, as a representation must."""
        return (self.kind == "numeric" or self.is_sparse) and len(self.shape) <= 2


def open_column(opened: OpenFile, path: str, why: str) -> Column:
    """Return the array at a path after every check that needs no reading.

    Parameters
    ----------
    opened : the file
    path : a dataset, or an AnnData group that encodes one (sparse, categorical, nullable)
    why : why this path is wanted, for the message

    Raises
    ------
    InputError
        Nothing is there, or it is of a kind that cannot be used or is not safe to read.
    """
    where = f"{opened.name}: dataset {path!r}"
    form = _encoding(opened, path, why)
    kind, parts = form.kind, _parts(opened, form.parts)
    main = next(iter(parts.values()))
    shape = main.shape
    if kind == "numeric" and (
        main.dtype.kind not in NUMERIC or main.form in ("characters", "cells")
    ):
        kind = "numeric" if main.form == "bfloat16" else "text"
    elif kind in ("csr", "csc"):
        shape = _sparse_shape(where, form, parts)
    elif kind == "nullable" and parts["mask"].shape != shape:
        raise InputError(f"{where} has a mask of another length; write it again")
    if not shape:
        raise InputError(f"{where} is a single value; it needs one row for each sample")
    if math.prod(shape) == 0:
        raise InputError(f"{where} is empty, its shape is {shape}; it needs a row for each sample")
    with translated(where):
        marks = missing_marks(main.dataset, main.field, main.dtype)
    return Column(opened, path, kind, shape, main.dtype, parts, marks)


def _encoding(opened: OpenFile, path: str, why: str) -> Encoded:
    """Return how a column is encoded, from the attributes and names around it."""
    node, part = resolve(opened, path)
    where = f"{opened.name}: dataset {path!r}"
    if node is None:
        raise missing(opened, path, why)
    if isinstance(node, h5py.Dataset):
        categories = _categories(opened, path, node, part)
        if categories is not None:
            return Encoded("categorical", {"codes": path, "categories": categories})
        return Encoded("numeric", {"values": path})
    if not isinstance(node, h5py.Group):
        raise InputError(f"{where} is a data type, not a dataset; name a dataset")
    found = encoded(opened, path)
    if found is not None and is_pandas(opened, path):
        return _encoding(opened, found.parts["values"], why)
    if found is not None:
        return found
    if is_pandas(opened, path):
        raise InputError(
            f"{where} is a pandas frame with columns of several types; name one of them "
            f"({listed(pandas_columns(opened, path))}), or write it again with "
            "df.astype('float32')"
        )
    index = text_attribute(opened, path, "_index")  # of a table, whose rows it names
    members = [f"{path}/{name}" for name in children(opened, path) if name not in index]
    raise InputError(
        f"{where} is a group, not a dataset ({why}); name a dataset in it: {listed(members)}"
    )


def _categories(opened: OpenFile, path: str, node: h5py.Dataset, field: str) -> str | None:
    """Return the names of the classes that are kept apart from their codes."""
    folder, _, name = path.rpartition("/")
    owner, _, table = folder.rpartition("/")
    found = ""
    if field and table == "obs":  # AnnData before 0.7
        found = f"{owner}/uns/{name}_categories".lstrip("/")
    elif field and table == "table":  # pandas
        found = f"{owner}/meta/{name}/meta/table/values"
    elif not field:  # AnnData before 0.8
        with translated(opened.name, path):
            if "categories" in node.attrs:
                found = f"{folder}/__categories/{name}".lstrip("/")
    return found if found and resolve(opened, found)[0] is not None else None


def _parts(opened: OpenFile, paths: Mapping[str, str]) -> dict[str, Stored]:
    """Return the datasets a column is made of, each checked."""
    parts = {}
    for name, path in paths.items():
        node, part = resolve(opened, path)
        where = f"{opened.name}: dataset {path!r}"
        if not isinstance(node, h5py.Dataset):
            raise InputError(f"{where} is missing or no dataset; write the file again")
        with translated(where):
            problem = _why_not_stored(node) or why_foreign(node)
            if not problem:
                parts[name] = _stored(node, part)
                problem = _why_not_readable(parts[name], opened.max_bytes)
        if problem:
            raise InputError(f"{where} {problem}")
    return parts


def _stored(dataset: h5py.Dataset, part: str) -> Stored:
    """Return how the rows of a dataset, of one of its fields or columns, lie in it."""
    shape, dtype = dataset.shape, dataset.dtype
    if dtype.names and part:
        base, more = dtype[part].subdtype or (dtype[part], ())
        shape = shape + more
        return Stored(dataset, tuple(range(len(shape))), shape, base, field=part)
    if part:
        return Stored(dataset, (0,), shape[:1], dtype, place=int(part))
    kind = matlab_class(dataset)
    if kind == "char" and dtype == np.uint16 and len(shape) == 2:
        return Stored(dataset, (1,), shape[1:], dtype, "characters")
    axes = tuple(range(len(shape)))
    if len(shape) > 2 or (len(shape) == 2 and shape[0] == 1):
        axes = tuple(axis for axis in axes if shape[axis] != 1) or axes[:1]
    shape = tuple(shape[axis] for axis in axes)
    if kind == "cell" and h5py.check_ref_dtype(dtype) is not None:
        return Stored(dataset, axes, shape, dtype, "cells")
    return Stored(dataset, axes, shape, dtype, "bfloat16" if dtype == BFLOAT16 else "plain")


def _why_not_stored(dataset: h5py.Dataset) -> str | None:
    """Return what forbids to look into a dataset at all, or None."""
    if dataset.is_virtual:
        return "is virtual, its rows are in other files; copy it into one file"
    if dataset.external:
        return "is stored outside the file, which is not followed; copy it into the file"
    if dataset.shape is None:
        return "holds no array, only a null value; write an array"
    return None


def _why_not_readable(stored: Stored, max_bytes: int) -> str | None:
    """Return what forbids to read a dataset, or None."""
    dataset, dtype = stored.dataset, stored.dtype
    is_text = h5py.check_string_dtype(dtype) is not None
    if stored.form == "plain" and dtype.kind not in NUMERIC and not is_text:
        remedy = "write it again as a plain array"
        if dtype.names and dataset.ndim == 1:
            remedy = f"name one of its fields, for example {dataset.name[1:]}/{dtype.names[0]}"
        return (
            f"is of type {_type_name(dtype)}; it must hold real numbers, booleans or, for "
            f"labels, groups, split and ids, strings: {remedy}"
        )
    declared = math.prod(stored.shape) * _bytes_each(stored)
    if declared > max_bytes:
        return (
            f"declares {declared:,} bytes, more than the limit of {max_bytes:,}; write fewer rows "
            "or columns, or raise the limit, by default half of the free memory, with `max_bytes`"
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


def _bytes_each(stored: Stored) -> int:
    """Return the bytes of memory that one value takes where it is read in full, as vectors are."""
    if stored.form in ("characters", "cells") or h5py.check_string_dtype(stored.dtype) is not None:
        return max(STRING_BYTES, stored.dtype.itemsize)
    is_vector = math.prod(stored.shape[1:]) == 1
    return max(8 if is_vector else 1, stored.dtype.itemsize)


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


def _sparse_shape(where: str, form: Encoded, parts: Mapping[str, Stored]) -> tuple[int, int]:
    """Return the shape a sparse group declares, after comparing it with its parts."""
    shape = form.shape
    data, indices, indptr = (parts[name] for name in SPARSE_PARTS)
    is_whole = (
        len(shape) == 2
        and min(shape) >= 0
        and indptr.shape == (shape[0 if form.kind == "csr" else 1] + 1,)
        and data.shape == indices.shape
        and len(data.shape) == 1
        and data.dtype.kind in NUMERIC
        and indices.dtype.kind in "iu"
        and indptr.dtype.kind in "iu"
    )
    if not is_whole:
        raise InputError(f"{where} is a sparse matrix whose parts do not agree; write it again")
    return shape[0], shape[1]
