"""Which rows are audited, when the rows are split?"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from cch_audit.arrays import IntArray
from cch_audit.errors import InputError
from cch_audit.reading.listing import MOST_LISTED
from cch_audit.reading.values import Values, as_text

HELD_OUT = "test"
TRAINING = ("train", "training")


@dataclass(frozen=True)
class Selection:
    """The rows of one part of a split, with what there is to say about it."""

    rows: IntArray
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def select_rows(split: Values, rows: str | None) -> Selection:
    """Return the rows whose split has a value: the one asked for, else `test`, else the only one.

    Raises
    ------
    InputError
        No row has the value asked for, or which rows are held out cannot be known.
    """
    names = as_text(split)
    counts = Counter(names)
    value = rows
    if value is None and HELD_OUT in counts:
        value = HELD_OUT
    elif value is None and len(counts) == 1:
        value = names[0]
    if value is None or value not in counts:
        shown = ", ".join(f"{name!r} ({n:,} rows)" for name, n in counts.most_common(MOST_LISTED))
        more = ", ..." if len(counts) > MOST_LISTED else ""
        problem = "does not say which rows are held out" if value is None else f"has no {value!r}"
        raise InputError(
            f"{split.where} {problem}; its values are {shown}{more}: "
            "choose one with `rows`, best one the models were not trained on"
        )
    selected = np.flatnonzero(np.array(names, dtype=object) == value)
    note = (
        f"{len(selected):,} of {len(names):,} rows are used: those with {value!r} in {split.where}."
    )
    warnings = (
        f"The rows with {value!r} in {split.where} seem to be training rows; representations of "
        "rows that a model was trained on carry inflated information about the labels.",
    )
    return Selection(selected, (note,), warnings if value.lower() in TRAINING else ())
