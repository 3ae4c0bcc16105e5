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
FIXED, UNIT = 0.068, 3e-7
"""Seconds of one estimate of cost 1: of any, and for one row and column, measured on one core."""
BESIDE, FORECAST, TRAINING = 0.6, 3e-3, 2e-2
"""Seconds of a direction's companions and intervals; of its forecast and training for one row."""
OF_PREDICTIONS = 2
"""Columns, about."""


def costed(task: Task, outlines: Mapping[tuple[str, str | None], Outline], run: Run) -> Task:
    """Return the task with the seconds and the memory that it may take."""
    shapes = [_shape(one, outlines[one.path, one.labels], run) for one in task.asked]
    rows, _, right = shapes[0]
    if task.kind == "student":  # it meets the labels instead of a teacher
        seconds = _seconds(rows, right, run) + _seconds(rows, OF_PREDICTIONS, run)
    else:
        seconds = max(_seconds(n, left + own, run) for n, left, own in shapes)
        of_row = FORECAST * run.audit.forecast + TRAINING * run.trains
        for n, *_ in shapes:
            seconds += _seconds(n, 2 * OF_PREDICTIONS, run) + BESIDE + of_row * n
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


def _seconds(rows: int, columns: int, run: Run) -> float:
    """Return the seconds of all estimates of one information: whole, halves and surrogates."""
    halves = 2 if run.audit.ci == "pseudo" else run.audit.half_samples
    total = 0.0
    for name in run.audit.estimator:
        entry = find(name)
        seeds = int(getattr(run.estimators.of(entry.settings), "n_seeds", 1))
        total += entry.cost * (seeds + halves / 2 + run.audit.surrogates)
    return (FIXED + UNIT * rows * (30 + columns)) * total
