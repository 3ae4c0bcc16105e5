"""The teachers' names alone, for scripts."""

from cch_audit.rendering import Look
from cch_audit.rendering.ranking import shown_teachers
from cch_audit.rendering.text import printable
from cch_audit.results import RankReport, Report


def render(report: Report, look: Look) -> str:
    """Return one name per line: the best teacher first in a ranking, which leaves controls out."""
    audits = shown_teachers(report) if isinstance(report, RankReport) else report.audits
    return "".join(f"{printable(audit.teacher)}\n" for audit in audits)
