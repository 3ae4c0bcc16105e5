"""Penalised softmax heads of like problems, fitted side by side by Newton's method.

What `softmax.fit` does for one problem at a time: for small problems most of its time goes into
calls. Rows come last in memory, as sums over few classes are fast there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cch_audit.forecasting import sums
from cch_audit.forecasting.softmax import (
    MOST_STEPS,
    ROUGH,
    SLOW,
    STEP_JITTER,
    Factor,
    factorised,
    penalties,
    softmax,
    solved,
)
from cch_audit.rows import FloatArray, IntArray

FEW_CLASSES = 3
"""Up to which Hessians are summed block by block."""
MOST_LEFT = 0.5
"""Share of problems that are not done at which those that are done are put aside."""
MOST_NUMBERS = 1_000_000
"""Numbers that the second derivatives of a stack hold, about; more problems take turns."""


@dataclass(frozen=True, eq=False)
class Stack:
    """B problems of as many rows, columns and classes; shorter ones are filled up with no rows."""

    x: FloatArray
    """(B, n, d + 1), the intercept first."""
    share: FloatArray
    """(B, 1, n) share of each row in the mean loss, 0 where there is none."""
    labels: FloatArray
    """(B, K, n), one for the label of a row."""
    pairs: FloatArray | None
    """Products of columns, (B, n, (d + 1)(d + 2) / 2); None for so few classes that they cost."""
    soft: FloatArray | None = None
    """tau = softmax(t / T), (B, K, n); None where w = 0."""
    temperature: float = 1.0
    weight: float = 0.0

    @classmethod
    def of(cls, x: Sequence[FloatArray], y: Sequence[IntArray], n_classes: int) -> "Stack":
        """Return problems with rows (n_b, d_b) and class codes (n_b,), the columns filled up."""
        n, d = (max(one.shape[axis] for one in x) for axis in (0, 1))
        rows, share = np.zeros((len(x), n, d)), np.zeros((len(x), 1, n))
        labels = np.zeros((len(x), n_classes, n))
        for number, (of_x, of_y) in enumerate(zip(x, y, strict=True)):
            rows[number, : len(of_x), : of_x.shape[1]] = of_x
            share[number, 0, : len(of_x)] = 1 / len(of_x)
            labels[number, of_y, np.arange(len(of_y))] = 1.0
        if n_classes <= FEW_CLASSES:
            return cls(rows, share, labels, None)
        first, second = sums.pairs(d)
        return cls(rows, share, labels, rows[:, :, first] * rows[:, :, second])

    @property
    def n_classes(self) -> int:
        """K."""
        return int(self.labels.shape[1])

    def taught(self, soft: Sequence[FloatArray], temperature: float, weight: float) -> "Stack":
        """Return the same problems with soft labels (n_b, K) of each."""
        filled = np.zeros_like(self.labels)
        for number, one in enumerate(soft):
            filled[number, :, : len(one)] = one.T
        return replace(self, soft=filled, temperature=temperature, weight=weight)

    def take(self, which: IntArray) -> "Stack":
        """Return some of the problems."""
        return replace(
            self,
            x=self.x[which],
            share=self.share[which],
            labels=self.labels[which],
            pairs=None if self.pairs is None else self.pairs[which],
            soft=None if self.soft is None else self.soft[which],
        )

    def evaluate(self, theta: FloatArray) -> tuple[FloatArray, FloatArray, tuple[FloatArray, ...]]:
        """Return mean losses (B,), u of every row times its share (B, K, n), and p and p_T."""
        logits = (sums.contrasts(self.n_classes) @ theta) @ self.x.transpose(0, 2, 1)
        p, norm = softmax(logits)
        hard = 1 - self.weight
        value = hard * (norm - (self.labels * logits).sum(axis=1))
        pull = hard * (p - self.labels)
        if self.soft is None:
            return (value * self.share[:, 0]).sum(axis=1), pull * self.share, (p,)
        t = self.temperature
        logits /= t
        p_soft, norm = softmax(logits)
        value += self.weight * t**2 * (norm - (self.soft * logits).sum(axis=1))
        pull += self.weight * t * (p_soft - self.soft)
        return (value * self.share[:, 0]).sum(axis=1), pull * self.share, (p, p_soft)

    def hessians(self, chances: tuple[FloatArray, ...]) -> FloatArray:
        """Return the mean of A for every problem, (B, (K - 1)(d + 1), (K - 1)(d + 1))."""
        basis, q, d = sums.contrasts(self.n_classes), self.n_classes - 1, self.x.shape[2]
        parts = (1 - self.weight, self.weight)[: len(chances)]
        mixed = sum(part * p for part, p in zip(parts, chances, strict=True))
        shared = np.asarray(sums.products(basis).T @ mixed)
        for part, p in zip(parts, chances, strict=True):
            mean, place = basis.T @ p, 0
            for a in range(q):  # the pairs (a, a), (a, a + 1), ...
                shared[:, place : place + q - a] -= part * mean[:, a : a + 1] * mean[:, a:]
                place += q - a
        shared *= self.share
        if self.pairs is None:
            x = self.x
            matrix = np.empty((len(x), q, d, q, d))
            for number, (a, b) in enumerate(zip(*sums.pairs(q), strict=True)):
                block = (x * shared[:, number, :, None]).transpose(0, 2, 1) @ x
                matrix[:, a, :, b], matrix[:, b, :, a] = block, block
            return matrix.reshape(len(x), q * d, q * d)
        summed = shared @ self.pairs
        places = sums.kronecker_places(q, d)
        return np.asarray(summed.reshape(len(summed), -1)[:, places])


def fit_stack(
    stack: Stack,
    penalty: float,
    start: FloatArray | None = None,
    factors: list[Factor | None] | None = None,
    accuracy: float = ROUGH,
) -> tuple[FloatArray, list[Factor | None]]:
    """Minimise the mean loss plus penalty / 2 |Theta without intercept|^2 of every problem.

    Parameters
    ----------
    stack : the problems
    penalty : of the mean loss
    start : parameters (B, K - 1, d + 1) to start from; None: zero
    factors : of the Hessians of like problems, kept as long as their steps do well
    accuracy : what the last step may promise, nats

    Returns
    -------
    parameters (B, K - 1, d + 1), and factors of Hessians near the minima
    """
    n_problems, q, d = len(stack.x), stack.n_classes - 1, stack.x.shape[2]
    start = np.zeros((n_problems, q, d)) if start is None else start
    factors = [None] * n_problems if factors is None else factors
    numbers = stack.x.shape[1] * (q * (q + 1) + d * (d + 1)) // 2
    most = max(1, MOST_NUMBERS // numbers)
    found, theta = list(factors), start.copy()
    for first in range(0, n_problems, most):
        which = np.arange(first, min(first + most, n_problems))
        known = [factors[number] for number in which]
        theta[which], known = _fit(stack.take(which), penalty, start[which], known, accuracy)
        found[first : first + most] = known
    return theta, found


def _fit(
    stack: Stack,
    penalty: float,
    theta: FloatArray,
    factors: list[Factor | None],
    accuracy: float,
) -> tuple[FloatArray, list[Factor | None]]:
    """Fit problems of one turn."""
    weights, basis = penalties(theta.shape[1:], penalty), sums.contrasts(stack.n_classes)
    theta, before = theta.copy(), np.full(len(theta), np.inf)
    active = np.arange(len(theta))
    known = stack
    value, pull, chances = known.evaluate(theta)
    value = value + _penalty(weights, theta)
    for _ in range(MOST_STEPS):
        slope = basis.T @ (pull @ known.x) + weights * theta[active]
        _factorise(known, chances, weights, factors, active)
        step = np.stack(
            [
                solved(factor, one.ravel()).reshape(one.shape)
                for number, one in zip(active, slope, strict=True)
                if (factor := factors[number]) is not None
            ]
        )
        promised = (step * slope).sum(axis=(1, 2)) / 2
        size = np.ones(len(active))
        while True:
            candidate = theta[active] - size[:, None, None] * step
            new, pull, chances = known.evaluate(candidate)
            new = new + _penalty(weights, candidate)
            short = (new > value + 1e-12) & (size >= 1e-4)
            if not short.any():
                break
            size[short] /= 2
        theta[active], value = candidate, new
        going = promised >= accuracy
        stale = (promised > SLOW * before[active]) | (size < 1)
        before[active] = np.where(stale, np.inf, promised)
        for number in active[stale & going]:
            factors[number] = None
        if not going.any():
            break
        if going.mean() <= MOST_LEFT:
            left = np.flatnonzero(going)
            active, value, pull = active[left], value[left], pull[left]
            known, chances = known.take(left), tuple(p[left] for p in chances)
    return theta, factors


def _factorise(
    stack: Stack,
    chances: tuple[FloatArray, ...],
    weights: FloatArray,
    factors: list[Factor | None],
    active: IntArray,
) -> None:
    """Compute the factors that are missing."""
    missing = np.array([factors[number] is None for number in active])
    if not missing.any():
        return
    if missing.all():
        matrices = stack.hessians(chances)
    else:
        which = np.flatnonzero(missing)
        matrices = stack.take(which).hessians(tuple(p[which] for p in chances))
    added = np.diag(weights.ravel() + STEP_JITTER)
    for number, matrix in zip(active[missing], matrices, strict=True):
        factors[number] = factorised(matrix + added)


def _penalty(weights: FloatArray, theta: FloatArray) -> FloatArray:
    return np.asarray((weights * theta**2).sum(axis=(1, 2)) / 2)
