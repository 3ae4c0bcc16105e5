"""The teachers' names alone, for scripts."""

from cch_audit.rendering import Look
from cch_audit.rendering.text import printable
from cch_audit.results import RankReport, Report


def render(report: Report, look: Look) -> str:
    """Return one name per line: the best teacher first in a ranking, which leaves controls out."""
    if not isinstance(report, RankReport):
        names = [audit.teacher for audit in report.audits]
    else:
        names = [one.teacher for one in report.ranking.teachers if one.rank is not None]
    return "".join(f"{printable(name)}\n" for name in names)
