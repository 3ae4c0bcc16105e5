"""What a task takes, guessed before it begins: for `--dry-run` and for the order of tasks."""

from collections.abc import Mapping
from dataclasses import replace

from cch_audit.auditing.need import OF_TRAINING
from cch_audit.estimators import find, memory
from cch_audit.mapping.plan import Asked, Task
from cch_audit.reading.outline import Outline
from cch_audit.running import Run

LOADED = 300e6
"""Bytes of a worker that has loaded the program and its libraries."""
UNIT = 2.5e-5
"""Seconds of one estimate of cost 1 for one row and column, measured once on one core."""
FORECAST, TRAINING = 1e-3, 2e-2
"""Seconds of a forecast, and of a training run, for one row."""


def costed(task: Task, outlines: Mapping[tuple[str, str | None], Outline], run: Run) -> Task:
    """Return the task with the seconds and the memory that it may take."""
    shapes = [_shape(one, outlines[one.path, one.labels], run) for one in task.asked]
    whole = [_seconds(*shape, run) for shape in shapes]
    if task.kind == "student":
        seconds = whole[0]
    else:
        beside = sum(shape[0] for shape in shapes) * (
            FORECAST * run.audit.forecast + TRAINING * run.trains
        )
        seconds = max(whole) + beside
    columns = max(sum(shape[1:]) for shape in shapes)
    rows = max(shape[0] for shape in shapes)
    names = run.audit.estimator
    needed = max(memory(name, rows, columns, run.estimators) for name in names)
    held = 3 * 8 * rows * columns  # as read, cleaned and standardised
    trains = OF_TRAINING if any(find(name).trains for name in names) else 0.0
    return replace(task, seconds=seconds, memory=LOADED + held + needed + trains)


def _shape(asked: Asked, outline: Outline, run: Run) -> tuple[int, int, int]:
    """Return rows, and columns of teacher and student."""
    rows, width = outline.students[asked.student]
    return min(rows, run.inputs.max_samples), outline.teachers[asked.teacher][1], width


def _seconds(rows: int, left: int, right: int, run: Run) -> float:
    """Return the seconds of all estimates of one information: whole, halves and surrogates."""
    halves = 2 if run.audit.ci == "pseudo" else run.audit.half_samples
    total = 0.0
    for name in run.audit.estimator:
        entry = find(name)
        seeds = int(getattr(run.estimators.of(entry.settings), "n_seeds", 1))
        total += entry.cost * (seeds + halves / 2 + run.audit.surrogates)
    return UNIT * rows * (30 + left + right) * total
