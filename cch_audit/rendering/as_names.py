"""The teachers' names alone, for scripts."""

from cch_audit.rendering import Look
from cch_audit.rendering.ranking import shown_teachers
from cch_audit.rendering.text import printable
from cch_audit.results import ForecastReport, RankReport, Report
from cch_audit.results.joined import Joined, reports_of


def render(found: Report | ForecastReport | Joined, look: Look) -> str:
    """Return one name per line: the best teacher first in a ranking, which leaves controls out."""
    names: dict[str, None] = {}
    for report in reports_of(found):
        if isinstance(report, ForecastReport):
            names |= dict.fromkeys(one.teacher for one in report.forecasts)
            continue
        audits = shown_teachers(report) if isinstance(report, RankReport) else report.audits
        names |= dict.fromkeys(audit.teacher for audit in audits)
    return "".join(f"{printable(name)}\n" for name in names)
