"""What a report says, as blocks in one order; every back-end draws these and knows no report."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from cch_audit.results import Cause, Outcome, Verdict

if TYPE_CHECKING:
    from cch_audit.rendering.figures.marks import Picture

Tone = Literal["good", "bad", "open"]
Detail = Literal["main", "detail", "fine"]
"""Who sees a section: everybody; everybody but readers of a comment, who unfold it; those who
unfold it or ask for more (`--verbose`)."""
Item = TypeVar("Item")

OUTCOMES: dict[Outcome, str] = {
    "helps": "HELPS",
    "hurts": "HURTS",
    "no_change": "NO CHANGE",
    "undecided": "UNDECIDED",
}
_TONES: dict[str, Tone] = {"pass": "good", "helps": "good", "fail": "bad", "hurts": "bad"}


@dataclass(frozen=True)
class Badge:
    """A word to stand out, which needs no colour."""

    word: str
    tone: Tone
    below: str = ""
    """Plain lines under it."""


Cell = str | Badge


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Heading:
    """A title inside a section, with a badge and plain words behind it."""

    title: str
    badge: Badge | None = None
    after: str = ""


@dataclass(frozen=True)
class Facts:
    """Names with their values, and what they mean where there is a third."""

    lines: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Bullets:
    """A list, with a title where one is given."""

    lines: tuple[str, ...]
    title: str = ""


@dataclass(frozen=True)
class Rows:
    """A table: headers, and rows of as many cells; a back-end may fold a newline into a space."""

    headers: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]
    names: tuple[str, ...] = ()
    """Headers of the columns that hold names or sentences, which may fold; no number ever does."""
    narrow: "Rows | None" = None
    """The same in fewer columns, for a screen that has no room for these."""


@dataclass(frozen=True)
class Command:
    """A line for a shell, which no back-end folds."""

    line: str


@dataclass(frozen=True)
class Drawing:
    """A figure, for back-ends that have pictures."""

    picture: "Picture"


@dataclass(frozen=True)
class Fold:
    """What few want to read, behind its title."""

    title: str
    parts: "tuple[Part, ...]"


Part = Text | Heading | Facts | Bullets | Rows | Command | Drawing | Fold


@dataclass(frozen=True)
class Section:
    """A titled part of the document."""

    title: str
    parts: tuple[Part, ...]
    badge: Badge | None = None
    detail: Detail = "main"


@dataclass(frozen=True)
class Card:
    """One thing that bears on the decision: what was asked, the answer, and its numbers."""

    asked: str
    answer: Badge
    numbers: str


@dataclass(frozen=True)
class Document:
    """What a report says."""

    title: str
    headline: str
    """What came out in plain words, without numbers."""
    verdict: str
    """The same as one sentence, with numbers; its first word stands out."""
    badge: Badge | None = None
    """None where nothing is decided."""
    cards: tuple[Card, ...] = ()
    """What decides, the strongest evidence first."""
    warnings: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    brief: tuple[tuple[str, Cell], ...] = ()
    """The same in a few lines, for readers in a hurry."""
    source: str = ""
    """The whole report as JSON, for formats that can carry it."""


def texts(paragraphs: Iterable[str]) -> list[Part]:
    """Return paragraphs."""
    return [Text(paragraph) for paragraph in paragraphs]


def facts(lines: Iterable[Sequence[str]]) -> list[Part]:
    """Return names with their values, or nothing without lines."""
    shown = tuple(tuple(line) for line in lines)
    return [Facts(shown)] if shown else []


def bullets(lines: Iterable[str], title: str = "") -> list[Part]:
    """Return a list, or nothing without lines."""
    shown = tuple(lines)
    return [Bullets(shown, title)] if shown else []


def verdict_badge(verdict: Verdict, below: str = "") -> Badge:
    """Return a verdict as a badge."""
    return Badge(verdict.upper(), _TONES.get(verdict, "open"), below)


def outcome_badge(outcome: Outcome, cause: Cause | None, below: str = "") -> Badge:
    """Return the outcome of a training run as a badge; a gain is good where it is a transfer."""
    good = outcome != "helps" or cause == "transfer"
    return Badge(OUTCOMES[outcome], _TONES.get(outcome, "open") if good else "open", below)


def as_rows(
    items: Sequence[Item],
    columns: Sequence[tuple[str, Callable[[Item], Cell | None]]],
    names: Sequence[str] = (),
    narrow: Rows | None = None,
) -> Rows:
    """Return one row per item; a column that applies to none of them is left out.

    Parameters
    ----------
    items : what the rows are about
    columns : header and function of each column; None means that the column does not apply
    names : headers of columns that hold names or sentences
    narrow : the same in fewer columns
    """
    made = [(header, [cell(item) for item in items]) for header, cell in columns]
    kept = [(header, cells) for header, cells in made if any(cell is not None for cell in cells)]
    filled = [[("n/a" if cell is None else cell) for cell in cells] for _, cells in kept]
    headers = tuple(header for header, _ in kept)
    return Rows(headers, tuple(zip(*filled)), tuple(names), narrow)
