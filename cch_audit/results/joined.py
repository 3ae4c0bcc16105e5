"""Several reports side by side, and what changed since an earlier one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cch_audit.results import Audit, Report, Verdict

Direction = Literal["worse", "better", "same", "new", "gone"]
DIRECTIONS: tuple[Direction, ...] = ("worse", "better", "same", "new", "gone")
ORDER: tuple[Verdict, ...] = ("fail", "undecided", "pass")
"""Of verdicts, the worst first."""


@dataclass(frozen=True)
class Shift:
    """One teacher and student, before and now."""

    teacher: str
    student: str
    before: Audit | None
    """None: the earlier report did not have it."""
    now: Audit | None
    """None: no report has it any more."""

    @property
    def direction(self) -> Direction:
        """Where the verdict went."""
        if self.before is None:
            return "new"
        if self.now is None:
            return "gone"
        before, now = (ORDER.index(one.verdict) for one in (self.before, self.now))
        return "same" if before == now else "worse" if now < before else "better"


@dataclass(frozen=True)
class Joined:
    """Several reports, or some and an earlier one that they are held against."""

    reports: tuple[Report, ...]
    baseline: Report | None
    shifts: tuple[Shift, ...]
    """One for each teacher and student of the reports or of the baseline; none without one."""

    @property
    def is_worse(self) -> bool:
        """Whether any verdict got worse."""
        return any(shift.direction == "worse" for shift in self.shifts)


def reports_of(found: Report | Joined) -> tuple[Report, ...]:
    """Return one report, or those that are joined."""
    return found.reports if isinstance(found, Joined) else (found,)


def join(reports: Sequence[Report], baseline: Report | None = None) -> Joined:
    """Return reports side by side, held against a baseline if there is one.

    Teachers are the same if they and their students have the same names; of several the one in a
    report on the baseline's file counts.
    """
    if baseline is None:
        return Joined(tuple(reports), None, ())
    before = _by_name([baseline])
    # Those on the baseline's own file come last, and win.
    now = _by_name(sorted(reports, key=lambda one: one.input.path == baseline.input.path))
    names = dict.fromkeys([*_by_name(reports), *before])
    shifts = (Shift(*name, before.get(name), now.get(name)) for name in names)
    return Joined(tuple(reports), baseline, tuple(shifts))


def _by_name(reports: Sequence[Report]) -> dict[tuple[str, str], Audit]:
    audits = [audit for report in reports for audit in report.audits if not audit.is_control]
    return {(audit.teacher, audit.student): audit for audit in audits}
