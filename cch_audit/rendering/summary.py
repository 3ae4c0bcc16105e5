"""The verdict in one sentence."""

from cch_audit.rendering.text import (
    Units,
    deciding_levels,
    for_reading,
    gap_range,
)
from cch_audit.results import Audit, Report

CLAIMS = {
    "pass": "I(teacher;student) exceeds I(student;labels)",
    "fail": "I(teacher;student) does not exceed I(student;labels)",
    "undecided": "cannot say whether I(teacher;student) exceeds I(student;labels)",
}


def summary(report: Report, *, units: Units = "nats", unicode: bool = True) -> str:
    """Return the verdict as one printable sentence, without a newline.

    Parameters
    ----------
    report : Report
    units : {"nats", "bits"}
    unicode : bool
        False escapes every character outside ASCII.
    """
    return sentence(for_reading(report, units=units, unicode=unicode), units)


def sentence(report: Report, units: Units) -> str:
    """Return the sentence for a report that `for_reading` has already prepared."""
    if len(report.audits) == 1:
        return _one_teacher(report.audits[0], report, units)
    counts = []
    for verdict in ("pass", "fail", "undecided"):
        names = [audit.teacher for audit in report.audits if audit.verdict == verdict]
        if names:
            counts.append(f"{len(names)} {verdict} ({', '.join(names)})")
    return f"{report.verdict.upper()}: of {len(report.audits)} teachers, {'; '.join(counts)}."


def _one_teacher(audit: Audit, report: Report, units: Units) -> str:
    margin = report.settings.get("margin", 0.0)
    by_margin = f" by the margin of {margin:g} nats" if margin else ""
    where = " and ".join(audit.gated)
    return (
        f"{audit.verdict.upper()}: {CLAIMS[audit.verdict]}{by_margin} on {where}: "
        f"{_why(audit)}, gap {gap_range(audit)} {units}."
    )


def _why(audit: Audit) -> str:
    if audit.verdict == "undecided" and audit.reasons:
        return "; ".join(audit.reasons)
    votes = [
        (name, level.estimators[name].verdict)
        for level in deciding_levels(audit)
        for name in level.voters
    ]
    names = list(dict.fromkeys(name for name, _ in votes))
    agreeing = [name for name in names if all(v == audit.verdict for n, v in votes if n == name)]
    if len(names) == 1:
        return f"{names[0]} decides alone"
    if len(agreeing) == len(names):
        return f"all {len(names)} estimators agree"
    return f"{len(agreeing)} of {len(names)} estimators say so"
