"""What small heads learn from, built by hand."""

import numpy as np

from cch_audit.distillation.arms import BASELINE, CONTROLS, DISTILLED, Cells, Grid, plan_cells
from cch_audit.distillation.lessons import Lesson

GRID = Grid((1.0, 3.0), (0.2, 0.8))


def every_cell(classes: bool, penalty: float = 0.01) -> Cells:
    """Return the cells of all arms."""
    return plan_cells((BASELINE, DISTILLED, *CONTROLS[classes]), GRID, classes, penalty)


def lesson(
    cells: Cells, classes: bool, *, n: int = 150, d: int = 4, k: int = 3, seed: int = 0
) -> Lesson:
    """Return rows that say something about the labels, and a teacher of its own for each cell."""
    rng = np.random.default_rng([seed, 9])
    x, x_validation = rng.standard_normal((n, d)), rng.standard_normal((60, d))
    weights = rng.standard_normal((d, k))
    y, y_validation = (part @ weights for part in (x, x_validation))
    y, y_validation = (part + rng.standard_normal(part.shape) for part in (y, y_validation))
    if classes:
        y, y_validation = y.argmax(axis=-1), y_validation.argmax(axis=-1)
    soft = 2 * rng.standard_normal((len(cells), n, k))
    return Lesson(x, y, x_validation, y_validation, cells, soft, np.arange(len(cells)), k)
