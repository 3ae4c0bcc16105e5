"""What a teacher says that is trained on the rows that train the student.

A head that learnt from n labels tells a student of the same n rows little that they do not say
themselves, where one of n other rows would double the labels. So each part has a teacher of its
own, and a reference teacher of many rows serves the expansion.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from scipy.optimize import minimize

from cch_audit.dependence.units import Dependence, among
from cch_audit.estimators.contract import assign_folds, outside, standardize
from cch_audit.forecasting import sums
from cch_audit.forecasting.draws import draw_part
from cch_audit.forecasting.softmax import (
    ROUGH,
    Factor,
    Lesson,
    Rows,
    evaluate,
    factorised,
    fit,
    hessian,
    penalties,
    solved,
)
from cch_audit.rows import FloatArray, IntArray

FOLDS = 5
PENALTIES = (0.003, 0.01, 0.03, 0.1)
"""Tried for the teacher, of its mean loss."""
MOST_REFERENCE = 2500
"""Rows that the reference teacher learns from, at most."""
MOST_NEWTON = 500
"""Parameters above which Newton's method costs more than a quasi-Newton one."""


@dataclass(frozen=True, eq=False)
class Teacher:
    """What a teacher says, when it is trained on many rows and on each part."""

    reference: FloatArray
    """Logits (n_samples, K) that the student of all rows learns from."""
    parts: tuple[FloatArray, ...]
    """For each part the logits (n_part, K) of its rows by a teacher of its own; empty if given."""
    moved: FloatArray | None = None
    """-H_t^-1 g_t of every row, (n_samples, p_t): how it moves the teacher; None if it is given."""
    x: FloatArray | None = None
    """(n_samples, d_t + 1) columns of that teacher."""


def train_teacher(
    teacher: FloatArray,
    y: IntArray,
    n_classes: int,
    parts: Sequence[IntArray],
    dependence: Dependence | None,
    rng: np.random.Generator,
) -> Teacher:
    """Train linear heads on many rows and on each part; no row is told by a head that it taught.

    Parameters
    ----------
    teacher : (n_samples, d) representation
    y : class codes
    parts : row numbers that each student, and its teacher, is trained on
    dependence : which rows depend on each other; None: none do
    """
    x = standardize(teacher)
    spoken, chosen = [], []
    for part in parts:
        # Each chooses its own penalty, as each would: a common one would move all of them together.
        logits, penalty = teacher_logits(x, y, n_classes, part, dependence, rng)
        spoken.append(logits)
        chosen.append(penalty)
    many = np.arange(len(x))
    if len(x) > MOST_REFERENCE:
        units = None if dependence is None else dependence.units
        many = draw_part(len(x), MOST_REFERENCE, units, rng)
    penalty = float(np.median(chosen))
    reference, rotated_x, theta = _reference(x, y, n_classes, many, dependence, rng, penalty)
    moved = _moved(rotated_x, y, n_classes, theta, penalty)
    return Teacher(reference, tuple(spoken), moved, rotated_x)


def teacher_logits(
    x: FloatArray,
    y: IntArray,
    n_classes: int,
    part: IntArray,
    dependence: Dependence | None,
    rng: np.random.Generator,
    penalty: float | None = None,
) -> tuple[FloatArray, float]:
    """Return logits (n_part, K) of the rows of a part, by five heads that each leave a fold out.

    Parameters
    ----------
    x : (n_samples, d) standardised columns
    y : class codes
    part : row numbers
    dependence : which rows depend on each other; None: none do
    penalty : of the mean loss; None: the one of least log-loss out of fold

    Returns
    -------
    logits, and the penalty
    """
    inside = among(dependence, part)
    with warnings.catch_warnings():
        # A class of fewer rows than folds is no reason to say nothing of the others.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        folds = assign_folds(len(part), FOLDS, y[part], inside, rng)
    x, labels = rotated(x[part]), y[part]
    known = [(outside(folds, number, inside), folds == number) for number in np.unique(folds)]
    starts: list[FloatArray | None] = [None] * len(known)
    tried = PENALTIES if penalty is None else (penalty,)
    best, least, chosen = np.zeros((len(x), n_classes)), np.inf, tried[0]
    for candidate in tried:
        logits = np.empty((len(x), n_classes))
        factor: Factor | None = None
        for number, (rows, asked) in enumerate(known):
            lesson = Lesson(labels[rows], n_classes)
            theta, factor = _head(x[rows], lesson, candidate, starts[number], factor)
            starts[number] = theta
            logits[asked] = x[asked] @ (sums.contrasts(n_classes) @ theta).T
        loss = evaluate_loss(logits, labels)
        if loss < least:
            best, least, chosen = logits, loss, candidate
    return best, chosen


def _reference(
    x: FloatArray,
    y: IntArray,
    n_classes: int,
    many: IntArray,
    dependence: Dependence | None,
    rng: np.random.Generator,
    penalty: float,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return logits (n_samples, K) of a teacher of many rows, its columns and its parameters."""
    told, _ = teacher_logits(x, y, n_classes, many, dependence, rng, penalty)
    columns = rotated(x, many)
    theta, _ = _head(columns[many], Lesson(y[many], n_classes), penalty, None, None)
    logits = columns @ (sums.contrasts(n_classes) @ theta).T
    logits[many] = told
    return logits, columns, theta


def _moved(
    x: FloatArray, y: IntArray, n_classes: int, theta: FloatArray, penalty: float
) -> FloatArray | None:
    """Return -H_t^-1 g_t for every row, (n_samples, p_t); None for too many parameters."""
    if theta.size > MOST_NEWTON:
        return None
    lesson = Lesson(y, n_classes)
    state = evaluate(theta, x, lesson)
    matrix = hessian(state, Rows.of(x), lesson, penalties(theta.shape, penalty))
    pull = state.gradient(lesson) @ sums.contrasts(n_classes)
    slopes = (pull[:, :, None] * x[:, None, :]).reshape(len(x), -1)
    return -solved(factorised(matrix), (slopes - slopes.mean(axis=0)).T).T


def evaluate_loss(logits: FloatArray, y: IntArray) -> float:
    """Return the mean log-loss of logits."""
    highest = logits.max(axis=1)
    norm = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    return float((norm - logits[np.arange(len(y)), y]).mean())


def rotated(x: FloatArray, part: IntArray | None = None) -> FloatArray:
    """Return rows (n_samples, r + 1) with an intercept and at most as many columns as rows.

    With more columns than rows these span a space of fewer, and a penalised head stays in it.

    Parameters
    ----------
    x : (n_samples, d)
    part : the rows that span; None: all
    """
    known = x if part is None else x[part]
    if x.shape[1] >= len(known):
        _, sizes, right = scipy.linalg.svd(known, full_matrices=False, check_finite=False)
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
        fitted = fit(Rows.of(x), lesson, penalty, start, factor, ROUGH)
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
