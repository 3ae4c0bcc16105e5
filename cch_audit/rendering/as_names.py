"""The teachers' names alone, for scripts."""

from cch_audit.rendering import Look
from cch_audit.rendering.ranking import shown_teachers
from cch_audit.rendering.text import printable
from cch_audit.results import Report
from cch_audit.results.joined import Joined, reports_of


def render(found: Report | Joined, look: Look) -> str:
    """Return one name per line: the best teacher first in a ranking, which leaves controls out."""
    reports = reports_of(found)
    names = dict.fromkeys(audit.teacher for one in reports for audit in shown_teachers(one))
    return "".join(f"{printable(name)}\n" for name in names)
