"""Annotations of GitHub Actions: one line for each thing that decides about a teacher."""

from collections.abc import Iterator

from cch_audit.rendering import Look
from cch_audit.rendering.as_junit import AnyReport, Case, cases, fails
from cch_audit.rendering.text import for_reading
from cch_audit.results.joined import Joined, reports_of


def render(found: AnyReport | Joined, look: Look) -> str:
    """Return workflow commands: errors for what fails, warnings for what is undecided, and notices.

    They follow the rules of the test cases of `--format junit`.
    """
    lines = [
        line
        for report in reports_of(found)
        for line in _lines(for_reading(report, units=look.units), look)
    ]
    return "\n".join(lines) + "\n"


def _lines(report: AnyReport, look: Look) -> Iterator[str]:
    for warning in report.warnings:
        yield _command("warning", "cch-audit", warning)
    for case in cases(report):
        yield _command(_level(report, case, look), f"cch-audit: {case.says}", _message(case))


def _level(report: AnyReport, case: Case, look: Look) -> str:
    if fails(report, case, look):
        return "error"
    return "warning" if case.says == "undecided" else "notice"


def _message(case: Case) -> str:
    return f"{case.audit.teacher} -> {case.audit.student}{case.where}, {case.thing}: {case.reason}"


def _command(level: str, title: str, message: str) -> str:
    """Return a workflow command, in which nothing of a name is a command."""
    text = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    title = title.replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={title}::{text}"
