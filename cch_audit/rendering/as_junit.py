"""The report as JUnit XML, for dashboards of continuous integration."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass

from cch_audit.auditing.verdict import of_forecast, of_outcome
from cch_audit.rendering import Look, lay_out
from cch_audit.rendering.audits import audit_parts
from cch_audit.rendering.confirmation import outcome_sentence
from cch_audit.rendering.document import Document, Section
from cch_audit.rendering.foretold import forecast_parts, forecast_sentence
from cch_audit.rendering.ranking import shown_teachers
from cch_audit.rendering.terminal import render as draw
from cch_audit.rendering.text import for_reading
from cch_audit.results import (
    DECIDES,
    Audit,
    Cause,
    Deciding,
    ForecastReport,
    Foretold,
    Gate,
    InputSummary,
    RankReport,
    Report,
    SweepReport,
    Verdict,
)
from cch_audit.results.joined import Joined, reports_of
from cch_audit.results.maps import MapReport

AnyReport = Report | ForecastReport | MapReport
WIDTH = 200
"""Columns of what is told of a test case."""
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot hold, however they are written."""


@dataclass(frozen=True)
class Case:
    """One thing that decides about one teacher."""

    audit: Audit | Foretold
    thing: str
    says: Verdict
    reason: str
    where: str = ""
    """In which of several matrices of a study."""


def render(found: AnyReport | Joined, look: Look) -> str:
    """Return a test suite for each report."""
    suites = ET.Element("testsuites", name="cch-audit")
    suites.extend(_suite(report, look) for report in reports_of(found))
    ET.indent(suites)
    text = ET.tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{_NO_XML.sub("", text)}\n'


def _suite(report: AnyReport, look: Look) -> ET.Element:
    """Return one test case for each teacher and thing that decides: its verdict, its training run.

    What fails is a failure, what is undecided is skipped. A sweep is no gate, and neither is one
    teacher of a ranking, or one pair of a study, where another one passes: there a fail is skipped
    too.
    """
    told = draw(lay_out(report, Look(look.units)), Look(look.units, width=WIDTH))
    report = for_reading(report, units=look.units)
    inputs = _inputs(report)
    paths = ", ".join(dict.fromkeys(one.path for one in inputs))
    suite = ET.Element("testsuite", name=f"cch-audit {paths}", errors="0")
    properties = ET.SubElement(suite, "properties")
    # What is needed to find the input and to run the audit again.
    digests = ", ".join(dict.fromkeys(one.sha256 for one in inputs))
    found = {"command": report.command, "seed": str(report.seed), "sha256": digests}
    warnings = {f"warning {number}": text for number, text in enumerate(report.warnings, 1)}
    for name, value in {**found, **warnings}.items():
        ET.SubElement(properties, "property", name=name, value=value)
    for case in cases(report):
        test = ET.SubElement(
            suite,
            "testcase",
            classname=f"cch-audit.{case.thing}",
            name=f"{case.audit.teacher} -> {case.audit.student}{case.where}",
        )
        if fails(report, case, look):
            ET.SubElement(test, "failure", type=case.says, message=case.reason)
        elif case.says != "pass":
            why = "" if case.says == "undecided" else " (no gate here)"
            ET.SubElement(test, "skipped", message=f"{case.says}{why}: {case.reason}")
        ET.SubElement(test, "system-out").text = _details(case, look)
    ET.SubElement(suite, "system-out").text = told
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped")):
        suite.set(name, str(len(list(suite.iter(tag)))))
    return suite


def fails(report: AnyReport, case: Case, look: Look) -> bool:
    """Whether a case breaks a build: neither a sweep is a gate, nor one teacher of several."""
    one_passes = isinstance(report, RankReport | MapReport) and report.decision == "pass"
    gated = not isinstance(report, SweepReport) and not one_passes
    return gated and (case.says == "fail" or (look.undecided_fails and case.says == "undecided"))


def cases(report: AnyReport) -> Iterator[Case]:
    """Yield the test cases, teacher by teacher; controls are no teachers."""
    accept = report.settings.get("accept", "transfer")
    if isinstance(report, ForecastReport):
        for one in report.forecasts:
            says = of_forecast(one.forecast, accept)
            yield Case(one, "forecast", says, forecast_sentence(one.forecast))
        return
    if isinstance(report, MapReport):
        several = len(report.matrices) > 1
        for matrix in report.matrices:
            where = f" ({matrix.file}, labels {matrix.labels})" if several else ""
            for audit in matrix.audits:
                yield from _cases(audit, report.gate, accept, where)
        return
    audits = shown_teachers(report) if isinstance(report, RankReport) else report.audits
    for audit in audits:
        yield from _cases(audit, report.gate, accept)


def _cases(audit: Audit, gate: Gate, accept: Cause, where: str = "") -> Iterator[Case]:
    """Yield the test cases of one teacher."""
    things: tuple[Deciding, ...] = DECIDES[gate] or ("verdict", "outcome")
    if "verdict" in things:
        yield Case(audit, "verdict", audit.verdict, "; ".join(audit.reasons), where)
    if "forecast" in things and audit.forecast is not None:
        says = of_forecast(audit.forecast, accept)
        yield Case(audit, "forecast", says, forecast_sentence(audit.forecast), where)
    found = audit.confirmation
    if "outcome" in things and found is not None:
        says = of_outcome(found.outcome, found.cause, accept)
        yield Case(audit, "training", says, outcome_sentence(audit), where)


def _inputs(report: AnyReport) -> list[InputSummary]:
    """Return what a report is about."""
    if not isinstance(report, MapReport):
        return [report.input]
    return [matrix.input for matrix in report.matrices if matrix.input is not None]


def _details(case: Case, look: Look) -> str:
    """Return all of one teacher, as the table shows it."""
    audit, parts = case.audit, []
    if isinstance(audit, Audit):
        parts = [*audit_parts(audit, look.units)]
    else:
        parts = [*forecast_parts(audit.forecast)]
    section = Section(f"Teacher {audit.teacher}", tuple(parts))
    title = f"Informations in {look.units}"
    verdict = audit.verdict if isinstance(audit, Audit) else case.says
    found = Document(title=title, headline="", verdict=verdict.upper(), sections=(section,))
    return draw(found, Look(look.units, width=WIDTH, verbose=True))
