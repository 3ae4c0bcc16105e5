"""Confidence intervals for paired informations: bootstrap of pseudo-values, and half-samples."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from cch_audit.dependence.units import Dependence
from cch_audit.results import Gap, Interval
from cch_audit.rows import FloatArray, IntArray


@dataclass(frozen=True)
class Distribution:
    """Draws that stand for an estimate on other samples of the same size."""

    estimate: float
    draws: FloatArray
    """(n_resamples,), in nats."""

    def interval(self, confidence_level: float) -> Interval:
        """Return the percentile interval."""
        tail = (1 - confidence_level) / 2
        low, high = np.quantile(self.draws, [tail, 1 - tail])
        return Interval(self.estimate, float(low), float(high), float(self.draws.std(ddof=1)))

    def gap(self, confidence_level: float) -> Gap:
        """Return the percentile interval with the share of draws above zero."""
        interval = self.interval(confidence_level)
        positive = float((self.draws > 0).mean())
        return Gap(**vars(interval), probability_positive=positive)


def bootstrap_means(
    columns: FloatArray,
    dependence: Dependence | None,
    seed_variances: FloatArray,
    n_resamples: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Resample rows, or units of dependent rows, and return the means of columns of pseudo-values.

    Columns are resampled together, so their differences are paired. Resampling pseudo-values never
    duplicates a row inside an estimator, which is what makes the plain bootstrap invalid for
    nearest neighbours. The variance over seeds is added as independent normal noise.

    Parameters
    ----------
    columns : (n_samples, n_columns) pseudo-values, nats
    dependence : which rows depend on each other; units of them are resampled, and of few units the
        spread is widened as that of a t distribution, for it is itself estimated
    seed_variances : (n_columns,) variance of each column's mean that comes from seeds
    n_resamples : number of resamples

    Returns
    -------
    (n_resamples, n_columns) array, nats
    """
    codes = np.arange(len(columns)) if dependence is None else dependence.units
    n_units = int(codes.max()) + 1
    sizes = np.bincount(codes).astype(np.float64)
    # Deviations, so that a resample with more rows than another is not shifted.
    centre = columns.mean(axis=0)
    sums = np.stack([np.bincount(codes, column) for column in (columns - centre).T], axis=1)
    means = np.empty((n_resamples, columns.shape[1]))
    for number in range(n_resamples):
        drawn = np.bincount(rng.integers(n_units, size=n_units), minlength=n_units)
        means[number] = drawn @ sums / (n_units if dependence is None else drawn @ sizes)
    if dependence is not None:
        # A t interval over so many units is so much wider than what resampling gives.
        freedom = max(dependence.n_units - 1, 1.0)
        means *= stdtrit(freedom, 0.975) / ndtri(0.975) * np.sqrt(1 + 1 / freedom)
    noise = rng.standard_normal(means.shape) * np.sqrt(seed_variances)
    return np.asarray(centre + means + noise)


def half_sample_draws(
    estimates: FloatArray, from_halves: FloatArray, n_resamples: int, rng: np.random.Generator
) -> FloatArray:
    """Return draws around the estimates with the spread that random halves show.

    The standard deviation over halves drawn without replacement is the standard error at the full
    size (section "half-sample" of Politis, Romano and Wolf, Subsampling, 1999, with b = n / 2:
    the factor sqrt(b / (n - b)) is 1).

    Parameters
    ----------
    estimates : (n_columns,) full-sample estimates, nats
    from_halves : (n_halves, n_columns) estimates from halves, rows paired across columns
    """
    n_halves, n_columns = from_halves.shape
    spread = np.cov(from_halves, rowvar=False).reshape(n_columns, n_columns)
    normal = rng.multivariate_normal(np.zeros(n_columns), spread, size=n_resamples, method="eigh")
    # The spread is itself estimated from few halves: a t distribution, not a normal one.
    chi = np.sqrt(rng.chisquare(n_halves - 1, size=(n_resamples, 1)) / (n_halves - 1))
    return np.asarray(estimates + normal / chi)


def half(
    n_samples: int,
    y: FloatArray | IntArray,
    dependence: Dependence | None,
    rng: np.random.Generator,
) -> IntArray:
    """Return 0 or 1 per row: two complementary halves, classes in proportion, groups whole."""
    units = np.arange(n_samples) if dependence is None else dependence.stretches
    if dependence is None and y.ndim == 1:
        # Shuffled within classes, then dealt out in turn.
        order = np.lexsort((rng.random(n_samples), y))
        side = np.empty(n_samples, dtype=np.int64)
        side[order] = (np.arange(n_samples) + rng.integers(2)) % 2
        return side
    shuffled = rng.permutation(int(units.max()) + 1)
    return np.asarray(shuffled[units] % 2, dtype=np.int64)
