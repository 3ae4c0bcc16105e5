"""Labels that are none: of every kind, type, number and shape."""

from typing import Any

import h5py
import numpy as np

from .case import Builder, Case, N, edited, h5, judged, wrong

PLAIN = np.arange(N) % 2


def named(*names: str | bytes) -> np.ndarray:
    """Return classes that alternate between names."""
    return np.array(names, dtype=object)[np.arange(N) % len(names)]


def but(value: Any, n_rows: int, dtype: str = "i8") -> np.ndarray:
    """Return two classes, with another value in the first rows."""
    labels = PLAIN.astype(dtype)
    labels[:n_rows] = value
    return labels


REFUSED: dict[str, tuple[Any, str, str]] = {
    "float_fraction": (PLAIN + 0.5, "--task classification", "not integral"),
    "float_nan": (but(np.nan, 5, "f8"), "", "missing or NaN in 5 of the 240 rows"),
    "float_inf": (but(np.inf, 1, "f8"), "", "is infinite in 1 of 240 values"),
    "float_constant": (np.ones(N), "", "the same value in all rows"),
    "all_missing": (np.full(N, np.nan), "", "missing or NaN in 240 of the 240 rows"),
    "text_regression": (named("a", "b"), "--task regression", "holds strings"),
    "one_class": (np.zeros(N, int), "", "holds one class only, '0'"),
    "false": (np.zeros(N, bool), "", "holds one class only, 'False'"),
    "small_class": (but(7, 9), "", "'7' (9)"),
    "one_member": (but(7, 1), "", "fewer than 10 members: '7' (1)"),
    "all_different": (np.arange(N), "", "say which with --task"),
    "different_classes": (np.arange(N), "--task classification", "looks like identifiers"),
    "different_names": (named(*(f"id{i}" for i in range(N))), "", "looks like identifiers"),
    "empty_name": (named("a", ""), "", "the class '' in 120 rows"),
    "nan_name": (named("a", "nan"), "", "the class 'nan'"),
    "big_nan_name": (named("a", "b", "NaN"), "", "the class 'NaN'"),
    "na_name": (named("a", "<NA>"), "", "the class '<NA>'"),
    "one_hot": (np.eye(2)[PLAIN], "", "one-hot rows"),
    "one_hot_whole": (np.eye(2, dtype=int)[PLAIN], "", "argmax"),
    "two_columns": (np.c_[np.arange(N) % 3, PLAIN], "", "2 columns of integers"),
    "columns_classes": (
        np.c_[np.arange(N) % 3, PLAIN],
        "--task classification",
        "one value for each row",
    ),
    "nan_column": (np.c_[PLAIN + 0.5, but(np.nan, 2, "f8")], "", "NaN or infinite in 2 of"),
    "constant_column": (np.c_[PLAIN + 0.5, np.ones(N)], "", "in column 1"),
    "names_columns": (np.c_[named("a", "b"), named("a", "b")], "", "shape (240, 2)"),
    "no_columns": (np.zeros((N, 0)), "", "(240, 0)"),
    "three_axes": (np.zeros((N, 2, 2)), "", "(240, 2, 2)"),
    "null": (h5py.Empty("i8"), "", "only a null value"),
    "short": (PLAIN[:-1], "", "239 rows"),
    "empty": (PLAIN[:0], "", "is empty"),
    "largest_whole": (PLAIN.astype("u8") + np.uint64(2**64 - 2), "--task regression", "labels"),
}
"""Labels, options, and what is said of them."""

AUDITED: dict[str, tuple[Any, str, str]] = {
    "minus_one": (but(-1, 40), "", "the class -1 (40 rows)"),
    "by_case": (named("cat", "Cat"), "", "differ by case or blanks only"),
    "none_name": (named("a", "None"), "", "the class 'None'"),
    "float_classes": (PLAIN.astype("f8"), "", "pass --task classification"),
    "no_utf8": (named(b"\xff\xfe", b"a"), "", ""),
    "red_name": (named("[red]", "[/red]"), "", ""),
    "huge_numbers": (np.arange(N) * 1e300, "", ""),
    "far_codes": (PLAIN * 2**62, "", ""),
    "several": (np.c_[PLAIN, 1 - PLAIN, PLAIN], "", "a multi-label matrix"),
    "several_classes": (np.c_[PLAIN, PLAIN], "--task classification", "a multi-label matrix"),
    "hundred": (np.arange(N) % 24, "", ""),
}


