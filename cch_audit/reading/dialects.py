"""What do the programs that write HDF5 leave in a file, and what does it mean?"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from cch_audit.reading.open import OpenFile, children, lookup, text_attribute, translated

Kind = Literal["numeric", "text", "csr", "csc", "categorical", "nullable"]
SPARSE_PARTS = ("data", "indices", "indptr")
NULLABLE_PARTS = ("values", "mask")
ARRAY_PARTS: Mapping[str, tuple[Kind, tuple[str, ...]]] = {
    "csr_matrix": ("csr", SPARSE_PARTS),
    "csc_matrix": ("csc", SPARSE_PARTS),
    "categorical": ("categorical", ("codes", "categories")),
    "nullable-integer": ("nullable", NULLABLE_PARTS),
    "nullable-boolean": ("nullable", NULLABLE_PARTS),
    "nullable-string-array": ("nullable", NULLABLE_PARTS),
}
"""AnnData encodings of groups that stand for one array, and the datasets in them."""
INTERNAL = frozenset(("#refs#", "#subsystem#", "_types"))
"""Groups at the root in which MATLAB and Julia keep what other datasets refer to."""
R_MISSING = "rhdf5-NA.OK"
MATLAB_NUMBERS = re.compile("double|single|logical|u?int(8|16|32|64)")
HEADERS = {
    b"MATLAB 7.3 MAT-file": "MATLAB (a version 7.3 file)",
    b"HDF5-based Julia Data Format": "Julia (JLD2)",
    b"Julia data file": "Julia (JLD)",
    b"MuData": "mudata",
}
"""How a file begins, before its HDF5."""
ROOT_ATTRIBUTES = {
    "LOOM_SPEC_VERSION": "loompy",
    "_NCProperties": "netCDF4",
    "keras_version": "Keras (the weights of a model, not its outputs)",
    "chemistry_description": "Cell Ranger (10x Genomics)",
}


@dataclass(frozen=True)
class Encoded:
    """A group that stands for one array."""

    kind: Kind
    parts: Mapping[str, str]
    """Paths of the datasets it is made of, the main one first."""
    shape: tuple[int, ...] = ()
    """What a sparse matrix declares, rows first."""


def encoded(opened: OpenFile, path: str) -> Encoded | None:
    """Return how a group stands for one array; None if it is only a folder."""
    group = lookup(opened, path)
    assert isinstance(group, h5py.Group)
    with translated(opened.name, path):
        names = frozenset(group.attrs if h5py.h5a.get_num_attrs(group.id) else ())
    if "encoding-type" in names:
        encoding = "".join(text_attribute(opened, path, "encoding-type"))
        if encoding not in ARRAY_PARTS:
            return None
        kind, parts = ARRAY_PARTS[encoding]
        with translated(opened.name, path):
            shape = _lengths(group.attrs["shape"]) if parts == SPARSE_PARTS else ()
        return Encoded(kind, {part: f"{path}/{part}" for part in parts}, shape)
    sparse = {part: f"{path}/{part}" for part in SPARSE_PARTS}
    if "h5sparse_format" in names:  # AnnData before 0.7
        by_column = text_attribute(opened, path, "h5sparse_format") == ("csc",)
        with translated(opened.name, path):
            shape = _lengths(group.attrs["h5sparse_shape"])
        return Encoded("csc" if by_column else "csr", sparse, shape)
    if "MATLAB_sparse" in names:
        columns = lookup(opened, f"{path}/jc")
        with translated(opened.name, path):
            n_rows = _lengths(group.attrs["MATLAB_sparse"])
        n_columns = columns.size - 1 if isinstance(columns, h5py.Dataset) else 0
        members = {"data": f"{path}/data", "indices": f"{path}/ir", "indptr": f"{path}/jc"}
        return Encoded("csc", members, (*n_rows, n_columns))
    if is_cell_ranger(opened, path):
        declared = lookup(opened, f"{path}/shape")
        with translated(opened.name, path):
            assert isinstance(declared, h5py.Dataset)
            # It has genes by cells, by column.
            shape = _lengths(declared[:2])[::-1] if declared.size == 2 else ()
        return Encoded("csr", sparse, shape)
    if "pandas_type" in names:
        columns = pandas_columns(opened, path)
        return Encoded("numeric", {"values": columns[0]}) if len(columns) == 1 else None
    return None


def _lengths(value: Any) -> tuple[int, ...]:
    return tuple(int(length) for length in np.ravel(value))


def is_cell_ranger(opened: OpenFile, path: str) -> bool:
    """Return whether a group holds the counts of a 10x Genomics file."""
    members = (lookup(opened, f"{path}/{name}") for name in ("barcodes", "shape", *SPARSE_PARTS))
    return bool(path) and all(isinstance(member, h5py.Dataset) for member in members)


def is_pandas(opened: OpenFile, path: str) -> bool:
    """Return whether a group is a frame or series of a pandas HDFStore."""
    node = lookup(opened, path)
    if not path or not isinstance(node, h5py.Group):
        return False
    with translated(opened.name, path):
        return "pandas_type" in node.attrs


def pandas_columns(opened: OpenFile, path: str) -> list[str]:
    """Return the datasets, or fields of its table, that hold the values of a pandas object."""
    table = lookup(opened, f"{path}/table")
    if isinstance(table, h5py.Dataset):
        names = table.dtype.names or ()
        return [f"{path}/table/{name}" for name in names if name != "index"]
    found = [name for name in children(opened, path) if re.fullmatch(r"block\d+_values", name)]
    found = found or (
        ["values"] if isinstance(lookup(opened, f"{path}/values"), h5py.Dataset) else []
    )
    return [f"{path}/{name}" for name in found]


def pandas_index(opened: OpenFile, path: str) -> str | None:
    """Return what identifies the rows of a pandas object; None if several levels do."""
    for name in ("table/index", "axis1", "index"):
        if resolve(opened, f"{path}/{name}")[0] is not None:
            return f"{path}/{name}"
    return None


def resolve(opened: OpenFile, path: str) -> tuple[h5py.Group | h5py.Dataset | None, str]:
    """Return the node at a path and "", or a dataset of which the last component is a part.

    That is a field of a dataset of records, or the number of a column.
    """
    node = lookup(opened, path)
    if node is not None:
        return node, ""
    parent, _, last = path.rpartition("/")
    above = lookup(opened, parent) if parent else None
    if not isinstance(above, h5py.Dataset) or above.shape is None:
        return None, ""
    if last in (above.dtype.names or ()) and above.ndim == 1:
        return above, last
    is_column = above.dtype.names is None and above.ndim == 2 and last.isascii() and last.isdigit()
    if is_column and len(last) < 10 and int(last) < above.shape[1]:
        return above, last
    return None, ""


def missing_marks(dataset: h5py.Dataset, field: str, dtype: np.dtype[Any]) -> tuple[Any, ...]:
    """Return the values that stand for a missing one in a dataset, or in one of its fields."""
    marks: list[Any] = []
    of_r = _attribute(dataset, R_MISSING) is not None
    is_text = h5py.check_string_dtype(dtype) is not None
    if dtype.kind == "i" and (of_r or dtype.itemsize >= 4):
        # R has no integer below, and pandas and casts from NaN write it too.
        marks.append(np.iinfo(dtype).min)
    if is_text and of_r:
        marks.append("NA")
    codes = h5py.check_enum_dtype(dtype) or {}
    marks.extend(code for name, code in codes.items() if name == "NA")
    for name in ("_FillValue", "missing_value"):  # of netCDF
        value = np.ravel(np.asarray(_attribute(dataset, name)))
        marks.extend(value[:1].tolist() if value.dtype.kind == dtype.kind != "O" else [])
    if field and is_text:  # of pandas
        marks.extend(filter(None, [_string(_attribute(dataset, f"{field}_nan_rep"))]))
    if field and _string(_attribute(dataset, f"{field}_meta")) == "category":
        marks.append(-1)
    return tuple(marks)


def why_foreign(dataset: h5py.Dataset) -> str | None:
    """Return why a dataset that only its own program can read is refused, or None."""
    if _attribute(dataset, "PSEUDOATOM") is not None:
        return (
            "holds Python objects that pandas pickled, which are not read; write the frame again "
            "with to_hdf(..., format='table')"
        )
    kind = matlab_class(dataset)
    if _attribute(dataset, "MATLAB_empty") is not None:
        return "is an empty MATLAB array, of which only the size is saved; save one with values"
    if kind and kind not in ("char", "cell") and not MATLAB_NUMBERS.fullmatch(kind):
        return (
            f"is a MATLAB object of class {kind!r}, which only MATLAB can read; save "
            "cellstr(string(x)) for text and categories, or double(x) for numbers"
        )
    return None


def matlab_class(dataset: h5py.Dataset) -> str:
    """Return the class of what MATLAB saved, empty for other datasets."""
    return _string(_attribute(dataset, "MATLAB_class"))


def _attribute(dataset: h5py.Dataset, name: str) -> Any:
    """Return an attribute, or None."""
    return dataset.attrs.get(name) if h5py.h5a.get_num_attrs(dataset.id) else None


def _string(value: Any) -> str:
    """Return an attribute as text, empty if it is none."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


