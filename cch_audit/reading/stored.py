"""What does one dataset hold, as rows and columns, whatever way a program laid it out?"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import h5py
import numpy as np
import numpy.typing as npt

from cch_audit.errors import InputError
from cch_audit.reading.open import decoded

AnyArray = npt.NDArray[Any]
Form = Literal["plain", "bfloat16", "characters", "cells"]
LONGEST_STRING = 10_000
"""Most characters of a string in a cell array."""


@dataclass(frozen=True)
class Stored:
    """A dataset, or one field of a dataset of records, whose first axis is the rows."""

    dataset: h5py.Dataset
    axes: tuple[int, ...]
    """Axes of the dataset that are its axes here: swapped if columns come first, and without those
    of length 1 that some programs add."""
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    """Type of one value."""
    form: Form = "plain"
    """`bfloat16`: two opaque bytes; `characters`: one string in each column; `cells`: references
    to arrays of characters."""
    field: str = ""
    """The field, of a dataset of records."""
    place: int = 0
    """Where the axes that are left out are read."""

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """Lengths of what is read together, if the dataset is chunked."""
        chunks: tuple[int, ...] | None = self.dataset.chunks
        if chunks is None:
            return None
        if self.field:
            return chunks[:1] + self.shape[1:]
        return tuple(chunks[axis] for axis in self.axes)

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells it from every other one of its file."""
        address = h5py.h5o.get_info(self.dataset.id).addr
        return address, self.field, self.place

    @property
    def swapped(self) -> "Stored":
        """The same with rows and columns swapped."""
        return replace(self, axes=self.axes[::-1], shape=self.shape[::-1])

    def __len__(self) -> int:
        """Return the length of the first axis."""
        return self.shape[0]

    def __getitem__(self, area: slice | tuple[slice, ...]) -> AnyArray:
        """Read a block."""
        given = area if isinstance(area, tuple) else (area,)
        parts = (*given, *[slice(None)] * (len(self.shape) - len(given)))
        if self.field:
            records: AnyArray = self.dataset.fields(self.field)[parts[0]]
            return records[(slice(None), *parts[1:])]
        index: list[slice | int] = [self.place] * self.dataset.ndim
        for axis, part in zip(self.axes, parts, strict=True):
            index[axis] = part
        values: AnyArray = self.dataset[tuple(index)]
        values = values.transpose([sorted(self.axes).index(axis) for axis in self.axes])
        if self.form == "bfloat16":
            bits = np.ascontiguousarray(values).view("<u2").astype(np.uint32)
            return (bits << 16).view(np.float32)
        return values

    def read(self) -> AnyArray:
        """Read a vector in full; strings come as objects."""
        if self.form == "characters":
            return np.array([_text(row) for row in self.dataset[()].T], dtype=object)
        if self.form == "cells":
            cells = [self._cell(reference) for reference in self.dataset[()].ravel()]
            return np.array(cells, dtype=object)
        if h5py.check_string_dtype(self.dtype) is None:
            return self[()].reshape(-1)
        return np.array([decoded(item) for item in self[()].ravel().tolist()], dtype=object)

    def _cell(self, reference: h5py.Reference) -> str:
        """Return the string that a cell refers to."""
        target: Any = self.dataset.file[reference] if reference else None
        is_text = (
            isinstance(target, h5py.Dataset)
            and target.dtype == np.uint16
            and not (target.external or target.is_virtual)
        )
        if not is_text or target.size > LONGEST_STRING:
            raise InputError(
                f"{self.dataset.file.filename}: dataset {self.dataset.name!r} is a MATLAB cell "
                "array that holds other things than strings; save cellstr(string(x)) instead"
            )
        # An empty string is saved as its size.
        return "" if "MATLAB_empty" in target.attrs else _text(target[()].ravel(order="F"))


def _text(codes: AnyArray) -> str:
    """Return the characters of UTF-16 codes, without the blanks that fill a line."""
    return codes.astype("<u2").tobytes().decode("utf-16-le", "backslashreplace").rstrip(" \0")
