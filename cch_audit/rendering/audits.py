"""One teacher in full: what every estimator says at both levels, and what to read beside it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cch_audit.rendering.confirmation import confirmation_parts
from cch_audit.rendering.document import (
    Badge,
    Cell,
    Drawing,
    Facts,
    Fold,
    Heading,
    Part,
    Rows,
    as_rows,
    bullets,
    verdict_badge,
)
from cch_audit.rendering.foretold import forecast_parts
from cch_audit.rendering.text import (
    beside,
    estimator_title,
    interval,
    number,
    ordered_levels,
    raw_value,
    span,
)
from cch_audit.rendering.training import all_notes
from cch_audit.results import Audit, Companions, EstimatorResult, LevelResult
from cch_audit.settings.formats import Units

if TYPE_CHECKING:
    from cch_audit.rendering.figures.marks import Picture

LEVEL_TITLES = {"representations": "Representations", "predictions": "Predictions"}
COMPANIONS_TITLE = "Read beside the gap (raw KSG, representations)"
INFORMATIONS = {
    "I(teacher;student)": "teacher_student",
    "I(student;labels)": "student_labels",
    "gap": "gap",
}


def audit_parts(
    audit: Audit, units: Units, rank: str = "", pictures: Sequence["Picture"] = ()
) -> Iterator[Part]:
    """Yield all of one audit, with its place in a ranking and its figures if there are any."""
    yield from heading_parts(audit, rank)
    yield from map(Drawing, pictures)
    yield from level_parts(audit, units, [name for name, _ in ordered_levels(audit)])
    yield from beside_parts(audit, units)
    yield from note_parts(audit)


def heading_parts(audit: Audit, rank: str = "") -> Iterator[Part]:
    """Yield the two sides of an audit."""
    lines = [
        ("teacher", f"{audit.teacher} ({audit.teacher_dimension} dimensions)"),
        ("student", f"{audit.student} ({audit.student_dimension} dimensions)"),
    ]
    yield Facts((*lines, *([("rank", rank)] if rank else [])))


def level_parts(audit: Audit, units: Units, levels: Sequence[str]) -> Iterator[Part]:
    """Yield what every estimator says at some levels."""
    for name in levels:
        level, title = audit.levels[name], LEVEL_TITLES[name]
        role = f"{level_role(name, audit.gated)}; in {units}"
        yield Heading(title, verdict_badge(level.verdict), role)
        yield from bullets(level.reasons)
        yield estimate_rows(level, units)
        yield Fold(f"{title}: what weakens the estimates", (doubt_rows(level),))


def beside_parts(audit: Audit, units: Units) -> Iterator[Part]:
    """Yield what to read beside the gap, what is forecast, and what training showed."""
    yield Heading(f"{COMPANIONS_TITLE}, in {units}")
    yield Facts(tuple(companion_lines(audit.companions)))
    if audit.forecast is not None:
        yield from forecast_parts(audit.forecast)
    yield from confirmation_parts(audit)


def note_parts(audit: Audit) -> list[Part]:
    """Return what the numbers mean together, and what is noted of the training run."""
    return bullets(all_notes(audit), "Notes")


def level_role(level: str, gated: tuple[str, ...]) -> str:
    """Return whether a level decides the verdict."""
    return "decides the verdict" if level in gated else "shown, not gated"


@dataclass(frozen=True)
class Line:
    """One estimator at one level, the level's floor, or what a simulated file says of it."""

    estimator: str
    shown: tuple[str, str, str]
    """Both informations and the gap."""
    result: EstimatorResult | None
    """None for an estimator that was not needed, the floor and the truth."""


Column = tuple[str, Callable[[Line], Cell | None]]


