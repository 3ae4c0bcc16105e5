"""The result of a study: matrices of audits, who should teach whom, and what was refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cch_audit.results import (
    Audit,
    Gate,
    InputSummary,
    Origin,
    Range,
    Verdict,
    Written,
    with_tuples,
)

Gained = Literal["outcome", "forecast"]


@dataclass(frozen=True)
class Refusal:
    """A pair that could not be audited, while the study went on."""

    teacher: str
    student: str
    reason: str
    """One sentence."""


@dataclass(frozen=True)
class Lesson:
    """One teacher for one student that the gate lets pass."""

    teacher: str
    student: str
    gap: Range
    """The hull of the verdict intervals that decide, in nats."""


@dataclass(frozen=True)
class Choice:
    """The best teacher of one student by the column that orders."""

    student: str
    teacher: str
    decision: Verdict
    """What the gate says of it."""
    regret: float | None
    """What is lost by taking it: gain of the best teacher less its own. None: nothing tells."""
    regret_of: Gained | None
    """Whose gain: measured, in units of the metric; or forecast, in those of the loss."""
    teachers: tuple[str, ...]
    """All of them by the column, the best first."""


@dataclass(frozen=True)
class PairMatrix:
    """The pairs of one file and one label set."""

    file: str
    labels: str
    """Their name."""
    input: InputSummary | None
    """Of the first pair that was audited; others may have other rows where ids join them."""
    teachers: tuple[str, ...]
    """Rows of the matrix, in the order that was asked for."""
    students: tuple[str, ...]
    """Its columns."""
    audits: tuple[Audit, ...]
    """Of each pair, teacher by teacher."""
    refusals: tuple[Refusal, ...]
    lessons: tuple[Lesson, ...]
    """Who should teach whom, the largest gap first."""
    choices: tuple[Choice, ...]
    """For each student that has an audit."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class MapReport(Written):
    """Everything a study found."""

    command: str
    """The command line that wrote this report."""
    settings: Mapping[str, Any]
    """The effective settings, as `cch-audit config` prints them; lists are tuples."""
    seed: int
    gate: Gate
    """What decides about a pair."""
    decision: Verdict
    """Pass if any pair passes, fail if all fail; the exit code is that of the decision, unless
    options say otherwise."""
    exit_code: int
    """The exit code of the command."""
    seconds: float
    """How long the command took."""
    matrices: tuple[PairMatrix, ...]
    """File by file, and label set by label set."""
    warnings: tuple[str, ...]
    origin: Origin | None = field(default=None, kw_only=True)
    kind: Literal["map"] = "map"

    def __post_init__(self) -> None:
        """Keep settings in one form, whether they were made or read back."""
        object.__setattr__(self, "settings", with_tuples(self.settings))

    @property
    def audits(self) -> list[Audit]:
        """The audits of all matrices."""
        return [audit for matrix in self.matrices for audit in matrix.audits]
