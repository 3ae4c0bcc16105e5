"""The plan of a study as text: what would be done, and what it may take."""

from typing import TYPE_CHECKING

from cch_audit.rendering.text import counted, printable

if TYPE_CHECKING:
    from cch_audit.mapping.plan import Plan, Task
    from cch_audit.running import Run

MOST_LISTED = 12
HEADERS = ("CPU seconds", "MB", "task")


def plan_text(plan: "Plan", run: "Run") -> str:
    """Return what a study would do, with seconds of processor time and memory, ending in a newline.

    Both are guesses from rows, columns and estimators, good to a factor of about three.
    """
    tasks = (*plan.students, *plan.pairs)
    lines = []
    for matrix in plan.matrices:
        rows = max(rows for rows, _ in matrix.outline.students.values())
        lines.append(
            f"{matrix.path}: labels {matrix.labels_name}, {rows:,} rows, "
            f"{counted(len(matrix.teachers), 'teacher')} x "
            f"{counted(len(matrix.students), 'student')}, {counted(len(matrix.asked), 'audit')}"
        )
    lines.append("")
    dearest_first = sorted(tasks, key=lambda one: -one.seconds)
    table = [HEADERS, *(_row(task, plan) for task in dearest_first)]
    hidden = len(tasks) - MOST_LISTED
    shown = table[: MOST_LISTED + 1]
    widths = [max(len(row[place]) for row in shown) for place in (0, 1)]
    lines += [f"{a.rjust(widths[0])}  {b.rjust(widths[1])}  {c}" for a, b, c in shown]
    if hidden > 0:
        lines.append(f"... and {counted(hidden, 'more task')}")
    total, largest = sum(task.seconds for task in tasks), max(task.memory for task in tasks)
    lines += [
        "",
        f"{counted(len(tasks), 'task')}, {counted(len(plan.pairs), 'pair')}: about "
        f"{_rounded(total):,} CPU seconds, and {_rounded(largest / 1e6):,} MB for each worker "
        f"(backend {run.where.backend}).",
    ]
    return "".join(f"{printable(line)}\n" for line in lines)


def _row(task: "Task", plan: "Plan") -> tuple[str, str, str]:
    """Return the cells of a task; it says file and labels where there are several."""
    one, several = task.asked[0], len(task.asked)
    if task.kind == "student":
        some = len({matrix.labels for matrix in plan.matrices}) > 1
        what = f"student {one.student} and {f'labels {one.labels}' if some else 'its labels'}"
    else:
        both = {(asked.teacher, asked.student) for asked in task.asked}
        arrow = "<->" if len(both) > 1 else "->"
        what = f"{one.teacher} {arrow} {one.student}"
        what += f", {counted(several, 'audit')}" if several > 1 else ""
    if len({matrix.path for matrix in plan.matrices}) > 1:
        what = f"{one.path}: {what}"
    return f"{_rounded(task.seconds):,}", f"{_rounded(task.memory / 1e6):,}", what


def _rounded(number: float) -> int:
    """Return a guess with the two digits that it has."""
    return max(1, int(float(f"{number:.2g}")))
