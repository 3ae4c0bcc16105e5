"""The report as Markdown that fits a pull-request comment."""

import re
from collections.abc import Iterable, Iterator, Sequence

from cch_audit.rendering.summary import sentence
from cch_audit.rendering.text import (
    Units,
    estimator_title,
    for_reading,
    interval,
    number,
    ordered_levels,
    span,
)
from cch_audit.rendering.wording import (
    COMPANIONS_TITLE,
    LEVEL_TITLES,
    companion_lines,
    footnotes,
    input_lines,
    level_role,
)
from cch_audit.results import Audit, LevelResult, Report

# An underscore inside a word is plain text to Markdown.
_SPECIAL = re.compile(r"[\\`*\[\]<>&|~$#@]|(?<![^\W_])_|_(?![^\W_])")


def render(report: Report, *, units: Units) -> str:
    """Return the verdict, one compact table, and the rest folded away."""
    return "\n".join(_lines(for_reading(report, units=units), units)) + "\n"


def _lines(report: Report, units: Units) -> Iterator[str]:
    verdict, _, rest = sentence(report, units).partition(":")
    yield f"**{verdict}**:{_escape(rest)}"
    for warning in report.warnings:
        yield f"\n> **WARNING**: {_escape(warning)}"
    yield ""
    yield from _table(
        ("teacher", "level", *_columns(units)),
        [
            [_code(audit.teacher), name, *row]
            for audit in report.audits
            for name in audit.gated
            for row in _rows(audit.levels[name], report)
        ],
    )
    yield ""
    yield from map(_escape, footnotes(report))
    for audit in report.audits:
        yield from _folded(
            f"{_code(audit.teacher)} to {_code(audit.student)}", _audit(audit, report, units)
        )
    facts = [(name, _code(value)) for name, value in input_lines(report, units, verbose=True)]
    yield from _folded("Input", [*_table(("what", "value"), facts), *_bullets(report.input.notes)])


def _audit(audit: Audit, report: Report, units: Units) -> Iterator[str]:
    yield (
        f"Teacher with {audit.teacher_dimension} dimensions, "
        f"student with {audit.student_dimension}."
    )
    for name, level in ordered_levels(audit):
        role = level_role(name, audit.gated)
        yield f"\n**{LEVEL_TITLES[name]}** ({role}): **{level.verdict.upper()}**"
        yield from _bullets(level.reasons)
        yield ""
        rows = zip(_rows(level, report), level.estimators.values(), strict=True)
        yield from _table(
            (*_columns(units), "reason", "flags"),
            [[*row, _escape(r.reason), _escape(", ".join(r.flags))] for row, r in rows],
        )
    yield f"\n**{COMPANIONS_TITLE}, in {units}**\n"
    yield from _table(
        ("quantity", "value", "meaning"),
        [[_escape(name), *rest] for name, *rest in companion_lines(audit.companions)],
    )
    if audit.notes:
        yield "\n**Notes**"
    yield from _bullets(audit.notes)


def _columns(units: Units) -> tuple[str, ...]:
    informations = ("I(teacher;student)", "I(student;labels)", "gap")
    return (
        "estimator",
        *(f"{name}, {units}" for name in informations),
        "P(gap>0)",
        f"verdict interval, {units}",
        "verdict",
    )


def _rows(level: LevelResult, report: Report) -> Iterator[list[str]]:
    for name, result in level.estimators.items():
        yield [
            estimator_title(name, level),
            interval(result.teacher_student),
            interval(result.student_labels),
            interval(result.gap),
            number(result.gap.probability_positive),
            span(result.verdict_interval),
            result.verdict.upper(),
        ]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for cells in (header, ["---"] * len(header), *rows):
        yield f"| {' | '.join(cells)} |"


def _bullets(lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield ""
    for line in lines:
        yield f"- {_escape(line)}"


def _folded(title: str, body: Iterable[str]) -> Iterator[str]:
    yield f"\n<details>\n<summary>{title}</summary>\n"
    yield from body
    yield "\n</details>"


def _code(name: str) -> str:
    """Return a name as inline code, where no mention, link or emphasis starts."""
    return f"<code>{_escape(name)}</code>"


def _escape(text: str) -> str:
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", text)
