"""A sweep step by step, in words, rows and blocks."""

from collections.abc import Callable, Iterator

from cch_audit.rendering.confirmation import change_cell, outcome_cell
from cch_audit.rendering.document import (
    Cell,
    Heading,
    Part,
    Rows,
    as_rows,
    bullets,
    verdict_badge,
)
from cch_audit.rendering.foretold import forecast_cell
from cch_audit.rendering.text import gap_and_hull, ordered_levels, trained
from cch_audit.rendering.training import all_notes
from cch_audit.results import Audit, Crossing, Report, Sweep, SweepReport, Varied
from cch_audit.settings.formats import Units
from cch_audit.sweeping.plan import step_text

TITLES: dict[Varied, str] = {
    "noise": "noise added to {}, in standard deviations of each column",
    "drop_columns": "columns of {} dropped, as a share",
    "shuffle_rows": "rows of {} shuffled, as a share",
    "flip_labels": "wrong labels for the head of {}, as a share",
    "temperature": "training with {} at each temperature",
    "weight": "training with {} at each weight",
}
HEADERS: dict[Varied, str] = {
    "noise": "noise",
    "drop_columns": "dropped",
    "shuffle_rows": "shuffled",
    "flip_labels": "wrong\nlabels",
    "temperature": "temperature",
    "weight": "weight",
}
AXES: dict[Varied, str] = {
    "noise": "noise (standard deviations of each column)",
    "drop_columns": "share of columns dropped",
    "shuffle_rows": "share of rows shuffled",
    "flip_labels": "share of wrong labels for the teacher's head",
    "temperature": "temperature",
    "weight": "weight of the teacher's term",
}
_CONDITIONS: dict[Varied, str] = {
    "noise": "with noise of {} to {} standard deviations added to {}",
    "drop_columns": "with a share of {} to {} of the columns dropped from {}",
    "shuffle_rows": "with a share of {} to {} of the rows shuffled in {}",
    "flip_labels": "with a share of {} to {} wrong labels for the head of {}",
    "temperature": "at temperatures from {} to {} with {}",
    "weight": "at weights from {} to {} with {}",
}


def sweep_parts(report: SweepReport, units: Units) -> Iterator[Part]:
    """Yield what is changed, one row per step, and what is noted of the steps."""
    unit = "" if keeps_teacher(report.sweep) else f"; gaps in {units}"
    yield Heading(sweep_title(report.sweep) + unit)
    yield sweep_rows(report)
    yield from bullets(sweep_notes(report), "Notes")


def keeps_teacher(sweep: Sweep) -> bool:
    """Return whether the steps differ in the training alone, so that there is a single audit."""
    return sweep.varied in ("temperature", "weight")


def sweep_title(sweep: Sweep) -> str:
    """Return what is changed in which unit."""
    return f"Sweep: {TITLES[sweep.varied].format(sweep.teacher)}"


def teacher_lines(report: SweepReport, units: Units) -> list[tuple[str, str]]:
    """Return the teacher that is swept, with its gaps if the steps do not change them."""
    sweep, audit = report.sweep, report.audits[0]
    dimensions = max(one.teacher_dimension for one in report.audits)
    lines = [("teacher", f"{sweep.teacher} ({dimensions} dimensions)")]
    if keeps_teacher(sweep):
        for name, level in ordered_levels(audit):
            verdict = level.verdict.upper()
            lines.append(("gap", f"{gap_and_hull(level)} {units} on {name}: {verdict}"))
    return lines


def sweep_sentence(report: SweepReport) -> str:
    """Return where the gap passes the margin, and where training stops helping."""
    sweep = report.sweep
    ends = step_text(sweep.steps[0]), step_text(sweep.steps[-1])
    condition = _CONDITIONS[sweep.varied].format(*ends, sweep.teacher)
    if keeps_teacher(sweep):
        forecast = f"the CCH verdict is {report.audits[0].verdict.upper()}"
    else:
        forecast = " and ".join(
            f"the gap on {name} {_passes(sweep.gap_crossings[name], sweep, threshold(report))}"
            for name, _ in ordered_levels(report.audits[0])
        )
    parts = [f"SWEEP: {condition}, {forecast}", *_trained(report)]
    if all(audit.forecast is not None for audit in report.audits):
        passes = _passes(sweep.forecast_crossing, sweep, "zero")
        parts.append(f"the gain that is forecast {passes}")
    return "; ".join(parts) + "."


def sweep_notes(report: SweepReport) -> list[str]:
    """Return the notes of all steps, each once, with its steps."""
    sweep = report.sweep
    steps: dict[str, list[str]] = {}
    for step, audit in zip(sweep.steps, report.audits, strict=True):
        for note in all_notes(audit):
            steps.setdefault(note, []).append(step_text(step))
    varied = HEADERS[sweep.varied].replace("\n", " ")
    notes = []
    for note, found in steps.items():
        at_every = len(found) == len(sweep.steps)
        notes.append(f"{'every step' if at_every else f'{varied} ' + ', '.join(found)}: {note}")
    return notes


