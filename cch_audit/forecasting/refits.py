"""Students refitted to parts of the rows, where rows are few for the parameters.

A refit is unbiased for the risk of n rows, and noisy. The quadratic approximation about theta_w is
exact in its mean and moves with the refit from part to part, so that the mean of their difference
over a few parts is what the expansion lacks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cch_audit.forecasting import sums
from cch_audit.forecasting.draws import others
from cch_audit.forecasting.local import Local
from cch_audit.forecasting.softmax import ROUGH, Factor, Lesson, Rows, fit, softmax
from cch_audit.rows import FloatArray, IntArray

MOST_SCORED = 1500
"""Rows that a refit is scored on, at most."""


@dataclass(frozen=True, eq=False)
class Refits:
    """Parts of n rows, each with other rows to score on."""

    parts: tuple[IntArray, ...]
    rows: tuple[Rows, ...]
    scored: tuple[IntArray, ...]

    @classmethod
    def of(cls, rows: Rows, parts: list[IntArray], rng: np.random.Generator) -> "Refits":
        """Return the refits to some parts of the rows."""
        scored = []
        for part in parts:
            left = others(part, len(rows.x))
            scored.append(np.sort(rng.permutation(left)[:MOST_SCORED]))
        return cls(tuple(parts), tuple(rows.take(part) for part in parts), tuple(scored))

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
        basis = sums.contrasts(lesson.n_classes)
        residual = np.empty(len(self.parts))
        factors = [local.fitted.factor] * len(self.parts) if factors is None else factors
        for number, (part, scored) in enumerate(zip(self.parts, self.scored, strict=True)):
            step = local.step(part)
            known = lesson.take(part)
            if soft is not None:
                known = replace(known, soft=soft[number])
            start, factor = local.fitted.theta + step, factors[number]
            fitted = fit(self.rows[number], known, penalty, start, factor, ROUGH)
            factors[number] = fitted.factor
            logits = local.x[scored] @ (basis @ fitted.theta).T
            loss = softmax(logits)[1] - logits[np.arange(len(scored)), lesson.y[scored]]
            residual[number] = loss.mean() - local.loss(step, scored)
        return residual
