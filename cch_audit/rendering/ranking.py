"""The teachers in order, in words, the same in every format for people."""

from collections.abc import Sequence
from dataclasses import dataclass

from cch_audit.rendering.text import Units, estimator_title, interval
from cch_audit.results import Audit, Ranked, RankReport, Report

COLUMN_TITLES = {
    "gap": "gap",
    "representations": "gap on representations",
    "predictions": "gap on predictions",
    "teacher_labels": "I(teacher;labels)",
    "teacher_labels_given_student": "I(teacher;labels|student)",
    "score": "teacher's own score",
    "log_me": "LogME",
    "h_score": "H-score",
    "cka": "CKA",
    "forecast": "forecast",
    "gain": "measured gain",
}
GAPS = ("gap", "representations", "predictions")


@dataclass(frozen=True)
class Place:
    """A teacher of a ranking with its audit."""

    ranked: Ranked
    audit: Audit

    @property
    def is_control(self) -> bool:
        """Whether this is no teacher of the user's."""
        return self.ranked.rank is None


def places(report: Report) -> list[Place]:
    """Return the teachers that are shown, the best first; without a ranking, none."""
    audits = {audit.teacher: audit for audit in report.audits}
    ranked = () if not isinstance(report, RankReport) else report.ranking.teachers
    return [Place(one, audits[one.teacher]) for one in ranked]


def is_control(audit: Audit, report: Report) -> bool:
    """Return whether an audit of a ranking is that of a control."""
    ranked = () if not isinstance(report, RankReport) else report.ranking.teachers
    return any(one.teacher == audit.teacher and one.rank is None for one in ranked)


def column_title(name: str) -> str:
    """Return the name of a ranking's column as people read it."""
    return COLUMN_TITLES.get(name, name.replace("_", " "))


def student_lines(report: Report, units: Units) -> list[tuple[str, str]]:
    """Return the student and what it knows about the labels, estimator by estimator."""
    audit = report.audits[0]
    lines = [("student", f"{audit.student} ({audit.student_dimension} dimensions)")]
    for level_name in audit.gated:
        level = audit.levels[level_name]
        titles = {name: estimator_title(name, level) for name in level.estimators}
        widest = max(map(len, titles.values()))
        knows = [
            f"{titles[name].ljust(widest)} {interval(result.student_labels)}"
            for name, result in level.estimators.items()
        ]
        first = f"I(student;labels) on {level_name}, in {units}:"
        lines.append(("I(S;Y)", "\n".join([first, *knows])))
    return lines


def rank_text(place: Place) -> str:
    """Return a teacher's rank and those that it shares it with."""
    if place.is_control:
        return "control"
    ties = ", ".join(place.ranked.ties)
    return str(place.ranked.rank) + (f" (cannot be told apart from {ties})" if ties else "")


def gap_title(report: Report, units: Units) -> str:
    """Return what the table of gaps shows, and how many of the teachers."""
    assert isinstance(report, RankReport)
    controls = sum(is_control(audit, report) for audit in report.audits)
    shown, known = (len(all_) - controls for all_ in (report.ranking.teachers, report.audits))
    some = "" if shown == known else f", the first {shown} of {known}"
    return f"Ranking by {column_title(report.ranking.by)}{some}; gaps in {units}"


def shared_metric(report: Report) -> str | None:
    """Return the metric of the training runs, or None without any."""
    found = [audit.confirmation for audit in report.audits if audit.confirmation is not None]
    return found[0].metric if found else None


def ranking_footnotes(report: Report) -> list[str]:
    """Return how the order came about and what it does not say."""
    assert isinstance(report, RankReport)
    shown = places(report)
    by = report.ranking.by
    if by in GAPS:
        order = f"{column_title(by)}, by its lower end"
        equals = "cannot be told apart (paired tests, Holm-corrected)"
    else:
        order, equals = column_title(by), "have the same value"
    notes = [
        f"Teachers are ordered by {order}. Those of the same rank {equals}. A gap is shown as the "
        "range of the deciding estimators and, in brackets, the hull of their verdict intervals."
    ]
    if any(place.is_control for place in shown):
        notes.append("Controls are no teachers: a column that puts them high can be fooled.")
    return notes


def grouped_notes(report: Report) -> list[str]:
    """Return the notes of all teachers that are shown, each once, with the teachers' names."""
    shown = places(report)
    pairs = []
    for place in shown:
        found = place.audit.confirmation
        notes = (*place.audit.notes, *(() if found is None else found.notes))
        pairs += [(place.audit.teacher, note) for note in notes]
    return grouped(pairs, len(shown))


def grouped(pairs: Sequence[tuple[str, str]], count: int) -> list[str]:
    """Return what is said of teachers, each once, with their names where there are several.

    Parameters
    ----------
    pairs : teacher and what is said of it
    count : number of teachers
    """
    names: dict[str, list[str]] = {}
    for teacher, text in pairs:
        names.setdefault(text, []).append(teacher)
    if count == 1:
        return list(names)
    return [
        f"{'all teachers' if len(teachers) == count else ', '.join(teachers)}: {text}"
        for text, teachers in names.items()
    ]
