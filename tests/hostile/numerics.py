"""Numbers that are none, too large, too small, too few, of no real type or of no use."""

from itertools import product
from typing import Any

import h5py
import numpy as np

from .case import Builder, Case, N, edited, h5, judged, wrong

TEACHER, STUDENT = "representations/t", "representations/s"


def put(value: float, rows: Any = 7) -> Any:
    """Return what puts a value into the first column of some rows."""

    def change(values: np.ndarray) -> np.ndarray:
        values[rows, 0] = value
        return values

    return change


def of_type(dtype: Any) -> Any:
    return lambda values: (values * 10).astype(dtype)


def compound(values: np.ndarray) -> np.ndarray:
    table = np.zeros(len(values), [("x", "f8"), ("y", "f8")])
    table["x"] = values[:, 0]
    return table


REFUSED: dict[str, tuple[Any, str]] = {
    "nan": (put(np.nan), "NaN or infinite in 1 of"),
    "all_nan": (lambda values: values * np.nan, "NaN or infinite in"),
    "inf": (put(np.inf), "the first in row 7"),
    "minus_inf": (put(-np.inf, slice(3, 5)), "NaN or infinite in 2 of"),
    "constant": (lambda values: values * 0 + 3, "is constant"),
    "collapsed": (lambda values: values * 1e-30 + 1e8, "differ by less than their rounding"),
    "complex": (of_type("c16"), "is of type complex128"),
    "strings": (of_type("S8"), "holds text values"),
    "compound": (compound, "is of type compound"),
    "empty": (lambda values: values[:0], "is empty"),
    "one_row": (lambda values: values[:1], "rows"),
    "no_columns": (lambda values: values[:, :0], "(240, 0)"),
    "three_axes": (lambda values: values[:, :, None] * [1.0, 2.0], "has 3 axes"),
    "scalar": (lambda values: 3.0, "is a single value"),
    "null": (lambda values: h5py.Empty("f8"), "only a null value"),
    "beyond": (lambda values: (values + 9e3).astype("u8") + 2**60, "integers beyond 2^53"),
    "half_overflow": (
        lambda values: np.where(np.abs(values) > 1, values * 1e5, values).astype("f2"),
        "NaN or infinite",
    ),
}
"""What is wrong with one of the two representations, and what is said of it."""

AUDITED: dict[str, tuple[Any, tuple[str, ...]]] = {
    "huge": (lambda values: values * [1e300] + 0, ()),
    "tiny": (lambda values: values * 1e-300, ()),
    "denormal": (lambda values: np.round(values * 100) * 5e-324, ()),
    "largest": (put(np.finfo("f8").max), ()),
    "half": (of_type("f2"), ()),
    "unsigned": (lambda values: (values * 100 + 1000).astype("u8"), ()),
    "yes_no": (lambda values: values > 0.5, ()),
    "long_double": (of_type(np.longdouble), ()),
    "shifted": (lambda values: (values + 1e7).astype("f4"), ("steps of float32",)),
    "one_constant": (lambda values: np.c_[values, np.ones(N)], ("are constant and were left out",)),
    "repeated": (lambda values: values[np.arange(N) // 4], ("repeat an earlier row exactly",)),
}
"""What is odd about a representation that is audited nonetheless."""


def all_rows(n: int) -> Builder:
    """Return a file of so many rows."""
    return h5({name: lambda values: values[:n] for name in (TEACHER, STUDENT, "labels")})


def many_columns(values: np.ndarray) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(N, 3000)).astype("f4")


FILES: dict[str, Builder] = {
    **{
        f"{name}_{role[-1]}.h5": h5({role: change})
        for (name, (change, _)), role in product(REFUSED.items(), (TEACHER, STUDENT))
    },
    **{f"{name}.h5": h5({TEACHER: change}) for name, (change, _) in AUDITED.items()},
    "rows_0.h5": all_rows(0),
    "rows_1.h5": all_rows(1),
    "rows_49.h5": all_rows(49),
    "rows_50.h5": all_rows(50),
    "wide.h5": h5({TEACHER: many_columns}),
    "short_t.h5": h5({TEACHER: lambda values: values[:-1]}),
    "long_s.h5": h5({STUDENT: lambda values: np.r_[values, values]}),
    "same.h5": h5(teacher="s"),
    "vlen.h5": edited(
        lambda file: file.create_dataset("v", (N,), h5py.vlen_dtype("f8")).__setitem__(0, [1.0])
    ),
    "references.h5": edited(
        lambda file: file.create_dataset("r", (N,), h5py.ref_dtype).__setitem__(0, file.ref)
    ),
    "opaque.h5": h5({"o": np.zeros(N, "V2")}),
    "dates.h5": edited(
        lambda file: file.create_dataset(
            "d", data=np.arange(N).astype("M8[s]").astype(h5py.opaque_dtype("M8[s]"))
        )
    ),
}

CASES = [
    *[
        wrong(f"check {name}_{role}.h5", f"{name}_{role}.h5", f"'representations/{role}'", said)
        for (name, (_, said)), role in product(REFUSED.items(), "ts")
    ],
    *[
        Case(f"cch-audit inspect {name}_t.h5", 0, (f"{name}_t.h5", said))
        for name, (_, said) in list(REFUSED.items())[::3]
    ],
    *[judged(f"check {name}.h5", *says) for name, (_, says) in AUDITED.items()],
    wrong("check rows_0.h5", "rows_0.h5", "is empty"),
    wrong("check rows_1.h5", "has 3 rows", "--transpose"),
    wrong("check rows_49.h5", "49 rows", "at least 50 are needed"),
    judged("check rows_50.h5", "Only 50 rows"),
    judged("check wide.h5"),
    judged("check same.h5", "the same dataset"),
    wrong("check short_t.h5", "short_t.h5", "239 rows", "240"),
    wrong("check long_s.h5", "long_s.h5", "480", "240 rows"),
    wrong("check vlen.h5 --teacher v", "'v'", "variable-length"),
    wrong("check references.h5 --teacher r", "'r'", "reference"),
    wrong("check opaque.h5 --teacher o", "'o'", "opaque values of two bytes", "float32"),
    wrong("check dates.h5 --teacher d", "'d'"),
    wrong("check wide.h5 --max-bytes 1000000", "declares 2,880,000 bytes", "--max-bytes"),
]
