"""The teachers' names alone, for scripts."""

from cch_audit.rendering import Look
from cch_audit.rendering.text import printable
from cch_audit.results import RankReport, Report
from cch_audit.results.joined import Joined


def render(found: Report | Joined, look: Look) -> str:
    """Return one name per line: the best teacher first in a ranking, which leaves controls out."""
    reports = found.reports if isinstance(found, Joined) else [found]
    names = dict.fromkeys(name for report in reports for name in _names(report))
    return "".join(f"{printable(name)}\n" for name in names)


def _names(report: Report) -> list[str]:
    if not isinstance(report, RankReport):
        return [audit.teacher for audit in report.audits]
    return [one.teacher for one in report.ranking.teachers if one.rank is not None]
