"""The audits of some teachers, each in full, as rich tables."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cch_audit.rendering.confirmation_table import confirmation_block
from cch_audit.rendering.drawing import Look, badge, bullets, grid, indented, titled
from cch_audit.rendering.estimates import detail_table, one_line_table, stacked_table
from cch_audit.rendering.text import ordered_levels
from cch_audit.rendering.wording import (
    COMPANIONS_TITLE,
    LEVEL_TITLES,
    companion_lines,
    level_role,
)
from cch_audit.results import Audit, LevelResult


def audit_blocks(
    audits: Sequence[Audit], look: Look, ranks: Sequence[str] = ()
) -> Iterator[RenderableType]:
    """Yield one block per teacher, with its rank if there is one."""
    draw = _widest_fitting(audits, look)
    count = len(audits)
    for position, audit in enumerate(audits, 1):
        yield "" if count == 1 else "\n"
        title = "teacher" if count == 1 else f"teacher {position} of {count}"
        rank = [("rank", ranks[position - 1])] if ranks else []
        yield grid([*_heading(audit, title), *rank])
        yield from _levels(audit, draw, look)
        yield from titled(
            f"{COMPANIONS_TITLE}, in {look.units}", grid(companion_lines(audit.companions))
        )
        yield from confirmation_block(audit, look)
        yield from bullets("Notes", audit.notes)


def _heading(audit: Audit, teacher: str) -> Iterator[tuple[str, str | Text]]:
    yield teacher, Text(f"{audit.teacher} ({audit.teacher_dimension} dimensions)", "bold")
    yield "student", f"{audit.student} ({audit.student_dimension} dimensions)"
    reasons = f" ({'; '.join(audit.reasons)})" if audit.reasons else ""
    yield "verdict", Text.assemble(badge(audit.verdict), reasons)


def _levels(
    audit: Audit, draw: Callable[[LevelResult], Table], look: Look
) -> Iterator[RenderableType]:
    for name, level in ordered_levels(audit):
        yield ""
        yield Text.assemble(
            (f"{LEVEL_TITLES[name]}: ", "bold"),
            badge(level.verdict),
            f" ({level_role(name, audit.gated)}; in {look.units})",
        )
        if level.reasons != audit.reasons:
            yield from (indented(Text(reason)) for reason in level.reasons)
        yield ""
        yield draw(level)
        if look.verbose:
            yield ""
            yield detail_table(level, look.box)


def _widest_fitting(audits: Sequence[Audit], look: Look) -> Callable[[LevelResult], Table]:
    """Return how to draw every level: one line per estimator if that fits at all of them."""
    one_line = partial(one_line_table, box=look.box)
    levels = [level for audit in audits for level in audit.levels.values()]
    unlimited = look.console.options.update(width=10**6)
    widest = max(
        look.console.measure(one_line(level, reason_width=24), options=unlimited).maximum
        for level in levels
    )
    if widest <= look.console.width:
        return one_line
    return partial(stacked_table, box=look.box)
