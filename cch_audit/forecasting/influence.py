"""What each row contributes to the expansion, from which its interval follows."""

from dataclasses import dataclass

import numpy as np

from cch_audit.forecasting import sums
from cch_audit.forecasting.parts import Parts, summed_by_unit, third
from cch_audit.forecasting.softmax import Lesson, State
from cch_audit.rows import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Influence:
    """What each row contributes to the expansion; the mean of each is about zero."""

    limit: FloatArray
    """(n_samples,) to the risk in the population."""
    second_order: FloatArray
    """(n_samples,) to Q."""

    def risk(self, n: float) -> FloatArray:
        """Return what each row contributes to the risk of a student of n rows."""
        return self.limit + self.second_order / n


def influence_of(parts: Parts, lesson: Lesson, state: State) -> Influence:
    """Return the influence of every row on the risk in the population and on Q.

    Each term is differentiated in the weights of the rows, directly (l, W(p) S, g g', A, g_R) and
    through theta_w, which moves by -H^-1 g; of r' beta, which is small where distillation is, the
    second derivatives of the loss inside beta are held.
    """
    q, d = parts.shape
    x, curved, inverse, pairs = parts.x, parts.rows.curved, parts.inverse, parts.rows.pairs
    risk_hessian = parts.risk_hessian
    direction = inverse @ parts.slope
    along = parts.along(direction, x)
    tilted = _third_pairs(state, lesson, along, curved)
    tilt = sums.kronecker_mean(tilted, pairs, q, d)
    weights = inverse @ (risk_hessian - tilt) @ inverse
    weighted = parts.gradients @ weights  # (m, p)

    # Q: noise
    through = _symmetric(parts.sigma @ risk_hessian @ inverse)
    by_hessian = sums.quadratic(through, pairs, q, d)
    second = parts.noise + (parts.alone * weighted).sum(axis=1) / 2
    second -= sums.inner(parts.curvature, by_hessian, q)
    noisy = parts.gradients @ (inverse @ risk_hessian @ inverse)
    along_noise = np.einsum("nqd,nd->nq", noisy.reshape(len(x), q, d), x)
    of_noise = sums.third_cumulant(state.p[curved], parts.spread) / 2
    of_noise += sums.times(parts.curvature, along_noise)
    of_noise -= third(state, lesson, by_hessian, curved)
    # Q: shrinkage
    along_beta = parts.along(parts.beta, x)
    second += (parts.error[curved] * along_beta).sum(axis=1)
    second += (along * (parts.pulled - parts.third_order / 2)).sum(axis=1)
    second -= (along * sums.times(parts.curvature, along_beta)).sum(axis=1)
    slope_second = parts.mean(of_noise) + risk_hessian @ parts.beta

    # Optimism, -C = mean of g_R' H^-1 g
    errors = (parts.error[curved, :, None] * x[:, None, :]).reshape(len(x), -1)
    crossed = _symmetric(inverse @ (errors.T @ parts.gradients / len(x)) @ inverse)
    by_optimism = sums.quadratic(crossed, pairs, q, d)
    shared = parts.shared - sums.inner(parts.curvature, by_optimism, q)
    unit_errors = summed_by_unit(errors, parts.units) @ inverse
    along_error = np.einsum("nqd,nd->nq", unit_errors.reshape(len(x), q, d), x)
    of_optimism = sums.times(parts.of_risk, parts.moved)
    of_optimism += sums.times(parts.curvature, along_error)
    of_optimism -= third(state, lesson, by_optimism, curved)
    slope_optimism = parts.mean(of_optimism)

    n = len(parts.rows.x)

    def everywhere(values: FloatArray, slope: FloatArray) -> FloatArray:
        """Return centred influences of all rows: direct ones, and those through theta."""
        result = np.zeros(n)
        result[curved] = (values - values.mean()) * (n / len(curved))
        step = parts.along(inverse @ slope, parts.rows.x)
        moved = (parts.pull * step).sum(axis=1)
        return np.asarray(result - (moved - moved.mean()))

    q_influence = everywhere(second, slope_second)
    optimism = everywhere(shared, slope_optimism)
    step = (parts.pull * parts.along(direction, parts.rows.x)).sum(axis=1)
    limit = (state.loss - state.loss.mean()) - (step - step.mean()) + (optimism - q_influence) / n
    return Influence(limit, q_influence)


def _third_pairs(state: State, lesson: Lesson, along: FloatArray, rows: IntArray) -> FloatArray:
    """Return the pairs of M_i with v_i' k_i = <M_i, S_i>."""
    plain = sums.third_cumulant_pairs(state.p[rows], along)
    if state.p_soft is None:
        return plain
    soft = sums.third_cumulant_pairs(state.p_soft[rows], along)
    return (1 - lesson.weight) * plain + lesson.weight / lesson.temperature * soft


def _symmetric(matrix: FloatArray) -> FloatArray:
    return np.asarray((matrix + matrix.T) / 2)
