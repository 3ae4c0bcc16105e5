"""The verdict in one sentence."""

from collections.abc import Iterator

from cch_audit import columns
from cch_audit.rendering.confirmation import outcome_sentence
from cch_audit.rendering.forecast import sentence as of_forecasts
from cch_audit.rendering.foretold import forecast_sentence
from cch_audit.rendering.foretold import kind_of as kind_of_forecast
from cch_audit.rendering.map import sentence as of_pairs
from cch_audit.rendering.sweep import sweep_sentence
from cch_audit.rendering.text import counted, deciding_levels, for_reading, gap_range, trained
from cch_audit.rendering.training import CLAIMS as OUTCOME_CLAIMS
from cch_audit.rendering.training import kind_of
from cch_audit.results import DECIDES, Audit, ForecastReport, RankReport, Report, SweepReport
from cch_audit.results.maps import MapReport
from cch_audit.settings.formats import Units

CLAIMS = {
    "pass": "I(teacher;student) exceeds I(student;labels)",
    "fail": "I(teacher;student) does not exceed I(student;labels)",
    "undecided": "cannot say whether I(teacher;student) exceeds I(student;labels)",
}
DECIDING = {"verdict": "the verdict", "forecast": "the forecast", "outcome": "training"}
BOTH = {
    "pass": "PASS: confirmed by training",
    "fail": "FAIL: a pass and a measured gain{} are both required",
    "undecided": "UNDECIDED: a pass and a measured gain{} are both required",
}


def summary(
    report: Report | ForecastReport | MapReport, *, units: Units = "nats", unicode: bool = True
) -> str:
    """Return the verdict as one printable sentence, without a newline.

    Parameters
    ----------
    report : Report
    units : {"nats", "bits"}
    unicode : bool
        False escapes every character outside ASCII.
    """
    shown = for_reading(report, units=units, unicode=unicode)
    if isinstance(shown, ForecastReport):
        return of_forecasts(shown)
    if isinstance(shown, MapReport):
        return of_pairs(shown)
    return sentence(shown, units)


def sentence(report: Report, units: Units) -> str:
    """Return the sentence for a report that `for_reading` has already prepared."""
    if isinstance(report, SweepReport):
        return sweep_sentence(report)
    if isinstance(report, RankReport):
        verdict = _ranking(report)
    elif len(report.audits) == 1:
        verdict = _one_teacher(report.audits[0], report, units)
    else:
        verdict = _several_teachers(report)
    foretold = [*_foretold(report)]
    if report.gate == "verdict":
        parts = [verdict, *foretold, *_measured(report)]
    elif "forecast" in DECIDES[report.gate]:
        asked = " and ".join(DECIDING[one] for one in DECIDES[report.gate])
        rule = "each have to say yes" if len(DECIDES[report.gate]) > 1 else "decides"
        parts = [f"{report.decision.upper()}: {asked} {rule}.", *foretold]
        parts += [f"CCH verdict {verdict}", *_measured(report)]
    elif report.gate == "outcome":
        several = len(report.audits) > 1
        parts = [*_measured(report), *([f"CCH verdict {verdict}"] if several else [])]
    else:
        cause = "" if report.settings.get("accept") == "regularisation" else " by transfer"
        parts = [
            f"{BOTH[report.decision].format(cause)}.",
            f"CCH verdict {verdict}",
            *_measured(report),
        ]
    return " ".join(parts)


def _several_teachers(report: Report) -> str:
    counts = []
    for verdict in ("pass", "fail", "undecided"):
        names = [audit.teacher for audit in report.audits if audit.verdict == verdict]
        if names:
            counts.append(f"{len(names)} {verdict} ({', '.join(names)})")
    return f"{report.verdict.upper()}: of {len(report.audits)} teachers, {'; '.join(counts)}."


def _ranking(report: RankReport) -> str:
    ranking = report.ranking
    teachers = report.teachers
    passing = sum(audit.verdict == "pass" for audit in teachers)
    first = [one.teacher for one in ranking.teachers if one.rank == 1]
    who = ", ".join(first) + (" (cannot be told apart)" if len(first) > 1 else "")
    return (
        f"{report.verdict.upper()}: {passing} of {counted(len(teachers), 'teacher')} "
        f"{'passes' if 1 in (passing, len(teachers)) else 'pass'}; "
        f"first by {columns.title(ranking.by)}: {who}."
    )


def _foretold(report: Report) -> Iterator[str]:
    """Yield what is forecast, if it was asked for."""
    known = [(audit.teacher, one) for audit in report.teachers if (one := audit.forecast)]
    if len(known) == 1:
        yield forecast_sentence(known[0][1])
    elif known:
        parts = []
        for kind, claim in OUTCOME_CLAIMS.items():
            names = [name for name, one in known if kind_of_forecast(one) == kind]
            parts += [f"{claim} with {', '.join(names)}"] if names else []
        yield f"Forecast: {'; '.join(parts)}."


def _measured(report: Report) -> Iterator[str]:
    """Yield what training showed, if anything was trained."""
    audits = [audit for audit in report.teachers if audit.confirmation is not None]
    if len(audits) == 1:
        yield outcome_sentence(audits[0])
    elif audits:
        pairs = [*zip(audits, trained(audits), strict=True)]
        parts = []
        for kind, claim in OUTCOME_CLAIMS.items():
            names = [audit.teacher for audit, found in pairs if kind_of(found) == kind]
            parts += [f"{claim} with {', '.join(names)}"] if names else []
        yield f"Measured: {'; '.join(parts)}."


def _one_teacher(audit: Audit, report: Report, units: Units) -> str:
    margin = report.settings.get("margin", 0.0)
    by_margin = f" by the margin of {margin:g} nats" if margin else ""
    where = " and ".join(audit.gated)
    return (
        f"{audit.verdict.upper()}: {CLAIMS[audit.verdict]}{by_margin} on {where}: "
        f"{_why(audit)}, gap {gap_range(deciding_levels(audit))} {units}."
    )


def _why(audit: Audit) -> str:
    if audit.verdict == "undecided" and audit.reasons:
        return "; ".join(audit.reasons)
    agrees: dict[str, bool] = {}
    for level in deciding_levels(audit):
        for name in level.voters:
            same = level.estimators[name].verdict == audit.verdict
            agrees[name] = same and agrees.get(name, True)
    if len(agrees) == 1:
        return f"{next(iter(agrees))} decides alone"
    if all(agrees.values()):
        return f"all {len(agrees)} estimators agree"
    return f"{sum(agrees.values())} of {len(agrees)} estimators say so"
