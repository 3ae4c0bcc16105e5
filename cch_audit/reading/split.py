"""Which rows are audited, when the rows are split?"""

from collections import Counter
from dataclasses import replace

import numpy as np

from cch_audit.errors import InputError
from cch_audit.reading.align import Alignment
from cch_audit.reading.layout import Layout
from cch_audit.reading.listing import MOST_LISTED
from cch_audit.reading.values import as_text
from cch_audit.settings import InputSettings

HELD_OUT = "test"
TRAINING = ("train", "training")


def select_rows(layout: Layout, alignment: Alignment, settings: InputSettings) -> Alignment:
    """Return the aligned rows whose split has the value asked for, else `test`, else the only one.

    Without a split these are all rows.

    Raises
    ------
    InputError
        No row has the value asked for, or which rows are held out cannot be known.
    """
    value = settings.rows
    if layout.split is None:
        if value is not None:
            raise InputError(
                f"{layout.student.column.opened.name}: `rows` {value!r} needs a split, and the "
                "file has no dataset 'split'; name one with `split`"
            )
        return alignment
    column = layout.split.column
    names = as_text(alignment.values(column))
    counts = Counter(names)
    if value is None and HELD_OUT in counts:
        value = HELD_OUT
    elif value is None and len(counts) == 1:
        value = names[0]
    if value is None or value not in counts:
        shown = ", ".join(f"{name!r} ({n:,} rows)" for name, n in counts.most_common(MOST_LISTED))
        more = ", ..." if len(counts) > MOST_LISTED else ""
        problem = "does not say which rows are held out" if value is None else f"has no {value!r}"
        raise InputError(
            f"{column.where} {problem}; its values are {shown}{more}: "
            "choose one with `rows`, best one the models were not trained on"
        )
    selected = np.flatnonzero(np.array(names, dtype=object) == value)
    found = f"{value!r} in {column.where}"
    note = f"{len(selected):,} of {len(names):,} rows are used: those with {found}."
    warning = (
        f"The rows with {found} seem to be training rows; representations of rows that a model was "
        "trained on carry inflated information about the labels."
    )
    return replace(
        alignment.take(selected),
        notes=(*alignment.notes, note),
        warnings=(warning,) if value.lower() in TRAINING else (),
    )
