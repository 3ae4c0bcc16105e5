"""The penalised softmax student: its loss with a teacher, and the fit by Newton's method."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from cch_audit.forecasting import sums
from cch_audit.rows import FloatArray, IntArray

INTERCEPT_PENALTY = 1e-9
"""Keeps the intercept of a class without rows finite."""
MOST_STEPS = 100
LEAST_FRESH = 1e-9
"""A Newton step that promises less leaves about its square."""
LEAST_STALE = 1e-12
"""What the last step with the Hessian of another place may promise, nats."""
ROUGH = 1e-8
"""The same where the loss alone counts, not the place of its minimum."""
SLOW = 0.3
"""A kept Hessian is given up where a step promises more than this share of the one before."""

MEMORY = 15
"""Steps that are remembered."""
RENEWED = 4
"""Steps after which a Hessian of some rows is given up where a step goes too far."""
STEP_JITTER = 1e-9
"""Added to the diagonal of the Hessian of a step: a class without rows leaves it near singular."""

Factor = FloatArray
"""Upper triangle of a Cholesky decomposition; what stands below it is anything."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Student rows, and the part of them that second derivatives are averaged over."""

    x: FloatArray
    """(n_samples, d + 1), the intercept first."""
    curved: IntArray
    """Numbers of the rows that second-order terms are averaged over."""
    pairs: FloatArray
    """Products of the columns of those rows, (n_curved, (d + 1)(d + 2) / 2)."""

    @classmethod
    def of(cls, x: FloatArray, curved: IntArray | None = None) -> "Rows":
        """Return rows (n_samples, d + 1); where none are named all of them are curved."""
        curved = np.arange(len(x)) if curved is None else curved
        return cls(x, curved, sums.products(x[curved]))

    @property
    def is_exact(self) -> bool:
        """Whether second derivatives are averaged over all rows."""
        return len(self.curved) == len(self.x)

    def take(self, rows: IntArray) -> "Rows":
        """Return some of the rows, no more of them curved than here."""
        if self.is_exact:
            return Rows(self.x[rows], np.arange(len(rows)), self.pairs[rows])
        n_curved = min(len(rows), len(self.curved))
        spread = np.linspace(0, len(rows) - 1, n_curved).round().astype(np.int64)
        return Rows.of(self.x[rows], spread)


@dataclass(frozen=True, eq=False)
class Lesson:
    """What a student learns from: (1 - w) CE(y, p) + w T^2 KL(tau || p_T)."""

    y: IntArray
    """Class codes (n_samples,)."""
    n_classes: int
    soft: FloatArray | None = None
    """tau = softmax(t / T), (n_samples, K); None where w = 0."""
    temperature: float = 1.0
    weight: float = 0.0

    def take(self, rows: IntArray) -> "Lesson":
        """Return the lesson of some rows."""
        soft = None if self.soft is None else self.soft[rows]
        return Lesson(self.y[rows], self.n_classes, soft, self.temperature, self.weight)


@dataclass(frozen=True, eq=False)
class State:
    """A student at its parameters: what loss, gradient and Hessian need of every row."""

    logits: FloatArray
    """(n_samples, K)."""
    p: FloatArray
    p_soft: FloatArray | None
    """softmax(z / T); None where w = 0."""
    loss: FloatArray
    """-log p_y of every row, (n_samples,), nats."""
    value: float
    """Mean of L_w without the penalty, up to the teacher's entropy."""

    def hessian_pairs(self, lesson: Lesson, rows: IntArray) -> FloatArray:
        """Return the pairs of (1 - w) W(p) + w W(p_T) for some rows."""
        plain = sums.covariance_pairs(self.p[rows])
        if self.p_soft is None:
            return plain
        soft = sums.covariance_pairs(self.p_soft[rows])
        return (1 - lesson.weight) * plain + lesson.weight * soft

    def error(self, lesson: Lesson) -> FloatArray:
        """Return p - y, (n_samples, K)."""
        error = self.p.copy()
        error[np.arange(len(error)), lesson.y] -= 1.0
        return error

    def gradient(self, lesson: Lesson) -> FloatArray:
        """Return u = (1 - w) (p - y) + w T (p_T - tau), (n_samples, K)."""
        error = self.error(lesson)
        if self.p_soft is None or lesson.soft is None:
            return error
        pull = lesson.weight * lesson.temperature * (self.p_soft - lesson.soft)
        return (1 - lesson.weight) * error + pull


