"""Several reports side by side, and what changed since an earlier one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cch_audit.errors import InputError
from cch_audit.results import Audit, ForecastReport, Report, Verdict, Written
from cch_audit.results.maps import MapReport

Direction = Literal["worse", "better", "same", "new", "gone"]
DIRECTIONS: tuple[Direction, ...] = ("worse", "better", "same", "new", "gone")
ORDER: tuple[Verdict, ...] = ("fail", "undecided", "pass")
"""Of verdicts, the worst first."""


@dataclass(frozen=True)
class Shift:
    """One teacher and student, before and now."""

    file: str
    """What the report that has it now, or had it, is about."""
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
    """One for each audit of a report, then what only the baseline has; none without one."""
    since: str = ""
    """What the baseline is called."""

    @property
    def is_worse(self) -> bool:
        """Whether any verdict got worse."""
        return any(shift.direction == "worse" for shift in self.shifts)


def reports_of(
    found: Report | ForecastReport | MapReport | Joined,
) -> tuple[Report | ForecastReport | MapReport, ...]:
    """Return one report, or those that are joined."""
    return found.reports if isinstance(found, Joined) else (found,)


def audits_of(reports: Sequence[Written]) -> list[Report]:
    """Return reports with audits; refuse forecasts and studies, which are shown alone.

    Raises
    ------
    InputError
        If one of them is a report of forecasts, or of a study.
    """
    audits = [report for report in reports if isinstance(report, Report)]
    if len(audits) < len(reports):
        raise InputError(
            "a report of forecast or map is shown alone; give reports of check, confirm, rank or "
            "sweep"
        )
    return audits


def join(reports: Sequence[Report], baseline: Report | None = None, since: str = "") -> Joined:
    """Return reports side by side, held against a baseline if there is one.

    Every audit is held against that of the baseline whose teacher and student have the same names,
    whichever file it is about.

    Parameters
    ----------
    reports, baseline : finished reports
    since : what the baseline is called; by default the file that it is about

    Raises
    ------
    InputError
        If the baseline has none of the teachers and students of the reports.
    """
    if baseline is None:
        return Joined(tuple(reports), None, ())
    before = {_name(audit): audit for audit in baseline.teachers}
    shifts = [
        Shift(report.input.path, *_name(audit), before.get(_name(audit)), audit)
        for report in reports
        for audit in report.teachers
    ]
    names = {(shift.teacher, shift.student) for shift in shifts}
    since = since or baseline.input.path
    if not names & set(before):
        shown, known = (", ".join(" -> ".join(n) for n in sorted(some)) for some in (names, before))
        raise InputError(
            f"{since}: is no baseline of these reports: it has {known}, and they have {shown}; "
            "give an earlier report on the same teachers and students"
        )
    gone = [
        Shift(baseline.input.path, *name, audit, None)
        for name, audit in before.items()
        if name not in names
    ]
    return Joined(tuple(reports), baseline, (*shifts, *gone), since)


def _name(audit: Audit) -> tuple[str, str]:
    return audit.teacher, audit.student
