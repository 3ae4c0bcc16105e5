"""What a teacher of n rows says: logits of every row from a head that did not see it."""

import numpy as np
import scipy.linalg
from scipy.optimize import minimize

from cch_audit.dependence.units import Dependence, among
from cch_audit.estimators.contract import assign_folds, outside, standardize
from cch_audit.forecast import sums
from cch_audit.forecast.softmax import Factor, Lesson, Rows, evaluate, fit, penalties
from cch_audit.rows import FloatArray, IntArray

FOLDS = 5
PENALTIES = (0.003, 0.01, 0.03, 0.1)
"""Tried for the teacher, of its mean loss."""
MOST_NEWTON = 500
"""Parameters above which Newton's method costs more than a quasi-Newton one."""


def teacher_logits(
    teacher: FloatArray,
    y: IntArray,
    n_classes: int,
    part: IntArray,
    dependence: Dependence | None,
    rng: np.random.Generator,
    penalty: float | None = None,
) -> tuple[FloatArray, float]:
    """Return logits (n_samples, K) of linear heads that were trained on a part of the rows.

    Each of five heads learns from four fifths of the part. A row of the part gets the logits of
    the head that did not see it, every other row those of one of the five in rotation: a teacher
    of n rows, as it would speak to a student of n rows.

    Parameters
    ----------
    teacher : (n_samples, d) representation
    y : class codes
    part : row numbers of the n rows
    dependence : which rows depend on each other; None: none do
    penalty : of the mean loss; None: the one of least log-loss out of fold

    Returns
    -------
    logits, and the penalty
    """
    inside = among(dependence, part)
    folds = assign_folds(len(part), FOLDS, y[part], inside, rng)
    numbers = np.unique(folds)
    x = rotated(standardize(teacher), part)
    turn = np.arange(len(x)) % len(numbers)
    turn[part] = np.searchsorted(numbers, folds)
    known = [part[outside(folds, number, inside)] for number in numbers]
    tried = PENALTIES if penalty is None else (penalty,)
    best, least = np.zeros((len(x), n_classes)), np.inf
    chosen = tried[0]
    starts: list[FloatArray | None] = [None] * len(numbers)
    for candidate in tried:
        logits = np.empty((len(x), n_classes))
        factor: Factor | None = None
        for number, rows in enumerate(known):
            lesson = Lesson(y[rows], n_classes)
            theta, factor = _head(x[rows], lesson, candidate, starts[number], factor)
            starts[number] = theta
            asked = turn == number
            logits[asked] = x[asked] @ (sums.contrasts(n_classes) @ theta).T
        loss = evaluate_loss(logits[part], y[part])
        if loss < least:
            best, least, chosen = logits, loss, candidate
    return best, chosen


def evaluate_loss(logits: FloatArray, y: IntArray) -> float:
    """Return the mean log-loss of logits."""
    highest = logits.max(axis=1)
    norm = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    return float((norm - logits[np.arange(len(y)), y]).mean())


def rotated(x: FloatArray, part: IntArray) -> FloatArray:
    """Return rows (n_samples, r + 1) with an intercept and at most as many columns as the part.

    With more columns than rows the part spans a space of fewer, and a penalised head stays in it.
    """
    if x.shape[1] >= len(part):
        _, sizes, right = scipy.linalg.svd(x[part], full_matrices=False, check_finite=False)
        x = x @ right[sizes > 1e-7 * sizes[0]].T
    return np.hstack([np.ones((len(x), 1)), x])


def _head(
    x: FloatArray,
    lesson: Lesson,
    penalty: float,
    start: FloatArray | None,
    factor: Factor | None,
) -> tuple[FloatArray, Factor | None]:
    """Return parameters (K - 1, d + 1) of a penalised softmax head."""
    shape = (lesson.n_classes - 1, x.shape[1])
    if shape[0] * shape[1] <= MOST_NEWTON:
        fitted = fit(Rows.of(x), lesson, penalty, start, factor)
        return fitted.theta, fitted.factor
    weights, basis = penalties(shape, penalty), sums.contrasts(lesson.n_classes)

    def value_and_slope(flat: FloatArray) -> tuple[float, FloatArray]:
        theta = flat.reshape(shape)
        state = evaluate(theta, x, lesson)
        slope = basis.T @ (state.gradient(lesson).T @ x) / len(x) + weights * theta
        return state.value + 0.5 * float((weights * theta**2).sum()), slope.ravel()

    begin = np.zeros(shape) if start is None else start
    found = minimize(value_and_slope, begin.ravel(), jac=True, method="L-BFGS-B")
    return found.x.reshape(shape), None
