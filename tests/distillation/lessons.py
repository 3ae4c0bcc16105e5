"""What small heads learn from, built by hand."""

import numpy as np
import numpy.typing as npt

from cch_audit.distillation.arms import (
    BASELINE,
    CONTROLS,
    DISTILLED,
    Cells,
    Grid,
    Lesson,
    plan_cells,
)

GRID = Grid((1.0, 3.0), (0.2, 0.8))


def every_cell(classes: bool) -> Cells:
    """Return the cells of all arms."""
    return plan_cells((BASELINE, DISTILLED, *CONTROLS[classes]), GRID, classes)


def lesson(
    cells: Cells,
    classes: bool,
    *,
    n_sets: int = 2,
    n: int = 150,
    d: int = 4,
    k: int = 3,
    seed: int = 0,
) -> Lesson:
    """Return rows that say something about the labels, and a teacher of its own for each cell."""
    rng = np.random.default_rng([seed, 9])
    x, x_validation = rng.standard_normal((n_sets, n, d)), rng.standard_normal((n_sets, 60, d))
    weights = rng.standard_normal((d, k))
    y, y_validation = x @ weights, x_validation[0] @ weights
    y, y_validation = (part + rng.standard_normal(part.shape) for part in (y, y_validation))
    if classes:
        y, y_validation = y.argmax(axis=-1), y_validation.argmax(axis=-1)
    soft = 2 * rng.standard_normal((n_sets, n, len(cells), k))
    new = rng.standard_normal((n_sets, 40, d))
    return Lesson(x, y, soft, x_validation, y_validation, new)


def some_cells(cells: Cells, numbers: npt.NDArray[np.int64]) -> Cells:
    """Return a few of the cells."""
    arm = tuple(cells.arm[number] for number in numbers)
    return Cells(arm, cells.temperature[numbers], cells.weight[numbers], cells.penalty[numbers])