def written_by(opened: OpenFile, paths: list[str]) -> str | None:
    """Return the program that wrote a file, as far as it left a mark.

    Parameters
    ----------
    opened : the file
    paths : some of its arrays, in which marks are looked for
    """
    return next(_marks(opened, paths), None)


def _marks(opened: OpenFile, paths: list[str]) -> Iterator[str]:
    """Yield the programs whose marks a file has."""
    with translated(opened.name), Path(opened.name).open("rb") as file:
        start = file.read(64)
        names = frozenset(opened.root.attrs)
    yield from (program for header, program in HEADERS.items() if start.startswith(header))
    if "encoding-type" in names:
        encoding = "".join(text_attribute(opened, "", "encoding-type")).lower()
        if encoding in ("anndata", "mudata"):
            version = "".join(text_attribute(opened, "", "encoder-version"))
            yield f"{encoding} {version}".strip()
    yield from (program for name, program in ROOT_ATTRIBUTES.items() if name in names)
    if lookup(opened, "attrs/LOOM_SPEC_VERSION") is not None:
        yield "loompy"
    obs = lookup(opened, "obs")
    if isinstance(obs, h5py.Dataset) and obs.dtype.names:
        yield "anndata before 0.7"
    tops = dict.fromkeys(path.partition("/")[0] for path in paths)
    if any(is_pandas(opened, top) for top in tops):
        yield "pandas (HDFStore)"
    if any(is_cell_ranger(opened, top) for top in tops):
        yield "Cell Ranger (10x Genomics)"
    if "PYTABLES_FORMAT_VERSION" in names:
        yield "PyTables"
    for path in paths:
        node, _ = resolve(opened, path)
        if isinstance(node, h5py.Dataset):
            with translated(opened.name, path):
                marks = frozenset(node.attrs)
                codes = h5py.check_enum_dtype(node.dtype) or {}
            if R_MISSING in marks:
                yield "R (rhdf5)"
            if "NA" in codes:
                yield "R (hdf5r)"
            if "MATLAB_class" in marks:
                yield "MATLAB"
