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
from cch_audit.estimators.contract import standardize
from cch_audit.estimators.folds import assign_folds, outside
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
from cch_audit.forecasting.stacks import Stack, fit_stack
from cch_audit.rows import FloatArray, IntArray

FOLDS = 5
PENALTIES = (0.1, 0.03, 0.01, 0.003)
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
    # Each chooses its own penalty, as each would: a common one would move all of them together.
    spoken, chosen = teacher_logits(x, y, n_classes, parts, dependence, rng)
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
    parts: Sequence[IntArray],
    dependence: Dependence | None,
    rng: np.random.Generator,
    tried: Sequence[float] = PENALTIES,
) -> tuple[list[FloatArray], list[float]]:
    """Return logits of the rows of each part, by five heads that each leave a fold of it out.

    Parameters
    ----------
    x : (n_samples, d) standardised columns
    y : class codes
    parts : row numbers of each
    dependence : which rows depend on each other; None: none do
    tried : penalties of the mean loss, from the largest on, until the log-loss out of fold grows

    Returns
    -------
    logits (n_part, K), and the penalty of least log-loss, of each part
    """
    labels = [y[part] for part in parts]
    heads: list[_Head] = []
    for number, part in enumerate(parts):
        columns, inside = rotated(x[part]), among(dependence, part)
        with warnings.catch_warnings():
            # A class of fewer rows than folds is no reason to say nothing of the others.
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            folds = assign_folds(len(part), FOLDS, labels[number], inside, rng)
        for fold in np.unique(folds):
            rows, asked = outside(folds, fold, inside), folds == fold
            heads.append(
                _Head(int(number), columns[rows], labels[number][rows], columns[asked], asked)
            )
    trainer = _Trainer.of(heads, n_classes)
    best = [np.zeros((len(part), n_classes)) for part in parts]
    least, chosen = np.full(len(parts), np.inf), [tried[0]] * len(parts)
    turned = np.zeros(len(parts), dtype=bool)
    for penalty in tried:
        logits = [np.empty_like(one) for one in best]
        for head, theta in zip(heads, trainer.train(penalty), strict=True):
            theta = sums.contrasts(n_classes) @ theta[:, : head.told.shape[1]]
            logits[head.part][head.asked] = head.told @ theta.T
        for number in np.flatnonzero(~turned).tolist():
            loss = evaluate_loss(logits[number], labels[number])
            turned[number] = loss >= least[number]
            if not turned[number]:
                best[number], least[number], chosen[number] = logits[number], loss, penalty
        if turned.all():
            break
    return best, chosen


@dataclass(frozen=True, eq=False)
class _Head:
    """A head that leaves a fold of a part out."""

    part: int
    x: FloatArray
    """Columns of the rows that it learns from."""
    y: IntArray
    told: FloatArray
    """Columns of the rows of the fold."""
    asked: IntArray
    """Which rows of the part they are."""


@dataclass(eq=False)
class _Trainer:
    """Heads side by side, from one penalty to the next."""

    heads: Sequence[_Head]
    n_classes: int
    stack: Stack | None
    """None: too many parameters for Newton's method."""
    thetas: Sequence[FloatArray] | FloatArray | None = None
    factors: list[Factor | None] | None = None

    @classmethod
    def of(cls, heads: Sequence[_Head], n_classes: int) -> "_Trainer":
        """Return what trains some heads."""
        widest = max(head.x.shape[1] for head in heads)
        if (n_classes - 1) * widest > MOST_NEWTON:
            return cls(heads, n_classes, None)
        x, y = [head.x for head in heads], [head.y for head in heads]
        return cls(heads, n_classes, Stack.of(x, y, n_classes))

    def train(self, penalty: float) -> Sequence[FloatArray] | FloatArray:
        """Return the parameters (K - 1, d + 1) of every head."""
        if self.stack is not None:
            start = None if self.thetas is None else np.asarray(self.thetas)
            self.thetas, self.factors = fit_stack(self.stack, penalty, start, self.factors)
            return self.thetas
        starts = [None] * len(self.heads) if self.thetas is None else self.thetas
        self.thetas = [
            _descend(head.x, Lesson(head.y, self.n_classes), penalty, start)
            for head, start in zip(self.heads, starts, strict=True)
        ]
        return self.thetas


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
    (told,), _ = teacher_logits(x, y, n_classes, [many], dependence, rng, [penalty])
    columns = rotated(x, many)
    lesson = Lesson(y[many], n_classes)
    if (n_classes - 1) * columns.shape[1] <= MOST_NEWTON:
        theta = fit(Rows.of(columns[many]), lesson, penalty, accuracy=ROUGH).theta
    else:
        theta = _descend(columns[many], lesson, penalty, None)
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


def _descend(x: FloatArray, lesson: Lesson, penalty: float, start: FloatArray | None) -> FloatArray:
    """Return parameters (K - 1, d + 1) of a penalised softmax head by a quasi-Newton method."""
    shape = (lesson.n_classes - 1, x.shape[1])
    weights, basis = penalties(shape, penalty), sums.contrasts(lesson.n_classes)

    def value_and_slope(flat: FloatArray) -> tuple[float, FloatArray]:
        theta = flat.reshape(shape)
        state = evaluate(theta, x, lesson)
        slope = basis.T @ (state.gradient(lesson).T @ x) / len(x) + weights * theta
        return state.value + 0.5 * float((weights * theta**2).sum()), slope.ravel()

    begin = np.zeros(shape) if start is None else start
    found = minimize(value_and_slope, begin.ravel(), jac=True, method="L-BFGS-B")
    return np.asarray(found.x.reshape(shape))
