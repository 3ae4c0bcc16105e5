"""What a file holds, and what would be used for what, as a document."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cch_audit.rendering import Look
from cch_audit.rendering.document import (
    Badge,
    Document,
    Heading,
    Part,
    Rows,
    Section,
    bullets,
    facts,
)
from cch_audit.rendering.text import all_printable, known

if TYPE_CHECKING:
    from cch_audit.reading.describe import DatasetDescription, FileDescription

MOST_SHOWN_CLASSES = 20


def document(description: "FileDescription", look: Look, pictures: bool = False) -> Document:
    """Return what a file holds, dataset by dataset, and what `check` would do."""
    shown = all_printable(description, unicode=look.unicode)
    rows = "" if shown.n_rows is None else f" on {shown.n_rows:,} rows"
    sections = [
        Section("File", tuple(_files(shown))),
        Section("Datasets", tuple(_datasets(shown))),
        Section("What is known of the population", tuple(_truths(shown))),
        Section("Notes", tuple(bullets(shown.notes))),
        Section("Problems", tuple(bullets(shown.problems))),
    ]
    return Document(
        title=f"What {shown.path} holds",
        headline="What the file holds, and what check would use for what.",
        verdict=f"check would run{rows}" if shown.usable else "check would stop",
        badge=Badge("USABLE", "good") if shown.usable else Badge("NOT USABLE", "bad"),
        warnings=(*shown.warnings, *_doubts(shown)),
        sections=tuple(section for section in sections if section.parts),
    )


def _files(description: "FileDescription") -> list[Part]:
    files = [(description.path, description.sha256)]
    if description.teacher_path is not None:
        files.append((description.teacher_path, f"{description.teacher_sha256}"))
    programs = description.written_by
    return facts(
        (path, f"sha256 {sha256}", *([f"written by {programs[path]}"] if path in programs else []))
        for path, sha256 in files
    )


def _datasets(description: "FileDescription") -> Iterator[Part]:
    several = len({dataset.file for dataset in description.datasets}) > 1
    for dataset in description.datasets:
        where = f" (in {dataset.file})" if several else ""
        yield Heading(f"{dataset.path}{where}: {', '.join(dataset.roles) or 'not used'}")
        yield from bullets(_facts(dataset))


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


def _truths(description: "FileDescription") -> Iterator[Part]:
    cells = [
        (teacher, level, *known(truth))
        for teacher, levels in description.truths.items()
        for level, truth in levels.items()
    ]
    headers = ("teacher", "level", "I(teacher;student)", "I(student;labels)", "gap in nats")
    if cells:
        yield Rows(headers, tuple(cells), names=("teacher", "level"))


def _doubts(description: "FileDescription") -> Iterator[str]:
    for teacher, doubts in description.doubts.items():
        for doubt in doubts:
            stands = "" if doubt.overruled else f" No verdict would be said. {doubt.remedy}"
            yield f"{teacher}: {doubt.reason}{stands}"
