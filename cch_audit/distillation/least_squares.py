"""The linear student of the theorem: ridge regression on the mixed target, in closed form."""

from collections.abc import Sequence

import numpy as np

from cch_audit.distillation.lessons import Heads, Lesson, principal


def solve_heads(lessons: Sequence[Lesson]) -> list[Heads]:
    """Minimise MSE(y) + w MSE(t) + (1 + w) l |W|^2 for every cell of every lesson.

    That is ridge regression of (y + w t) / (1 + w) on x, whose penalty l is beside the mean over
    rows; the intercept is free.
    """
    return [_solve(lesson) for lesson in lessons]


def _solve(lesson: Lesson) -> Heads:
    centre, axes, variances = principal(lesson.x)
    coordinates = (lesson.x - centre) @ axes  # (n, r)
    weight = lesson.cells.weight[:, None, None]
    soft = lesson.soft[lesson.soft_of] if weight.any() else np.zeros((1, *lesson.y.shape))
    mixed = (lesson.y + weight * soft) / (1 + weight)  # (C, n, q)
    level = mixed.mean(axis=1)
    product = coordinates.T @ (mixed - level[:, None]) / len(coordinates)  # (C, r, q)
    shrunk = product / (variances[:, None] + lesson.cells.penalty[:, None, None])
    weights = (axes @ shrunk).transpose(0, 2, 1)  # (C, q, d)
    bias = level - weights @ centre
    outputs = lesson.x_validation @ weights.transpose(0, 2, 1) + bias[:, None]
    return Heads(outputs, [(weights, bias)], np.zeros(len(lesson.cells)))
