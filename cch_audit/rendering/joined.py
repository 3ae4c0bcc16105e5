"""Several reports as one document: what changed, all verdicts in one table, then each report."""

from collections import Counter
from collections.abc import Iterator, Sequence

from cch_audit.rendering import Look
from cch_audit.rendering.confirmation import outcome_cell
from cch_audit.rendering.document import (
    OUTCOMES,
    Badge,
    Document,
    Heading,
    Part,
    Rows,
    Section,
    Tone,
    as_rows,
    verdict_badge,
)
from cch_audit.rendering.foretold import forecast_cell
from cch_audit.rendering.reports import document as report_document
from cch_audit.rendering.text import counted, deciding_levels, for_reading, gap_range, printable
from cch_audit.rendering.training import cause_text
from cch_audit.results import Audit, Report
from cch_audit.results.joined import DIRECTIONS, Direction, Joined, Shift, join
from cch_audit.settings.formats import Units

TITLE = "Cross-modal complementarity: several audits"
_TONES: dict[Direction, Tone] = {"worse": "bad", "better": "good"}


def document(joined: Joined, look: Look, pictures: bool = False) -> Document:
    """Return what the reports say together."""

    def read(report: Report) -> Report:
        return for_reading(report, units=look.units, unicode=look.unicode)

    baseline = None if joined.baseline is None else read(joined.baseline)
    shown = join([*map(read, joined.reports)], baseline, joined.since)
    badge, said = None, f"the verdicts of {counted(len(shown.reports), 'report')}"
    if baseline is not None:
        badge = Badge("WORSE", "bad") if joined.is_worse else Badge("NO WORSE", "good")
        found = Counter(shift.direction for shift in shown.shifts)
        said = f"since {printable(shown.since)}: "
        said += ", ".join(f"{found[kind]} {kind}" for kind in DIRECTIONS if found[kind])
    return Document(
        title=TITLE,
        headline=said[0].upper() + said[1:],
        verdict=said if badge is None else f"{badge.word}: {said}",
        badge=badge,
        warnings=tuple(dict.fromkeys(text for one in shown.reports for text in one.warnings)),
        sections=tuple(_sections(joined, shown, look, pictures)),
    )


def _sections(joined: Joined, shown: Joined, look: Look, pictures: bool) -> Iterator[Section]:
    if shown.shifts:
        yield Section("What changed", (_shift_rows(shown.shifts),))
    pairs = [(report, audit) for report in shown.reports for audit in report.audits]
    yield Section("Verdicts", (_verdict_rows(pairs, look.units),))
    for report, one in zip(joined.reports, shown.reports, strict=True):
        parts: list[Part] = []
        for section in report_document(report, look, pictures).sections:
            parts += [Heading(section.title, section.badge), *section.parts]
        yield Section(one.input.path, tuple(parts), verdict_badge(one.decision), "fine")


def _verdict_rows(pairs: Sequence[tuple[Report, Audit]], units: Units) -> Rows:
    return as_rows(
        pairs,
        [
            ("file", lambda pair: pair[0].input.path),
            ("teacher", lambda pair: pair[1].teacher),
            ("student", lambda pair: pair[1].student),
            ("verdict", lambda pair: verdict_badge(pair[1].verdict)),
            (f"gap ({units})", lambda pair: gap_range(deciding_levels(pair[1]))),
            ("forecast", lambda pair: forecast_cell(pair[1].forecast)),
            ("training", lambda pair: outcome_cell(pair[1])),
        ],
        names=("file", "teacher", "student"),
    )


def _shift_rows(shifts: Sequence[Shift]) -> Rows:
    several = len({shift.file for shift in shifts if shift.now is not None}) > 1
    return as_rows(
        shifts,
        [
            ("file", lambda one: one.file if several else None),
            ("teacher", lambda one: one.teacher),
            ("student", lambda one: one.student),
            ("verdict is", lambda one: Badge(one.direction, _TONES.get(one.direction, "open"))),
            ("before", lambda one: _said(one.before)),
            ("now", lambda one: _said(one.now)),
        ],
        names=("file", "teacher", "student"),
    )


def _said(audit: Audit | None) -> str | None:
    """Return the verdict, the gap and the outcome of one teacher."""
    if audit is None:
        return None
    found = audit.confirmation
    trained = "" if found is None else f"\n{OUTCOMES[found.outcome]} {cause_text(found)}".rstrip()
    return f"{audit.verdict.upper()}\n{gap_range(deciding_levels(audit))}{trained}"