def estimate_rows(level: LevelResult, units: Units) -> Rows:
    """Return one row per estimator, and below them the level's floor and truth, if it has any."""
    lines = [_line(level, name, result) for name, result in level.estimators.items()]
    lines += [Line(name, ("not needed", "", ""), None) for name in level.not_needed]
    lines += [Line(title, row, None) for title, row in beside(level)]
    narrow: list[Column] = [
        ("estimator", lambda line: line.estimator.replace(" ", "\n")),
        ("I(teacher;\nstudent)", lambda line: line.shown[0]),
        ("I(student;\nlabels)", lambda line: line.shown[1]),
        ("gap and\nP(gap>0)", lambda line: f"{line.shown[2]}\n{_chance(line)}".rstrip()),
        ("verdict and\nverdict interval", _known(_verdict)),
    ]
    columns: list[Column] = [
        ("estimator", lambda line: line.estimator),
        ("verdict", _known(lambda result: verdict_badge(result.verdict))),
        (f"I(teacher;student),\n{units}", lambda line: line.shown[0]),
        (f"I(student;labels),\n{units}", lambda line: line.shown[1]),
        (f"gap,\n{units}", lambda line: line.shown[2]),
        (f"verdict interval,\n{units}", _known(lambda result: span(result.verdict_interval))),
        ("P(gap>0)", _chance),
        ("reason", _known(lambda result: result.reason)),
    ]
    few = as_rows(lines, narrow, names=(narrow[-1][0],))
    return as_rows(lines, columns, names=("reason",), narrow=few)


def _line(level: LevelResult, name: str, result: EstimatorResult) -> Line:
    shown = (
        interval(result.teacher_student, "\n") + raw_value(result, "teacher_student", "\n"),
        interval(result.student_labels, "\n") + raw_value(result, "student_labels", "\n"),
        interval(result.gap, "\n"),
    )
    return Line(estimator_title(name, level), shown, result)


def _known(read: Callable[[EstimatorResult], Cell]) -> Callable[[Line], Cell]:
    return lambda line: "" if line.result is None else read(line.result)


def _chance(line: Line) -> str:
    return "" if line.result is None else number(line.result.gap.probability_positive)


def _verdict(result: EstimatorResult) -> Badge:
    return verdict_badge(result.verdict, f"{span(result.verdict_interval)}\n{result.reason}")


def doubt_rows(level: LevelResult) -> Rows:
    """Return what weakens each estimate: its error, bias, drift, raw value and flags."""
    rows: list[tuple[str, ...]] = []
    for name, result in level.estimators.items():
        for title, key in INFORMATIONS.items():
            first, last = key == "teacher_student", key == "gap"
            rows.append(
                (
                    name if first else "",
                    title,
                    number(getattr(result, key).standard_error),
                    *(
                        "n/a" if part is None else number(getattr(part, key))
                        for part in (result.bias, result.drift, result.raw)
                    ),
                    (", ".join(result.flags) or "none") if last else "",
                )
            )
    headers = ("estimator", "of", "standard\nerror", "bias", "drift", "raw", "flags")
    return Rows(headers, tuple(rows), names=("flags",))


def companion_lines(companions: Companions) -> list[tuple[str, str, str]]:
    """Return the quantities to read beside the gap as (name, value, meaning)."""
    lines = []
    if companions.label_entropy is not None:
        lines.append(("H(Y)", number(companions.label_entropy), "cap on I(student;labels)"))
    lines += [
        ("I(teacher;labels)", interval(companions.teacher_labels), "what the teacher knows"),
        (
            "I(teacher;labels|student)",
            interval(companions.teacher_labels_given_student),
            "what the teacher adds",
        ),
        (
            "I(teacher;student|labels)",
            interval(companions.teacher_student_given_labels),
            "shared beyond the labels",
        ),
    ]
    if companions.variance_condition is not None:
        relation, word = ("<=", "holds") if companions.variance_condition else (">", "violated")
        values = f"{_variance(companions.teacher_prediction_variance)} {relation} "
        values += f"{_variance(companions.label_variance)}"
        lines.append(("Var(t) <= Var(y)", f"{word}: {values}", "the theorem needs it"))
    return lines


def _variance(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4g}"
