"""A report as a document: the order of its parts, for every back-end."""

from collections.abc import Iterator

from cch_audit.rendering import Look
from cch_audit.rendering.audits import (
    audit_parts,
    beside_parts,
    heading_parts,
    level_parts,
    note_parts,
)
from cch_audit.rendering.confirmation import outcome_sentence
from cch_audit.rendering.document import (
    Card,
    Cell,
    Detail,
    Document,
    Drawing,
    Facts,
    Fold,
    Part,
    Section,
    Text,
    bullets,
    facts,
    outcome_badge,
    texts,
    verdict_badge,
)
from cch_audit.rendering.explaining import (
    ADVICE_TITLE,
    METHOD_TITLE,
    TESTED_TITLE,
    advice,
    headline,
    method,
    question,
)
from cch_audit.rendering.forecast import forecast_card
from cch_audit.rendering.foretold import forecast_sentence
from cch_audit.rendering.ranking import places, rank_text, ranking_parts, student_lines
from cch_audit.rendering.summary import sentence
from cch_audit.rendering.sweep import sweep_parts, teacher_lines
from cch_audit.rendering.text import (
    METRIC_TITLES,
    change_interval,
    counted,
    deciding_levels,
    for_reading,
    gap_hull,
    gap_range,
    number,
    span,
    trained,
)
from cch_audit.rendering.training import CLAIMS, cause_sentence, cause_text, kind_of
from cch_audit.rendering.wording import footnotes, input_lines, run_lines, teacher_rows
from cch_audit.results import (
    Audit,
    Cause,
    Confirmation,
    Outcome,
    RankReport,
    Report,
    SweepReport,
    Verdict,
)
from cch_audit.settings.formats import Units

TITLE = "Cross-modal complementarity audit: gap = I(teacher;student) - I(student;labels)"
FOUND_TITLE = "What came out"
EXPLAINED_TITLE = "What the criterion says"
RUN_TITLE = "Settings"
_BEST: tuple[tuple[Outcome, Cause | None], ...] = (
    ("helps", "transfer"),
    ("helps", "unclear"),
    ("undecided", None),
    ("helps", "regularisation"),
    ("no_change", None),
    ("hurts", None),
)
"""Of several teachers the card shows the first that there is."""


def document(report: Report, look: Look, pictures: bool = False) -> Document:
    """Return what a report says."""
    units = look.units
    shown = for_reading(report, units=units, unicode=look.unicode)
    return Document(
        title=TITLE,
        headline=headline(shown),
        verdict=sentence(shown, units),
        badge=None if isinstance(report, SweepReport) else verdict_badge(report.decision),
        cards=tuple(_cards(shown, units)),
        warnings=shown.warnings,
        sections=tuple(_sections(shown, units, pictures)),
        brief=tuple(_brief(shown, units)),
    )


def _brief(report: Report, units: Units) -> Iterator[tuple[str, Cell]]:
    """Yield the verdict, the gap, the reason, and the next step."""
    if not isinstance(report, SweepReport):
        yield "verdict", verdict_badge(report.decision)
    if len(report.audits) == 1:
        (audit,) = report.audits
        yield "", headline(report)
        yield from (("", f"{one.asked} {one.numbers}") for one in _cards(report, units))
        yield "why", "; ".join(audit.reasons)
    else:
        yield "", sentence(report, units)
    yield "next", advice(report)[0]


def _sections(report: Report, units: Units, pictures: bool) -> Iterator[Section]:
    yield Section(TESTED_TITLE, tuple(_tested(report, units)))
    yield Section(FOUND_TITLE, tuple(_found(report, units, pictures)))
    yield Section(ADVICE_TITLE, tuple(bullets(advice(report))))
    yield from audit_sections(report, units, pictures)
    yield Section(
        METHOD_TITLE, (*texts(footnotes(report)), Fold("Words", tuple(facts(method(report)))))
    )
    yield Section(RUN_TITLE, tuple(facts(run_lines(report))), detail="fine")


