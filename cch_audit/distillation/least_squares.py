"""The linear student of the theorem: least squares on the mixed target, in closed form."""

import numpy as np

from cch_audit.distillation.arms import Cells, Lesson
from cch_audit.rows import FloatArray


def solve_heads(lesson: Lesson, cells: Cells) -> tuple[FloatArray, FloatArray]:
    """Minimise MSE(y) + w MSE(t) for every cell: least squares of (y + w t) / (1 + w) on x.

    A cell's penalty p makes it ridge regression, with p times the number of rows added to the
    squared singular values. With more columns than rows it is the solution of least norm.

    Returns
    -------
    outputs : (D, C, m, q) on validation rows and (D, C, r, q) on new rows
    """
    x = lesson.x
    weight = cells.weight[:, None]
    mixed = (lesson.y[:, :, None] + weight * lesson.soft) / (1 + weight)  # (D, n, C, q)
    centre, level = x.mean(axis=1, keepdims=True), mixed.mean(axis=1, keepdims=True)
    left, sizes, right = np.linalg.svd(x - centre, full_matrices=False)
    projected = np.einsum("dnr,dncq->drcq", left, mixed - level)
    # Directions at rounding level carry nothing.
    kept = sizes > 1e-7 * sizes[:, :1]
    sizes = np.where(kept, sizes, 1.0)[..., None]
    gain = np.where(kept[..., None], sizes / (sizes**2 + x.shape[1] * cells.penalty), 0.0)
    coefficients = np.einsum("drp,drc,drcq->dcpq", right, gain, projected)

    def predict(rows: FloatArray) -> FloatArray:
        product = np.einsum("dnp,dcpq->dcnq", rows - centre, coefficients)
        return np.asarray(product + level.transpose(0, 2, 1, 3))

    return predict(lesson.x_validation), predict(lesson.new)
