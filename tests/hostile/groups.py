"""Groups, windows, splits, ids and predictions that contradict the rows, or themselves."""

from typing import Any

import h5py
import numpy as np

from .case import Builder, Case, N, edited, h5, judged, wrong

ROWS = np.arange(N)
PLAIN = ROWS % 2
SCORES = np.random.default_rng(3).random((N, 2))
NAMES = np.array([f"row{i}" for i in ROWS], dtype=object)


def but(values: np.ndarray, value: Any) -> np.ndarray:
    """Return values with another one in the first row."""
    changed = values.copy()
    changed[0] = value
    return changed


REFUSED: dict[str, tuple[str, Any, str]] = {
    "groups_single": ("groups", ROWS * 0, "all 240 rows in one group"),
    "groups_nan": ("groups", but(ROWS / 10 // 1, np.nan), "missing or NaN in 1"),
    "groups_uneven": ("groups", (ROWS > 0) * 1, "puts 239 of 240 rows in one group"),
    "groups_short": ("groups", ROWS[:-1] // 10, "239 rows"),
    "groups_columns": ("groups", np.c_[ROWS, ROWS], "shape (240, 2)"),
    "groups_scalar": ("groups", 3, "is a single value"),
    "split_unknown": ("split", np.array(["a", "b"], dtype=object)[PLAIN], "choose one with --rows"),
    "split_float": ("split", ROWS * 1.5, "floating-point numbers"),
    "split_nan": ("split", but(ROWS * 0.0, np.nan), "missing or NaN"),
    "ids_twice": ("ids", but(NAMES, "row1"), "repeats an earlier id in 1 of 240 rows"),
    "ids_short": ("ids", NAMES[:-1], "239 ids"),
    "ids_float": ("ids", ROWS * 1.0, "floating-point numbers"),
    "predictions_nan": ("predictions/t", but(SCORES, np.nan), "NaN or infinite"),
    "predictions_inf": ("predictions/s", but(SCORES, np.inf), "NaN or infinite"),
    "predictions_many": ("predictions/t", np.ones((N, 3)), "with 3 columns"),
    "predictions_text": ("predictions/t", NAMES, "holds text values"),
    "predictions_short": ("predictions/s", SCORES[:-1], "239 rows"),
}
"""A dataset beside the arrays, and what is said of it."""

AUDITED: dict[str, tuple[str, Any, str]] = {
    "groups_pure": ("groups", ROWS % 4, ""),
    "groups_alone": ("groups", ROWS, ""),
    "groups_few": ("groups", ROWS // 60, ""),
    "split_train": ("split", np.full(N, "train", dtype=object), "seem to be training rows"),
    "predictions_constant": ("predictions/t", np.ones((N, 2)), "the same for every row"),
    "predictions_sums": ("predictions/t", SCORES, "do not sum to one"),
    "predictions_wrong": ("predictions/t", np.eye(2)[1 - PLAIN], "columns in another order"),
    "predictions_huge": ("predictions/t", SCORES * 1e300, ""),
}


def from_other(rows: np.ndarray) -> Builder:
    """Return a file of teachers for rows of these names."""
    return h5({"ids": np.array([f"row{i}" for i in rows], dtype=object)})


def without_ids(file: h5py.File) -> None:
    file.attrs["window"] = "wide"


FILES: dict[str, Builder] = {
    **{f"{name}.h5": h5({path: values}) for name, (path, values, _) in REFUSED.items()},
    **{f"{name}.h5": h5({path: values}) for name, (path, values, _) in AUDITED.items()},
    "plain.h5": h5(),
    "groups_folder.h5": h5({"groups/inner": ROWS // 10}),
    "split_few.h5": h5({"split": np.array(["test", "no"], dtype=object)[(ROWS > 9) * 1]}),
    "named.h5": from_other(ROWS),
    "strangers.h5": from_other(ROWS + 1000),
    "few_shared.h5": from_other(ROWS + 200),
    "window_word.h5": edited(without_ids),
    "window_minus.h5": h5(window=-3),
    "window_nan.h5": h5(window=np.nan),
    "window_list.h5": h5(window=[1, 2]),
}

CASES = [
    *[
        wrong(f"check {name}.h5", f"{name}.h5", repr(path), said)
        for name, (path, _, said) in REFUSED.items()
    ],
    *[judged(f"check {name}.h5", said) for name, (_, _, said) in AUDITED.items()],
    judged("check plain.h5 --groups labels"),
    wrong("check plain.h5 --window 121", "a window of 121 rows reaches across", "--window"),
    wrong("check plain.h5 --window 999999999", "reaches across the 240 rows"),
    judged("check groups_few.h5 --window 5"),
    judged("check groups_alone.h5 --window auto --independent"),
    wrong("check plain.h5 --window -1", "--window", "'-1'"),
    wrong("check plain.h5 --window 1.5", "--window", "'1.5'"),
    wrong("check plain.h5 --window nan", "--window", "'nan'"),
    wrong("check plain.h5 --window 10000000000", "--window"),
    wrong("check plain.h5 --window ٣", "--window"),
    wrong("check window_word.h5", "attribute 'window'", "'wide'"),
    wrong("check window_minus.h5", "attribute 'window'", "'-3'"),
    wrong("check window_nan.h5", "attribute 'window'"),
    wrong("check window_list.h5", "attribute 'window'"),
    wrong("check groups_folder.h5 --groups groups", "'groups' is a group", "groups/inner"),
    wrong("check split_few.h5", "split_few.h5", "10 rows", "at least 50"),
    wrong("check plain.h5 --groups nowhere", "no dataset 'nowhere'", "--groups"),
    wrong("check plain.h5 --split nowhere", "no dataset 'nowhere'", "--split"),
    wrong("check plain.h5 --ids nowhere", "no dataset 'nowhere'", "--ids"),
    wrong("check plain.h5 --ids /", "--ids", "names no dataset"),
    wrong("check plain.h5 --rows test", "--rows 'test' needs a split"),
    wrong("check split_train.h5 --rows nothing", "has no 'nothing'"),
    wrong("check split_train.h5 --rows ''", "--rows"),
    wrong("check groups_few.h5 --max-samples 50", "--max-samples"),
    wrong("check plain.h5 --predictions t", "must be NAME=PATH"),
    wrong("check plain.h5 --predictions t=", "must be NAME=PATH"),
    wrong("check plain.h5 --predictions nobody=labels", "one of"),
    wrong("check plain.h5 --predictions t=nowhere", "no dataset 'nowhere'"),
    wrong("check plain.h5 --teacher-file named.h5", "no ids"),
    wrong("check named.h5 --teacher-file strangers.h5", "no id is in all of"),
    wrong("check named.h5 --teacher-file few_shared.h5", "40 rows"),
    wrong("check named.h5 --teacher-file nowhere.h5", "nowhere.h5: no such file"),
    wrong("check named.h5 --teacher-file .", "is a directory"),
    wrong("check named.h5 --teacher-file ids_twice.h5", "ids_twice.h5", "repeats an earlier id"),
    Case("cch-audit inspect groups_single.h5", 0, ("in one group",)),
    Case("cch-audit inspect ids_twice.h5", 0, ("repeats an earlier id",)),
    Case("cch-audit inspect split_unknown.h5", 0, ("choose one with --rows",)),
]
