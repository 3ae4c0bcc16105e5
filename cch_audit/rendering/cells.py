"""Tables before a format draws them: rows of strings and of badges."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from cch_audit.results import Outcome, Verdict

Tone = Literal["good", "bad", "open"]
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
class Rows:
    """A table: headers, and rows of as many cells; a format may fold a newline into a space."""

    headers: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]


def verdict_badge(verdict: Verdict, below: str = "") -> Badge:
    """Return a verdict as a badge."""
    return Badge(verdict.upper(), _TONES.get(verdict, "open"), below)


def outcome_badge(outcome: Outcome, below: str = "") -> Badge:
    """Return the outcome of a training run as a badge."""
    return Badge(OUTCOMES[outcome], _TONES.get(outcome, "open"), below)


def as_rows(
    items: Sequence[Item], columns: Sequence[tuple[str, Callable[[Item], Cell | None]]]
) -> Rows:
    """Return one row per item; a column that applies to none of them is left out.

    Parameters
    ----------
    items : what the rows are about
    columns : header and function of each column; None means that the column does not apply
    """
    made = [(header, [cell(item) for item in items]) for header, cell in columns]
    kept = [(header, cells) for header, cells in made if any(cell is not None for cell in cells)]
    filled = [[("n/a" if cell is None else cell) for cell in cells] for _, cells in kept]
    return Rows(tuple(header for header, _ in kept), tuple(zip(*filled)))