def categorical(codes: np.ndarray, categories: Any) -> Builder:
    """Return a file whose labels are categories, as AnnData writes them."""

    def edit(file: h5py.File) -> None:
        del file["labels"]
        group = file.create_group("labels")
        group["codes"] = codes
        group["categories"] = categories
        group.attrs["encoding-type"] = "categorical"

    return edited(edit)


def masked(file: h5py.File) -> None:
    del file["labels"]
    group = file.create_group("labels")
    group["values"], group["mask"] = PLAIN, np.arange(N) < 3
    group.attrs["encoding-type"] = "nullable-integer"


CATEGORIES: dict[str, tuple[Builder, str]] = {
    "missing_code": (categorical(but(-1, 4), ["a", "b"]), "is missing or NaN in 4"),
    "high_code": (categorical(but(9, 4), ["a", "b"]), "has the code 9 but only 2 categories"),
    "float_code": (categorical(PLAIN + 0.5, ["a", "b"]), "codes that are not integers"),
    "no_category": (categorical(PLAIN * 0 - 1, np.zeros(0)), "missing or NaN in 240"),
    "nan_category": (categorical(PLAIN, [1.0, np.nan]), "missing or NaN in 120"),
    "masked": (edited(masked), "missing or NaN in 3"),
}

FILES: dict[str, Builder] = {
    **{f"y_{name}.h5": h5({"labels": labels}) for name, (labels, _, _) in REFUSED.items()},
    **{f"y_{name}.h5": h5({"labels": labels}) for name, (labels, _, _) in AUDITED.items()},
    **{f"y_{name}.h5": build for name, (build, _) in CATEGORIES.items()},
    "y_none.h5": h5({"labels": None}),
    "y_twice.h5": h5({"y": PLAIN}),
    "y_attribute.h5": h5(labels=3.5),
    "y_task.h5": h5(task="clustering"),
}

CASES = [
    *[
        wrong(f"check y_{name}.h5 {options}".strip(), f"y_{name}.h5", "'labels'", said)
        for name, (_, options, said) in REFUSED.items()
    ],
    *[
        judged(f"check y_{name}.h5 {options}".strip(), said)
        for name, (_, options, said) in AUDITED.items()
    ],
    *[
        wrong(f"check y_{name}.h5", f"y_{name}.h5", "'labels'", said)
        for name, (_, said) in CATEGORIES.items()
    ],
    wrong("check y_none.h5", "no dataset of labels is named", "--labels PATH"),
    wrong("check y_twice.h5", "could each be the labels", "--labels"),
    wrong("check y_attribute.h5", "attribute 'labels'", "must be a string"),
    wrong("check y_task.h5", "'clustering'", "--task"),
    wrong("check y_twice.h5 --labels representations/s", "both the labels"),
    wrong("check y_twice.h5 --labels lables", "did you mean 'labels'"),
    wrong("check y_twice.h5 --labels /", "--labels", "names no dataset"),
    wrong("check y_twice.h5 --labels representations", "is a group"),
    wrong("rank y_one_class.h5", "one class only"),
    wrong("confirm y_small_class.h5", "'7' (9)"),
    wrong("sweep y_short.h5 --noise 0,1", "239 rows"),
    wrong("sweep y_float_classes.h5 --over temperature", "temperatures are for classes"),
    Case("cch-audit inspect y_one_hot.h5", 0, ("one-hot rows",)),
    Case("cch-audit inspect y_float_nan.h5", 0, ("missing or NaN in 5",)),
    Case("cch-audit inspect y_nan_name.h5 --format json", 0, ("the class 'nan'",)),
]