def softmax(logits: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return probabilities (n_samples, K, ...) and log sum exp (n_samples, ...) of logits."""
    highest = logits.max(axis=1, keepdims=True)
    p = np.exp(logits - highest)
    total = p.sum(axis=1, keepdims=True)
    p /= total
    return p, (highest + np.log(total))[:, 0]


def evaluate(theta: FloatArray, x: FloatArray, lesson: Lesson) -> State:
    """Return the state of a student with parameters (K - 1, d + 1) in contrasts."""
    logits = ((sums.contrasts(lesson.n_classes) @ theta) @ x.T).T
    p, norm = softmax(logits)
    loss = norm - logits[np.arange(len(logits)), lesson.y]
    if lesson.soft is None:
        return State(logits, p, None, loss, float(loss.mean()))
    scaled = logits / lesson.temperature
    p_soft, norm = softmax(scaled)
    # -sum tau log p_T is KL(tau || p_T) up to the entropy of tau.
    crossed = float(norm.mean() - np.vdot(lesson.soft, scaled) / len(scaled))
    value = (1 - lesson.weight) * float(loss.mean())
    value += lesson.weight * lesson.temperature**2 * crossed
    return State(logits, p, p_soft, loss, value)


def penalties(shape: tuple[int, int], penalty: float) -> FloatArray:
    """Return the penalty of each parameter, (K - 1, d + 1): none to speak of on the intercept."""
    weights = np.full(shape, penalty)
    weights[:, 0] = INTERCEPT_PENALTY
    return weights


def hessian(state: State, rows: Rows, lesson: Lesson, penalty: FloatArray) -> FloatArray:
    """Return H = mean of A + penalty, A = [(1 - w) W(p) + w W(p_T)] (x) x x'."""
    curvature = state.hessian_pairs(lesson, rows.curved)
    matrix = sums.kronecker_mean(curvature, rows.pairs, *penalty.shape)
    matrix[np.diag_indices_from(matrix)] += penalty.ravel()
    return matrix


def factorised(matrix: FloatArray) -> Factor:
    """Return the Cholesky factor of a positive definite matrix.

    Raises
    ------
    numpy.linalg.LinAlgError
        If it is not positive definite.
    """
    factor, failed = lapack.dpotrf(matrix, clean=False)
    if failed:
        raise np.linalg.LinAlgError("the Hessian of the loss is not positive definite")
    return np.asarray(factor)


def solved(factor: Factor, right: FloatArray) -> FloatArray:
    """Return the solution of a system whose matrix was factorised."""
    return np.asarray(lapack.dpotrs(factor, right)[0])


@dataclass(frozen=True, eq=False)
class Fitted:
    """A student at the minimum of its loss."""

    theta: FloatArray
    """Parameters (K - 1, d + 1) in contrasts."""
    state: State
    factor: Factor | None
    """Cholesky factor of a Hessian near the minimum, to start another fit with, if there is one."""


def fit(
    rows: Rows,
    lesson: Lesson,
    penalty: float,
    start: FloatArray | None = None,
    factor: Factor | None = None,
    accuracy: float = LEAST_STALE,
) -> Fitted:
    """Minimise the mean loss plus penalty / 2 |Theta without intercept|^2 by Newton's method.

    A Hessian is kept as long as its steps do well. One of some rows stays: what it lacks is learnt
    from the steps that were made (Nocedal 1980, limited-memory BFGS with it for a start).

    Parameters
    ----------
    rows : student rows
    lesson : labels and teacher
    penalty : of the mean loss
    start : parameters (K - 1, d + 1) to start from; None: zero
    factor : of the Hessian of a like problem; None: computed
    accuracy : what the last step may promise, nats
    """
    shape = (lesson.n_classes - 1, rows.x.shape[1])
    weights = penalties(shape, penalty)
    basis = sums.contrasts(lesson.n_classes)
    theta = np.zeros(shape) if start is None else start
    state = evaluate(theta, rows.x, lesson)
    value = state.value + 0.5 * float((weights * theta**2).sum())
    fresh, before, is_own, age = False, np.inf, False, 0
    past: deque[tuple[FloatArray, FloatArray]] = deque(maxlen=MEMORY)
    last: tuple[FloatArray, FloatArray] | None = None
    for _ in range(MOST_STEPS):
        slope = basis.T @ (state.gradient(lesson).T @ rows.x) / len(rows.x) + weights * theta
        if factor is None:
            matrix = hessian(state, rows, lesson, weights)
            matrix[np.diag_indices_from(matrix)] += STEP_JITTER
            factor = factorised(matrix)
            fresh, is_own, age = rows.is_exact, True, 0
        if last is not None and not rows.is_exact:
            past.append((theta - last[0], slope - last[1]))
        last = theta, slope
        step = _direction(factor, slope, past)
        promised = float(np.vdot(step, slope)) / 2
        may_renew = rows.is_exact or not is_own
        if not fresh and promised > SLOW * before and may_renew:
            factor, before, last = None, np.inf, None
            continue
        size = 1.0
        while True:
            candidate = theta - size * step
            reached = evaluate(candidate, rows.x, lesson)
            new = reached.value + 0.5 * float((weights * candidate**2).sum())
            if new <= value + 1e-12 or size < 1e-4:
                break
            size /= 2
        theta, state, value = candidate, reached, new
        if promised < max(LEAST_FRESH if fresh else 0.0, accuracy) or (fresh and size < 1e-4):
            break
        fresh, before = False, promised
        age += 1
        if size < 1 and (may_renew or age >= RENEWED):
            factor, before, last = None, np.inf, None
            past.clear()
    return Fitted(theta, state, factor)


def _direction(
    factor: Factor, slope: FloatArray, past: Sequence[tuple[FloatArray, FloatArray]]
) -> FloatArray:
    """Return H^-1 slope, H corrected by changes of parameters and of slopes in the past."""
    left, shares = slope, []
    for moved, turned in reversed(past):
        share = float(np.vdot(moved, left)) / float(np.vdot(moved, turned))
        left = left - share * turned
        shares.append(share)
    step = solved(factor, left.ravel()).reshape(slope.shape)
    for (moved, turned), share in zip(past, reversed(shares), strict=True):
        step = step + (share - float(np.vdot(turned, step)) / float(np.vdot(moved, turned))) * moved
    return step
