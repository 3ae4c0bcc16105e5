"""Names alone, for scripts: teachers, or the pairs of a study that pass."""

from cch_audit.rendering import Look
from cch_audit.rendering.ranking import shown_teachers
from cch_audit.rendering.text import printable
from cch_audit.results import ForecastReport, RankReport, Report
from cch_audit.results.joined import Joined, reports_of
from cch_audit.results.maps import MapReport


def render(found: Report | ForecastReport | MapReport | Joined, look: Look) -> str:
    """Return one name per line: the best teacher first in a ranking, which leaves controls out.

    Of a study the pairs that pass, the largest gap first: teacher and student with a tab between,
    and behind them the file and the labels where there are several.
    """
    if isinstance(found, MapReport):
        return _lessons(found)
    names: dict[str, None] = {}
    for report in reports_of(found):
        assert not isinstance(report, MapReport)  # which is shown alone
        if isinstance(report, ForecastReport):
            names |= dict.fromkeys(one.teacher for one in report.forecasts)
            continue
        audits = shown_teachers(report) if isinstance(report, RankReport) else report.audits
        names |= dict.fromkeys(audit.teacher for audit in audits)
    return "".join(f"{printable(name)}\n" for name in names)


def _lessons(report: MapReport) -> str:
    """Return who should teach whom."""
    several = len(report.matrices) > 1
    lines = [
        (lesson.teacher, lesson.student, *((matrix.file, matrix.labels) if several else ()))
        for matrix in report.matrices
        for lesson in matrix.lessons
    ]
    return "".join("\t".join(map(printable, line)) + "\n" for line in lines)
