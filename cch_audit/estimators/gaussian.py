"""The Gaussian reference: canonical correlations, or linear discriminants for classes."""

import numpy as np

from cch_audit.dependence.units import Dependence
from cch_audit.estimators import GaussianSettings
from cch_audit.estimators.canonical import fit_canonical
from cch_audit.estimators.contract import Estimate, is_classes, normal_scores
from cch_audit.estimators.discriminant import log_posterior_ratios
from cch_audit.estimators.folds import assign_folds, outside
from cch_audit.rows import FloatArray, IntArray


def estimate(
    x: FloatArray,
    y: FloatArray | IntArray,
    rng: np.random.Generator,
    settings: GaussianSettings,
    dependence: Dependence | None = None,
) -> Estimate:
    """Estimate I(x; y) in nats as if the columns' normal scores were jointly Gaussian.

    Each row's pseudo-value is the log density ratio log p(x, y) / (p(x) p(y)), or with classes
    log p(y | x) / p(y), of a model fitted on other folds, so the mean is a lower bound on average
    (its expectation is at most I). For a joint Gaussian it approaches -1/2 sum log(1 - r^2).

    Parameters
    ----------
    x, y, dependence : as `cch_audit.estimators.estimate` takes them
    rng : assigns the folds
    settings : number of folds
    """
    x, columns = normal_scores(x), y if is_classes(y) else normal_scores(y)
    folds = assign_folds(len(x), settings.n_folds, y, dependence, rng)
    ratios = np.empty(len(x))
    for fold in np.unique(folds):
        held_out, others = np.flatnonzero(folds == fold), outside(folds, fold, dependence)
        if is_classes(columns):
            table = log_posterior_ratios(x, columns, others, int(columns.max()) + 1)
            ratios[held_out] = table[held_out, columns[held_out]]
        else:
            ratios[held_out] = _column_ratios(x, np.asarray(columns), held_out, others, dependence)
    return Estimate(value=float(ratios.mean()), pseudo_values=ratios)


def _column_ratios(
    x: FloatArray,
    y: FloatArray,
    held_out: IntArray,
    others: IntArray,
    dependence: Dependence | None,
) -> FloatArray:
    """Return the log density ratios of some rows, of a canonical model fitted on others."""
    # A third of the rest measures the correlations.
    moments = others[::3]
    directions = np.setdiff1d(others, moments)
    if dependence is not None:
        moments, directions = dependence.split(others, len(others) // 3)
    model = fit_canonical(x, y, directions, moments, dependence)
    a, b, f, g = model.log_ratio_parts(x[held_out] @ model.x_weights, y[held_out] @ model.y_weights)
    return np.asarray(a + b + (f * g).sum(axis=1))
