"""How well numbers foretell outcomes, with intervals that resample whole files."""

from collections.abc import Callable

import numpy as np
from scipy.stats import norm, t

from cch_audit.evidence.results import Estimate
from cch_audit.rows import BoolArray, FloatArray, IntArray

Statistic = Callable[[FloatArray], FloatArray]
"""From how often each file was drawn, (n_resamples, n_files), to values, nan where undefined."""

N_RESAMPLES = 2000
LEAST_FILES = 5
"""Of fewer, resamples that hold one file alone, n^-n of them for each, are more than the tail
outside a 95 % interval, whose ends would be what single files say."""
LEAST_DEFINED = 0.9
"""Share of the resamples in which a statistic must be defined for its interval to be."""
BLOCK = 256
"""Rows of a matrix of pairs that are in memory together."""


def balanced_accuracy(
    says_yes: BoolArray,
    helps: BoolArray,
    files: IntArray,
    confidence_level: float,
    rng: np.random.Generator,
) -> Estimate:
    """Return the mean of the shares of `helps` and of the others that were foretold.

    Parameters
    ----------
    says_yes, helps : (n_trials,) forecast and outcome
    files : (n_trials,) codes 0..n_files-1; whole files are resampled
    confidence_level : of the interval
    rng : draws the resamples
    """
    hits = [_sums(says_yes & helps, files), _sums(~says_yes & ~helps, files)]
    sizes = [_sums(helps, files), _sums(~helps, files)]

    def statistic(drawn: FloatArray) -> FloatArray:
        shares = [_ratio(drawn @ hit, drawn @ size) for hit, size in zip(hits, sizes)]
        return np.asarray((shares[0] + shares[1]) / 2)

    return _bootstrapped(statistic, files, confidence_level, rng)


def auc(
    values: FloatArray,
    helps: BoolArray,
    files: IntArray,
    confidence_level: float,
    rng: np.random.Generator,
) -> Estimate:
    """Return the chance that a value is larger where distillation helps; equal ones count half.

    Parameters
    ----------
    values, helps : (n_trials,) forecast and outcome
    files : (n_trials,) codes 0..n_files-1; whole files are resampled
    confidence_level : of the interval
    rng : draws the resamples
    """

    def wins(rows: IntArray) -> FloatArray:
        return np.asarray((1 + _signs(values, rows)) / 2 * (helps[rows, None] & ~helps))

    pairs = _pair_sums(wins, files)
    n_helps, n_others = _sums(helps, files), _sums(~helps, files)

    def statistic(drawn: FloatArray) -> FloatArray:
        return _ratio(_quadratic(drawn, pairs), (drawn @ n_helps) * (drawn @ n_others))

    return _bootstrapped(statistic, files, confidence_level, rng)


def kendall_tau(
    values: FloatArray,
    gains: FloatArray,
    files: IntArray,
    confidence_level: float,
    rng: np.random.Generator,
    within: IntArray | None = None,
) -> Estimate:
    """Return Kendall's tau-b: concordant less discordant pairs, corrected for ties.

    sum sign(dx) sign(dy) / sqrt(sum sign(dx)^2 sum sign(dy)^2) over pairs (Kendall 1945).

    Parameters
    ----------
    values, gains : (n_trials,) forecast and outcome
    files : (n_trials,) codes 0..n_files-1; whole files are resampled
    confidence_level : of the interval
    rng : draws the resamples
    within : (n_trials,) codes of groups inside files; only pairs of one group count
    """

    def sums(x: FloatArray, y: FloatArray) -> FloatArray:
        def products(rows: IntArray) -> FloatArray:
            signs = _signs(x, rows) * _signs(y, rows)
            return np.asarray(signs if within is None else signs * (within[rows, None] == within))

        return _pair_sums(products, files)

    parts = [sums(values, gains), sums(values, values), sums(gains, gains)]

    def statistic(drawn: FloatArray) -> FloatArray:
        # A file that is drawn twice is two files: no pair of one group spans both.
        found = [
            _quadratic(drawn, part) if within is None else drawn @ np.diag(part) for part in parts
        ]
        return _ratio(found[0], np.sqrt(found[1] * found[2]))

    return _bootstrapped(statistic, files, confidence_level, rng)


