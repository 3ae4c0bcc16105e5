"""What a file holds, and what would be used for what, as a document."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from cch_audit.rendering import Look
from cch_audit.rendering.document import (
    Badge,
    Command,
    Document,
    Heading,
    Part,
    Rows,
    Section,
    bullets,
    facts,
    texts,
)
from cch_audit.rendering.text import all_printable, known

if TYPE_CHECKING:
    from cch_audit.reading.describe import DatasetDescription, FileDescription

MOST_SHOWN_CLASSES = 20
MOST_SHOWN_NAMES = 12
REPRESENTATIONS = "could be representations"
TABLES = {
    "obs": "in obs",
    **dict.fromkeys(("var", "varm", "varp", "varmap"), "of variables"),
    **dict.fromkeys(("uns", "obsm", "obsp", "obsmap", "layers", "raw"), "in other groups"),
}
"""Groups of AnnData and MuData, by which what has no role is put together."""


def document(description: "FileDescription", look: Look, pictures: bool = False) -> Document:
    """Return what a file holds, dataset by dataset, and what `check` would do."""
    shown = all_printable(description, unicode=look.unicode)
    rows = "" if shown.n_rows is None else f" on {shown.n_rows:,} rows"
    used = [one for one in shown.datasets if one.roles or _is_surprising(one)]
    unused = [one for one in shown.datasets if one not in used]
    without = "" if shown.command is None else " without the options of the command line"
    sections = [
        Section("File", tuple(_files(shown))),
        Section("Datasets", tuple(_datasets(shown, used))),
        Section("Without a role", tuple(_kinds(unused))),
        Section("Each of those without a role", tuple(_datasets(shown, unused)), detail="fine"),
        Section("What is known of the population", tuple(_truths(shown))),
        Section("Notes", tuple(bullets(shown.notes))),
        Section("Problems", tuple(bullets(shown.problems))),
        Section("Command line", tuple(_commands(shown))),
    ]
    return Document(
        title=f"What {shown.path} holds",
        headline="What the file holds, and what check would use for what.",
        verdict=f"check would run{rows}" if shown.usable else f"check would stop{without}",
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


def _datasets(
    description: "FileDescription", datasets: Iterable["DatasetDescription"]
) -> Iterator[Part]:
    several = len({dataset.file for dataset in description.datasets}) > 1
    for dataset in datasets:
        where = f" (in {dataset.file})" if several else ""
        yield Heading(f"{dataset.path}{where}: {', '.join(dataset.roles) or 'not used'}")
        yield from bullets(_facts(dataset))


def _kinds(datasets: Iterable["DatasetDescription"]) -> Iterator[Part]:
    """Yield one line for each kind of datasets that have no role."""
    kinds: dict[str, list[str]] = {}
    for dataset in datasets:
        name = dataset.path
        if dataset.why and dataset.shape:
            name += f" ({' x '.join(map(str, dataset.shape))})"
        kinds.setdefault(_kind(dataset), []).append(name)
    yield from facts(
        (f"{kind} ({len(names):,})", _some(names, kind)) for kind, names in kinds.items()
    )


def _kind(dataset: "DatasetDescription") -> str:
    if dataset.why:
        return REPRESENTATIONS
    table = _table(dataset)
    return "others" if table is None else TABLES[table]


def _table(dataset: "DatasetDescription") -> str | None:
    """Return the group of AnnData or MuData that a dataset is in."""
    return next((name for name in dataset.path.split("/")[:-1] if name in TABLES), None)


def _is_surprising(dataset: "DatasetDescription") -> bool:
    """Whether somebody may look for a dataset that cannot be read."""
    return dataset.refused is not None and _table(dataset) is None


def _some(names: list[str], kind: str) -> str:
    """Return some names; what has the same name in several modalities is said once."""
    if kind in TABLES.values():
        names = list(dict.fromkeys(name.rpartition("/")[2] for name in names))
    more = len(names) - MOST_SHOWN_NAMES
    return ", ".join(names[:MOST_SHOWN_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def _commands(description: "FileDescription") -> Iterator[Part]:
    """Yield what to type, and what in it is a guess."""
    if description.command is None:
        return
    if description.guessed:
        yield from texts(
            [
                f"Neither the file nor an option says {_listed(description.guessed)}; "
                "exchange what is guessed wrong."
            ]
        )
    yield Command(description.command)
    if description.rank_command is not None:
        yield Command(description.rank_command)


def _listed(roles: Sequence[str]) -> str:
    """Return which roles are not said, in words."""
    said = {
        "teacher": "which representation is the teacher",
        "student": "which is the student",
        "labels": "what the labels are",
    }
    *first, last = [said[role] for role in roles]
    return f"{', '.join(first)} and {last}" if first else last


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
