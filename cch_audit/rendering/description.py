"""What a file holds, for people and as JSON."""

import json
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cch_audit.rendering.as_json import plain
from cch_audit.rendering.text import known, printable

if TYPE_CHECKING:
    from cch_audit.reading.describe import DatasetDescription, FileDescription

MOST_SHOWN_CLASSES = 20


def render_json(description: "FileDescription") -> str:
    """Return the description as ASCII JSON, ending in a newline."""
    return json.dumps(plain(description), indent=2, allow_nan=False) + "\n"


def render_text(description: "FileDescription", *, width: int, unicode: bool) -> str:
    """Return the description as text, one block per dataset, ending in a newline."""
    lines = [
        line
        for indent, text in _blocks(description)
        for line in _wrapped(printable(text, unicode=unicode), indent, width)
    ]
    return "\n".join(lines) + "\n"


def _wrapped(text: str, indent: int, width: int) -> list[str]:
    """Fold one sentence; nothing is cut."""
    first, rest = " " * indent, " " * (indent + 2)
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest) or [""]


def _blocks(description: "FileDescription") -> Iterator[tuple[int, str]]:
    """Yield indented sentences: the file, its datasets, then what `check` would do."""
    yield 0, f"file {description.path}, sha256 {description.sha256}"
    if description.teacher_path is not None:
        yield 0, f"teachers' file {description.teacher_path}, sha256 {description.teacher_sha256}"
    for file, program in description.written_by.items():
        yield 0, f"{file} was written by {program}"
    several = len({dataset.file for dataset in description.datasets}) > 1
    for dataset in description.datasets:
        yield 0, ""
        where = f" (in {dataset.file})" if several else ""
        yield 0, f"{dataset.path}{where}: {', '.join(dataset.roles) or 'not used'}"
        yield from ((2, fact) for fact in _facts(dataset))
    yield 0, ""
    for teacher, levels in description.truths.items():
        for level, truth in levels.items():
            shared, own, gap = known(truth)
            yield (
                0,
                f"truth of {teacher} on {level}: I(teacher;student) = {shared}, "
                f"I(student;labels) = {own}, gap = {gap} nats",
            )
    yield from ((0, f"note: {note}") for note in description.notes)
    yield from ((0, f"WARNING: {warning}") for warning in description.warnings)
    for teacher, doubts in description.doubts.items():
        for doubt in doubts:
            stands = "" if doubt.overruled else f" No verdict would be said. {doubt.remedy}"
            yield 0, f"WARNING: {teacher}: {doubt.reason}{stands}"
    yield from ((0, f"problem: {problem}") for problem in description.problems)
    rows = "" if description.n_rows is None else f" on {description.n_rows:,} rows"
    yield 0, f"check would run{rows}" if description.usable else "check would stop"


def _facts(dataset: "DatasetDescription") -> Iterator[str]:
    """Yield what is known of one dataset."""
    if dataset.why:
        yield f"why: {dataset.why}"
    if dataset.refused is not None:
        yield f"refused: {dataset.refused}"
        return
    shape = " x ".join(str(size) for size in dataset.shape or ())
    yield f"{shape} {dataset.dtype}, {dataset.storage}"
    if not dataset.measured:
        yield "not used, and its values are too large to be read for that"
    if dataset.minimum is not None and dataset.maximum is not None:
        yield f"values from {dataset.minimum:g} to {dataset.maximum:g}"
    counts = {
        "missing values": dataset.missing,
        "constant columns": dataset.constant_columns,
        "duplicate rows": dataset.duplicate_rows,
    }
    known = [f"{count or 'no'} {what}" for what, count in counts.items() if count is not None]
    if known:
        yield ", ".join(known)
    if dataset.classes:
        shown = list(dataset.classes.items())[:MOST_SHOWN_CLASSES]
        more = len(dataset.classes) - len(shown)
        rows = ", ".join(f"{name} ({count})" for name, count in shown)
        yield f"{len(dataset.classes)} classes: {rows}" + (f" and {more} more" if more else "")