def first_choices(values: FloatArray, groups: IntArray) -> IntArray:
    """Return the trial with the largest value in each group of at least two, (n_choices,).

    Parameters
    ----------
    values : (n_trials,) by which is chosen
    groups : (n_trials,) codes 0..n_groups-1 of the trials that are chosen among
    """
    rows = [np.flatnonzero(groups == group) for group in range(int(groups.max(initial=-1)) + 1)]
    return np.array([one[values[one].argmax()] for one in rows if len(one) > 1], dtype=np.int64)


def regret(
    values: FloatArray,
    gains: FloatArray,
    files: IntArray,
    groups: IntArray,
    confidence_level: float,
    rng: np.random.Generator,
) -> tuple[Estimate, float | None]:
    """Return by how much first choices miss the best gain on average, and what random ones miss.

    Parameters
    ----------
    values, gains : (n_trials,) forecast and outcome
    files : (n_trials,) codes 0..n_files-1; whole files are resampled
    groups : (n_trials,) codes of the trials that are chosen among
    confidence_level : of the interval
    rng : draws the resamples
    """
    chosen = first_choices(values, groups)
    among = [gains[groups == groups[one]] for one in chosen]
    missed = np.array([rivals.max() for rivals in among]) - gains[chosen]
    n_files = int(files.max(initial=-1)) + 1
    sums = np.bincount(files[chosen], missed, minlength=n_files)
    sizes = np.bincount(files[chosen], minlength=n_files).astype(np.float64)

    def statistic(drawn: FloatArray) -> FloatArray:
        return _ratio(drawn @ sums, drawn @ sizes)

    of_any = [float(rivals.max() - rivals.mean()) for rivals in among]
    found = _bootstrapped(statistic, files, confidence_level, rng)
    return found, float(np.mean(of_any)) if of_any else None


def _bootstrapped(
    statistic: Statistic, files: IntArray, confidence_level: float, rng: np.random.Generator
) -> Estimate:
    """Return a statistic with the expanded percentile interval over resamples of whole files.

    The tails are those of a normal distribution beyond sqrt(n / (n - 1)) t quantiles with n - 1
    degrees of freedom, n the number of files: plain percentiles are too narrow where n is small
    (Hesterberg, The American Statistician 69, 2015).
    Without an interval where there are too few files, where the statistic is undefined in too many
    resamples, and where all resamples agree, which only shows that there are too few trials.
    """
    n_files = int(files.max(initial=-1)) + 1
    estimate = float(statistic(np.ones((1, n_files)))[0])
    if np.isnan(estimate):
        return Estimate(None, None, None)
    if n_files < LEAST_FILES:
        return Estimate(estimate, None, None)
    drawn = rng.multinomial(n_files, np.full(n_files, 1 / n_files), size=N_RESAMPLES)
    values = statistic(drawn.astype(np.float64))
    values = values[~np.isnan(values)]
    if len(values) < LEAST_DEFINED * N_RESAMPLES or np.ptp(values) == 0:
        return Estimate(estimate, None, None)
    widening = np.sqrt(n_files / (n_files - 1))
    tail = norm.cdf(widening * t.ppf((1 - confidence_level) / 2, n_files - 1))
    low, high = np.quantile(values, [tail, 1 - tail])
    return Estimate(estimate, float(low), float(high))


def _sums(counted: BoolArray, files: IntArray) -> FloatArray:
    """Return how many trials of each file count, (n_files,)."""
    return np.bincount(files, counted.astype(np.float64)).astype(np.float64)


def _pair_sums(kernel: Callable[[IntArray], FloatArray], files: IntArray) -> FloatArray:
    """Sum a function of ordered pairs of trials over pairs of files, (n_files, n_files).

    Parameters
    ----------
    kernel : from some rows to their values with every trial, (n_rows, n_trials)
    files : (n_trials,) codes
    """
    belongs = np.eye(int(files.max(initial=-1)) + 1)[files]
    total = np.zeros((belongs.shape[1],) * 2)
    for start in range(0, len(files), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(files)))
        total += belongs[rows].T @ kernel(rows) @ belongs
    return np.asarray(total)


def _signs(x: FloatArray, rows: IntArray) -> FloatArray:
    """Return the sign of the difference of some rows to every row; no difference overflows."""
    larger, smaller = x[rows, None] > x, x[rows, None] < x
    return np.asarray(larger.astype(np.float64) - smaller)


def _quadratic(drawn: FloatArray, pairs: FloatArray) -> FloatArray:
    """Return the sum over pairs in each resample, (n_resamples,)."""
    return np.asarray((drawn @ pairs * drawn).sum(axis=1))


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Divide; nan where the whole is zero."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
