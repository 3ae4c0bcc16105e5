"""What a sweep shows of each step, column by column, the same in every format for people."""

from collections.abc import Callable
from dataclasses import dataclass

from cch_audit.rendering.cells import Cell, Rows, as_rows, outcome_badge, verdict_badge
from cch_audit.rendering.metrics import change_span, effect, p_equation
from cch_audit.rendering.sweep import HEADERS, keeps_teacher
from cch_audit.rendering.text import gap_hull, gap_range, ordered_levels, span
from cch_audit.results import Audit, SweepReport
from cch_audit.sweep.names import step_text


@dataclass(frozen=True)
class Step:
    """One step of a sweep with its audit."""

    step: float
    audit: Audit


def sweep_rows(report: SweepReport) -> Rows:
    """Return one row per step: gaps with their verdicts, and what training showed."""
    sweep = report.sweep
    left = sweep.varied == "drop_columns"
    columns: list[tuple[str, Callable[[Step], Cell | None]]] = [
        (HEADERS[sweep.varied], lambda one: _step(one, left))
    ]
    if not keeps_teacher(sweep):
        columns += [(f"gap on\n{name}", _gap(name)) for name, _ in ordered_levels(report.audits[0])]
    columns += [("change by KD", _change), ("outcome", _outcome)]
    steps = [Step(*pair) for pair in zip(sweep.steps, report.audits, strict=True)]
    return as_rows(steps, columns)


def _step(one: Step, left: bool) -> str:
    """Return the step, with the number of columns that are left where it is asked for."""
    return step_text(one.step) + (f"\n{one.audit.teacher_dimension} left" if left else "")


def _gap(name: str) -> Callable[[Step], Cell | None]:
    """Return a level's verdict over the range of its gaps and the hull of their intervals."""

    def cell(one: Step) -> Cell:
        level = one.audit.levels[name]
        return verdict_badge(level.verdict, f"{gap_range([level])}\n{span(gap_hull(level))}")

    return cell


def _change(one: Step) -> Cell | None:
    found = one.audit.confirmation
    if found is None:
        return None
    first = f"{effect(found.change.estimate, found.metric)}, {p_equation(found.change)}"
    return f"{first}\n{change_span(found.change, found.metric)}"


def _outcome(one: Step) -> Cell | None:
    found = one.audit.confirmation
    return None if found is None else outcome_badge(found.outcome, one.audit.agreement or "")
