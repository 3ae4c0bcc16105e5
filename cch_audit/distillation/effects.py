"""From paired differences over seeds to a change with its interval, and to an outcome."""

import numpy as np
from scipy import stats

from cch_audit.results import Change, Outcome
from cch_audit.rows import FloatArray

N_RESAMPLES = 9999
"""Bootstrap resamples; sign flips are enumerated where there are fewer of them, up to 13 seeds."""
POWER = 0.8


def paired_change(
    differences: FloatArray, confidence_level: float, rng: np.random.Generator
) -> Change:
    """Return the mean of paired differences with its interval and the sign-flip p.

    The interval is the bias-corrected and accelerated bootstrap (BCa) over seeds (Efron 1987). The
    p is two-sided: the share of the assignments of signs to the differences whose mean is at least
    as far from zero.

    Parameters
    ----------
    differences : (n_seeds,) one arm minus the other, seed by seed
    confidence_level : of the interval
    rng : draws the resamples
    """
    mean, largest = float(differences.mean()), float(np.abs(differences).max())
    if np.ptp(differences) <= 1e-9 * largest:
        # Seeds that differ by rounding alone have no bootstrap distribution.
        p = 1.0 if mean == 0 else 0.5 ** (len(differences) - 1)
        return Change(mean, mean, mean, p)
    # In units of the largest, because the cubes that accelerate the bootstrap would underflow.
    scaled = (differences / largest,)
    interval = stats.bootstrap(
        scaled, np.mean, confidence_level=confidence_level, n_resamples=N_RESAMPLES, rng=rng
    ).confidence_interval
    flips = stats.permutation_test(
        scaled, np.mean, permutation_type="samples", n_resamples=N_RESAMPLES, rng=rng
    )
    low, high = largest * interval.low, largest * interval.high
    return Change(mean, float(low), float(high), float(flips.pvalue))


def smallest_detectable(differences: FloatArray, confidence_level: float) -> float:
    """Return the mean difference that a t test on so many seeds would detect with power 0.8.

    (t_{1 - alpha/2} + t_{power}) s / sqrt(n), with n - 1 degrees of freedom.
    """
    n = len(differences)
    quantiles = stats.t.ppf([(1 + confidence_level) / 2, POWER], n - 1)
    return float(quantiles.sum() * differences.std(ddof=1) / np.sqrt(n))


def judge_gain(gain: Change, confidence_level: float, min_effect: float) -> Outcome:
    """Return the outcome of a change whose positive values are improvements.

    Helps or hurts: the interval excludes zero and the sign-flip test rejects it; with few seeds the
    interval alone is too narrow. No detectable change: neither, and the interval excludes a gain
    that matters. Undecided: the interval is too wide for that.
    """
    if gain.p <= 1 - confidence_level + 1e-12 and not gain.low <= 0 <= gain.high:
        return "helps" if gain.low > 0 else "hurts"
    return "no_change" if gain.high < min_effect else "undecided"