def sweep_footnotes(report: SweepReport) -> list[str]:
    """Return how the steps are compared and what the sweep does not say."""
    sweep = report.sweep
    gated = " and ".join(report.audits[0].gated)
    notes = [
        "All steps have the same rows, splits and seeds. An outcome agrees or disagrees with the "
        f"CCH verdict on {gated}."
    ]
    if not keeps_teacher(sweep):
        notes.append(
            "A gap is shown as the range of the deciding estimators and, in brackets, the hull of "
            "their verdict intervals. Where it passes zero is read off straight lines between the "
            "steps, of the median estimate and, in brackets, of the ends of the hull: steps that "
            "are close to each other there make it sharp."
        )
    notes.append("A sweep is no gate: the exit code is 0 whatever it shows.")
    return notes


def threshold(report: Report) -> str:
    """Name what the gap has to exceed."""
    margin = report.settings.get("margin", 0.0)
    return f"the margin of {margin:g} nats" if margin else "zero"


def _passes(found: Crossing | None, sweep: Sweep, line: str) -> str:
    """Return where something passes a line, and how often if not once."""
    if found is None:
        return f"passes {line} nowhere"
    if not found.told_apart:
        return f"cannot be told apart from {line} at any step"
    times = "" if found.times == 1 else f" {found.times} times, first"
    return f"passes {line}{times} at {crossing_text(found, sweep)}"


def crossing_text(found: Crossing, sweep: Sweep) -> str:
    """Return where something is passed, and between which steps that may be."""
    low = f"<={step_text(sweep.steps[0])}" if found.low is None else f"{found.low:.3g}"
    high = f">={step_text(sweep.steps[-1])}" if found.high is None else f"{found.high:.3g}"
    return f"{found.step:.3g} [{low}, {high}]"


def _trained(report: SweepReport) -> list[str]:
    """Return where training helps, where its gain passes zero and where it hurts."""
    sweep = report.sweep
    outcomes = [found.outcome for found in trained(report.audits)]
    if len(outcomes) < len(sweep.steps):
        return []
    steps = [step_text(step) for step in sweep.steps]
    helps = [step for step, outcome in zip(steps, outcomes, strict=True) if outcome == "helps"]
    hurts = [step for step, outcome in zip(steps, outcomes, strict=True) if outcome == "hurts"]
    rest = [step for step in steps if step not in helps]
    if not rest:
        said = ["KD helps at every step"]
    elif not helps:
        said = ["KD is not seen to help at any step"]
    elif steps == helps + rest:
        said = [f"KD helps {_up_to(helps)} and is not seen to help from {rest[0]} on"]
    elif steps == rest + helps:
        said = [f"KD is not seen to help {_up_to(rest)} and helps from {helps[0]} on"]
    else:
        said = [f"KD helps at {', '.join(helps)} and is not seen to help at {', '.join(rest)}"]
    if hurts:
        said[0] += f", and hurts at {', '.join(hurts)}"
    if sweep.gain_crossing is not None:
        said.append(f"the measured gain {_passes(sweep.gain_crossing, sweep, 'zero')}")
    return said


def _up_to(steps: list[str]) -> str:
    """Return a stretch of steps from the first one on."""
    return f"at {steps[0]}" if len(steps) == 1 else f"from {steps[0]} to {steps[-1]}"


Step = tuple[float, Audit]
Column = tuple[str, Callable[[Step], Cell | None]]


def sweep_rows(report: SweepReport) -> Rows:
    """Return one row per step: gaps with their verdicts, and what training showed."""
    sweep = report.sweep
    columns: list[Column] = [
        (HEADERS[sweep.varied], lambda step: _step(*step, sweep.varied == "drop_columns"))
    ]
    if not keeps_teacher(sweep):
        columns += [(f"gap on\n{name}", _gap(name)) for name, _ in ordered_levels(report.audits[0])]
    columns += [
        ("forecast", lambda step: forecast_cell(step[1].forecast)),
        ("change by KD", lambda step: change_cell(step[1])),
        ("outcome", lambda step: outcome_cell(step[1], step[1].agreement or "")),
    ]
    return as_rows(list(zip(sweep.steps, report.audits, strict=True)), columns)


def _step(step: float, audit: Audit, left: bool) -> str:
    """Return the step, with the number of columns that are left where it is asked for."""
    return step_text(step) + (f"\n{audit.teacher_dimension} left" if left else "")


def _gap(name: str) -> Callable[[Step], Cell]:
    """Return a level's verdict over the range of its gaps and the hull of their intervals."""

    def cell(step: Step) -> Cell:
        level = step[1].levels[name]
        return verdict_badge(level.verdict, gap_and_hull(level, "\n"))

    return cell
