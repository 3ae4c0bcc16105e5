"""Students refitted to parts of the rows, where rows are few for the parameters.

A refit is unbiased for the risk of n rows, and noisy. The quadratic approximation about theta_w is
exact in its mean and moves with the refit from part to part, so that the mean of their difference
over a few parts is what the expansion lacks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cch_audit.forecasting import sums
from cch_audit.forecasting.draws import others
from cch_audit.forecasting.local import Local
from cch_audit.forecasting.softmax import Factor, Lesson, softmax
from cch_audit.forecasting.stacks import Stack, fit_stack
from cch_audit.rows import FloatArray, IntArray

MOST_SCORED = 1500
"""Rows that a refit is scored on, at most."""


@dataclass(frozen=True, eq=False)
class Refits:
    """Parts of n rows, each with other rows to score on."""

    parts: tuple[IntArray, ...]
    stack: Stack
    """The rows of all parts and their labels."""
    scored: tuple[IntArray, ...]

    @classmethod
    def of(
        cls,
        x: FloatArray,
        y: IntArray,
        n_classes: int,
        parts: list[IntArray],
        rng: np.random.Generator,
    ) -> "Refits":
        """Return the refits to some parts of rows (n_samples, d + 1) with class codes."""
        scored = []
        for part in parts:
            left = others(part, len(x))
            scored.append(np.sort(rng.permutation(left)[:MOST_SCORED]))
        stack = Stack.of([x[part] for part in parts], [y[part] for part in parts], n_classes)
        return cls(tuple(parts), stack, tuple(scored))

    def residual(
        self,
        local: Local,
        lesson: Lesson,
        penalty: float,
        soft: Sequence[FloatArray] | None = None,
        factors: list[Factor | None] | None = None,
    ) -> FloatArray:
        """Return loss of the refit less that of the approximation, for each part.

        Parameters
        ----------
        local : the approximation about the student of all rows
        lesson, penalty : what that student learnt from
        soft : for each part what its own teacher says to its rows, (n_part, K); None: as to all
        factors : of the Hessian of each part at the cell before, replaced by those of this one

        Returns
        -------
        (n_parts,) nats
        """
        steps = [local.step(part) for part in self.parts]
        stack = self.stack
        if lesson.soft is not None:
            known = [lesson.soft[part] for part in self.parts] if soft is None else soft
            stack = stack.taught(known, lesson.temperature, lesson.weight)
        start = local.fitted.theta + np.stack(steps)
        if factors is None:
            factors = [local.fitted.factor] * len(self.parts)
        thetas, factors[:] = fit_stack(stack, penalty, start, factors)
        basis = sums.contrasts(lesson.n_classes)
        residual = np.empty(len(self.parts))
        for number, (theta, scored) in enumerate(zip(thetas, self.scored, strict=True)):
            logits = (basis @ theta @ local.x[scored].T).T
            loss = softmax(logits)[1] - logits[np.arange(len(scored)), lesson.y[scored]]
            residual[number] = loss.mean() - local.loss(steps[number], scored)
        return residual
