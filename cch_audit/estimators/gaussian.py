"""The Gaussian reference: canonical correlations, or linear discriminants for classes."""

import numpy as np

from cch_audit.arrays import FloatArray, IntArray
from cch_audit.dependence.units import Dependence
from cch_audit.estimators import GaussianSettings
from cch_audit.estimators.canonical import fit_canonical
from cch_audit.estimators.contract import Estimate, assign_folds, is_classes, normal_scores, outside
from cch_audit.estimators.discriminant import log_posterior_ratios


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
    x : (n_samples, d) float array
    y : (n_samples, q) float array, or (n_samples,) integer class codes
    rng : assigns the folds
    settings : number of folds
    dependence : which rows depend on each other; None: none do
    """
    x = normal_scores(x)
    folds = assign_folds(len(x), settings.n_folds, y, dependence, rng)
    if is_classes(y):
        pseudo_values = _class_ratios(x, y, folds, dependence)
    else:
        pseudo_values = _column_ratios(x, normal_scores(y), folds, dependence)
    return Estimate(value=float(pseudo_values.mean()), pseudo_values=pseudo_values)


def _column_ratios(
    x: FloatArray, y: FloatArray, folds: IntArray, dependence: Dependence | None
) -> FloatArray:
    """Held-out log density ratios of canonical Gaussian models."""
    ratios = np.empty(len(x))
    for fold in np.unique(folds):
        held_out, others = np.flatnonzero(folds == fold), outside(folds, fold, dependence)
        # A third of the rest measures the correlations.
        moments = others[::3]
        directions = np.setdiff1d(others, moments)
        if dependence is not None:
            moments, directions = dependence.split(others, len(others) // 3)
        model = fit_canonical(x, y, directions, moments, dependence)
        a, b, f, g = model.log_ratio_parts(
            x[held_out] @ model.x_weights, y[held_out] @ model.y_weights
        )
        ratios[held_out] = a + b + (f * g).sum(axis=1)
    return ratios


def _class_ratios(
    x: FloatArray, y: IntArray, folds: IntArray, dependence: Dependence | None
) -> FloatArray:
    """Held-out log posterior over prior of shrunk linear discriminants."""
    ratios = np.empty(len(x))
    for fold in np.unique(folds):
        held_out, others = np.flatnonzero(folds == fold), outside(folds, fold, dependence)
        table = log_posterior_ratios(x, y, others, int(y.max()) + 1)
        ratios[held_out] = table[held_out, y[held_out]]
    return ratios
