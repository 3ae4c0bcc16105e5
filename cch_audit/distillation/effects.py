"""From differences over rows and repetitions to a change with its interval, and to an outcome."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from scipy import stats

from cch_audit.results import Cause, Change, Outcome
from cch_audit.rows import BoolArray, FloatArray, IntArray

LOOK = 6
"""Repetitions between two looks at the interval."""
TUNED_FOR = 24
"""Repetitions at which the confidence sequence is narrowest."""
FEW_UNITS = 6
"""Units that differ; of fewer a normal distribution says nothing."""
FIRST_ORDER = 1 / 3
"""Share of what training rows do to a difference that each does by itself, at most. Two students
near one optimum differ by products of rows' influences, so that it is small: `tests.bench.outcomes`
measures 0 to .3 of the correction that a share of 1 makes."""


@dataclass(frozen=True)
class Tally:
    """Sums over repetitions of what every unit, a row or a group, showed of some differences."""

    sums: FloatArray
    """(C, U) for each of C differences, over the repetitions that score a unit."""
    squares: FloatArray
    """(C, U)"""
    counts: FloatArray
    """(U,) repetitions that score a unit."""
    differs: BoolArray
    """(C, U) whether a unit ever differs."""
    means: FloatArray
    """(R, C) difference in each repetition."""
    n_test: FloatArray
    """(R,) units of a repetition."""

    @classmethod
    def of(cls, values: FloatArray, units: IntArray, n_units: int) -> "Tally":
        """Tally one repetition.

        Parameters
        ----------
        values : (C, n) differences row by row
        units : (n,) codes of the rows' units
        n_units : U, of the whole sample

        The values of a unit are summed as influences on the mean over rows, so that units of
        different sizes count by their rows: v_g = m + (G / n) sum_{i in g} (d_i - m).
        """
        mean = values.mean(axis=1)
        seen = np.unique(units)
        summed = np.zeros((len(values), n_units))
        for number, row in enumerate(values - mean[:, None]):
            summed[number] = np.bincount(units, row, n_units)
        centred = len(seen) / values.shape[1] * summed
        counts = np.zeros(n_units)
        counts[seen] = 1.0
        ever = np.zeros((len(values), n_units), dtype=bool)
        for number, row in enumerate(np.abs(values)):
            ever[number] = np.bincount(units, row, n_units) > 0
        return cls(
            sums=centred,
            squares=centred**2,
            counts=counts,
            differs=ever,
            means=mean[None],
            n_test=np.array([float(len(seen))]),
        )

    def plus(self, other: "Tally") -> "Tally":
        """Return both together."""
        return Tally(
            self.sums + other.sums,
            self.squares + other.squares,
            self.counts + other.counts,
            self.differs | other.differs,
            np.vstack([self.means, other.means]),
            np.concatenate([self.n_test, other.n_test]),
        )

    @property
    def n_repetitions(self) -> int:
        """How many repetitions were tallied."""
        return len(self.means)

    @property
    def n_units(self) -> int:
        """How many units the sample has."""
        return len(self.counts)


def changes(
    tally: Tally, overlap: float, confidence_level: float, largest: float
) -> tuple[Change, ...]:
    """Return each difference with an interval for its mean over populations of rows.

    A difference in repetition r at unit i is m + a_r + b_i + e_ri: of the training rows, of the
    unit, of both. The mean over R repetitions and all units has

        SE^2 = s_R^2 / R + s_T^2 rho' / (1 - rho') + s_b^2 / U

    with s_R^2 the variance of the repetitions' means, s_b^2 that of the units' means less its own
    noise, and s_T^2 what is left of s_R^2 without the noise of the scored units. That is
    s_a^2 (1 - rho'), where rho' is how alike the effects of two training sets are that share a part
    rho of their rows: sum_k f_k rho^k, with f_k the share of order k of a symmetric function of
    rows (Hoeffding 1948, section 5). Nadeau and Bengio (2003) correct by f_1 = 1; here the first
    order has the share `FIRST_ORDER`, and higher ones are left out. Only the first
    term falls with more repetitions. It has the radius of an asymptotic confidence sequence
    (Waudby-Smith et al. 2021), which holds at every look, the others a t quantile.

    Where fewer than a few units ever differ, the interval is at least as wide as if one of the
    unseen ones did: the share of those is below -log(alpha / 2) / U (the rule of three).

    Parameters
    ----------
    tally : of all repetitions
    overlap : rho, the part of its training rows that a repetition shares with another one
    confidence_level : 1 - alpha
    largest : by how much a row can differ
    """
    n_repetitions, n_units = tally.n_repetitions, tally.n_units
    alpha = 1 - confidence_level
    estimate = tally.means.mean(axis=0)
    spread = tally.means.var(axis=0, ddof=1)
    seen = tally.counts > 0
    counts = tally.counts[seen]
    averages = tally.sums[:, seen] / counts
    # What a unit shows in one repetition and not in another, over all units.
    noise = (tally.squares[:, seen] - counts * averages**2).sum(axis=1)
    noise /= max(1.0, (counts - 1).sum())
    of_units = averages.var(axis=1, ddof=1) - noise * (1 / counts).mean()
    of_units = np.maximum(of_units, 0.0)
    n_test = tally.n_test.mean()
    # Units that only some repetitions score move the repetitions' means, too.
    scored = noise / n_test + of_units * max(0.0, 1 / n_test - 1 / n_units)
    of_training = np.maximum(spread - scored, 0.0)
    alike = FIRST_ORDER * overlap
    kept = of_training * alike / (1 - alike) + of_units / n_units
    quantile = stats.t.ppf(1 - alpha / 2, max(1, int(seen.sum()) - 1))
    widths = np.hypot(radius(np.sqrt(spread), n_repetitions, alpha), quantile * np.sqrt(kept))
    few = tally.differs.sum(axis=1) < FEW_UNITS
    widths = np.where(few, np.maximum(widths, -np.log(alpha / 2) / n_units * largest), widths)
    variance = spread / n_repetitions + kept
    return tuple(
        Change(
            estimate=float(mean),
            low=float(mean - width),
            high=float(mean + width),
            standard_error=float(np.sqrt(total)),
            irreducible=float(fixed / total) if total > 0 else 1.0,
        )
        for mean, width, total, fixed in zip(estimate, widths, variance, kept, strict=True)
    )


def over_seeds(
    differences: FloatArray, confidence_level: float, *, sequential: bool, resolution: float = 0.0
) -> Change:
    """Return the mean of paired differences of whole training runs, for which no rows are known.

    Parameters
    ----------
    differences : (n_seeds,) one arm minus the other, seed by seed
    confidence_level : of the interval
    sequential : whether runs were added until the outcome was decided, so that the interval must
        hold at every look; else it is that of Student's t
    resolution : a spread that is at least there; equal differences are no certainty
    """
    n_seeds = len(differences)
    alpha = 1 - confidence_level
    spread = max(float(differences.std(ddof=1)), resolution)
    error = spread / np.sqrt(n_seeds)
    mean = float(differences.mean())
    if sequential:
        width = float(radius(np.array(spread), n_seeds, alpha))
    else:
        width = float(stats.t.ppf(1 - alpha / 2, n_seeds - 1) * error)
    return Change(mean, mean - width, mean + width, error, irreducible=None)


def radius(spread: FloatArray, n_repetitions: int, alpha: float) -> FloatArray:
    """Return the radius of an asymptotic confidence sequence of a mean.

    s sqrt((R q + 1) / (R^2 q) log((R q + 1) / alpha^2)) with q tuned for some number of repetitions
    (Waudby-Smith et al. 2021, equation 14), widened by t quantiles, since s is estimated.
    """
    tuned = -2 * np.log(alpha) + np.log(-2 * np.log(alpha) + 1)
    q = tuned / TUNED_FOR
    n = n_repetitions
    widened = stats.t.ppf(1 - alpha / 2, n - 1) / stats.norm.ppf(1 - alpha / 2)
    factor = np.sqrt((n * q + 1) / (n**2 * q) * np.log((n * q + 1) / alpha**2))
    return np.asarray(spread * factor * widened)


def judge_gain(gain: Change, min_effect: float) -> Outcome:
    """Return the outcome of a change whose positive values are improvements.

    Helps or hurts: the interval excludes zero, and the change matters. No change: neither, and a
    gain that matters is excluded. Undecided: the interval is too wide for that.
    """
    if gain.low > 0 and gain.estimate >= min_effect:
        return "helps"
    if gain.high < 0 and gain.estimate <= -min_effect:
        return "hurts"
    return "no_change" if gain.high < min_effect else "undecided"


def judge_cause(advantages: Collection[Change], min_effect: float) -> Cause:
    """Say why a student gains, from its advantages over the controls, improvements positive.

    Transfer: better than every control. Regularisation: over some control an advantage that
    matters is excluded. Without controls it is unclear.
    """
    if advantages and all(advantage.low > 0 for advantage in advantages):
        return "transfer"
    if any(advantage.high < min_effect for advantage in advantages):
        return "regularisation"
    return "unclear"


def still_needed(
    gain: Change, min_effect: float, n_repetitions: int, n_rows: int | None
) -> tuple[int | None, int | None]:
    """Return about how many more rows, or else how many more repetitions, would decide a gain.

    If the estimate stays what it is, the interval must become narrow enough to exclude zero, or a
    gain that matters. Repetitions narrow their own part of it alone; rows all of it.

    Parameters
    ----------
    gain : undecided, improvements positive
    n_repetitions, n_rows : that it comes from

    Returns
    -------
    more_rows, more_repetitions : at most one is not None; neither where it cannot be said
    """
    wanted = max(abs(gain.estimate), abs(min_effect - gain.estimate), min_effect / 4)
    width = max(gain.high - gain.estimate, 1e-12)
    if wanted <= 0:
        return None, None
    shrink = (wanted / width) ** 2
    if shrink >= 1:  # two bounds are in the way, and the estimate must move
        shrink = 0.5
    fixed = 0.0 if gain.irreducible is None else gain.irreducible
    if fixed < 0.9 * shrink:
        total = n_repetitions * (1 - fixed) / (shrink - fixed)
        if total <= 20 * n_repetitions:
            return None, max(1, round(total - n_repetitions))
    if n_rows is None:
        return None, None
    return max(1, round(n_rows * (1 / shrink - 1))), None