def audit_sections(report: Report, units: Units, pictures: bool = False) -> Iterator[Section]:
    """Yield every teacher in full: what a ranking or a sweep only sums up is fine print there."""
    summed_up = isinstance(report, RankReport | SweepReport)
    detail: Detail = "fine" if summed_up else "detail"
    if len(report.audits) == 1 and not summed_up:
        (audit,) = report.audits
        others = [name for name in audit.levels if name not in audit.gated]
        parts = [*level_parts(audit, units, others), *beside_parts(audit, units)]
        yield Section("Details", tuple(parts), detail=detail)
        return
    shown = [(audit, "") for audit in report.audits]
    if isinstance(report, RankReport):
        shown = [(place.audit, rank_text(place)) for place in places(report)]
    for audit, rank in shown:
        drawn = []
        if pictures:
            from cch_audit.rendering.figures.drawing import audit_pictures, margin_in

            drawn = audit_pictures(audit, margin_in(report, units), units)
        parts = list(audit_parts(audit, units, rank, drawn))
        title = f"Teacher {audit.teacher}"
        yield Section(title, tuple(parts), verdict_badge(audit.verdict), detail)


def _tested(report: Report, units: Units) -> Iterator[Part]:
    lines = input_lines(report, units)
    if isinstance(report, SweepReport):
        lines += teacher_lines(report, units)
    if isinstance(report, SweepReport | RankReport):
        lines += student_lines(report, units)
    yield Facts(tuple(lines))
    yield from bullets(report.input.notes)
    yield Fold(EXPLAINED_TITLE, tuple(texts(question(report))))


def _found(report: Report, units: Units, pictures: bool) -> Iterator[Part]:
    """Yield the figure, the tables of all teachers, and what the numbers mean together."""
    if pictures:
        from cch_audit.rendering.figures.drawing import overview

        yield from map(Drawing, overview(report, units))
    if isinstance(report, SweepReport):
        yield from sweep_parts(report, units)
    elif isinstance(report, RankReport):
        yield from ranking_parts(report, units)
    elif len(report.audits) > 1:
        yield teacher_rows(report, units)
        yield from bullets(
            f"{audit.teacher}: {outcome_sentence(audit)}"
            for audit in report.audits
            if audit.confirmation is not None
        )
    else:
        (audit,) = report.audits
        yield from heading_parts(audit)
        if audit.forecast is not None:
            yield Text(forecast_sentence(audit.forecast))
        if audit.confirmation is not None:
            yield Text(outcome_sentence(audit))
        yield from level_parts(audit, units, audit.gated)
        yield from note_parts(audit)


def _cards(report: Report, units: Units) -> Iterator[Card]:
    """Yield what bears on the decision: a measurement is stronger evidence than the criterion."""
    if isinstance(report, SweepReport):
        return
    audits = report.teachers
    runs = trained(audits)
    if runs:
        best = min(runs, key=lambda run: _BEST.index(kind_of(run)))
        yield Card("Does training gain?", outcome_badge(best.outcome, best.cause), _gains(runs))
    numbers = _gap(audits[0], units) if len(audits) == 1 else _count(audits)
    yield Card("Does the criterion hold?", verdict_badge(report.verdict), numbers)
    if len(audits) == 1 and audits[0].forecast is not None:
        yield forecast_card(audits[0].forecast)


def _gains(runs: list[Confirmation]) -> str:
    if len(runs) == 1:
        (run,) = runs
        numbers = f"{METRIC_TITLES[run.metric]} {change_interval(run.main.change, run.metric)}"
        why = cause_sentence(run) or cause_text(run)
        return f"{numbers}; {why}" if why else numbers
    kinds = [*map(kind_of, runs)]
    counts = {words: kinds.count(kind) for kind, words in CLAIMS.items() if kind in kinds}
    return ", ".join(f"{claim} with {n} of {len(runs)}" for claim, n in counts.items())


def _gap(audit: Audit, units: Units) -> str:
    """Return the gap, in what it may lie, and the entropy that says how large it is."""
    levels = deciding_levels(audit)
    hulls = " and ".join(span(gap_hull(level)) for level in levels)
    numbers = f"gap {gap_range(levels)} {hulls} {units}"
    entropy = audit.companions.label_entropy
    return numbers if entropy is None else f"{numbers}; the labels hold H(Y) = {number(entropy)}"


def _count(audits: list[Audit]) -> str:
    verdicts: list[Verdict] = [audit.verdict for audit in audits]
    kinds: tuple[Verdict, ...] = ("pass", "fail", "undecided")
    counts = [f"{verdicts.count(kind)} {kind}" for kind in kinds if kind in verdicts]
    return f"{counted(len(audits), 'teacher')}: {', '.join(counts)}"
