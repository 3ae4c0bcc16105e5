"""Linear discriminants: the closed-form part of what columns say about classes."""

import numpy as np
from scipy.special import softmax
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from cch_audit.estimators.wide import is_wide, ledoit_wolf_parts, solve_through_rows
from cch_audit.rows import FloatArray, IntArray

LEAST = -20.0
"""Floor of a log ratio; the posterior of a far or unseen class underflows."""
TINY = np.finfo(np.float64).tiny
CONSTANT = 10 * np.finfo(np.float64).eps
"""Columns of variance 1 with a smaller spread within a class are constant there."""
LEAST_SHRINKAGE = 1e-6
"""Of a covariance of fewer rows than columns, as a share of the average variance."""

MANY_COLUMNS = 256
"""More columns take scikit-learn ten times as long."""


def log_posterior_ratios(x: FloatArray, y: IntArray, rows: IntArray, n_classes: int) -> FloatArray:
    """Return log p(class | x) - log p(class) for all rows, fitted on some of them.

    Gaussian classes with a common Ledoit-Wolf covariance. A class that the fitted rows lack is as
    good as impossible; where they hold a single class there is nothing to tell, and the ratio is 0.

    Parameters
    ----------
    x, y : (n_samples, d) columns and (n_samples,) class codes
    rows : numbers of the rows to fit on
    n_classes : K

    Returns
    -------
    (n_samples, K) array, nats
    """
    if len(np.unique(y[rows])) == 1:
        return np.zeros((len(x), n_classes))
    ratios = np.full((len(x), n_classes), LEAST)
    known = x[rows]
    if is_wide(known) or x.shape[1] > MANY_COLUMNS:
        classes, posterior, priors = _through_rows(x, known, y[rows])
    else:
        model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(known, y[rows])
        classes, posterior, priors = model.classes_, model.predict_proba(x), model.priors_
    ratios[:, classes] = np.log(np.maximum(posterior, TINY)) - np.log(priors)
    return np.asarray(np.maximum(ratios, LEAST))


def _through_rows(
    x: FloatArray, known: FloatArray, y: IntArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return classes (K,), posteriors of all rows (n_samples, K) and priors (K,), as above.

    Each class has its own covariance D ((1 - s) Z'Z / n + s m I) D with the spreads D of its
    columns and its standardised rows Z, and the common one is their mean: products of residual rows
    and a diagonal.
    """
    classes, counts = np.unique(y, return_counts=True)
    priors = counts / len(y)
    means = np.stack([known[y == code].mean(axis=0) for code in classes])
    residuals, diagonal = [], np.zeros(known.shape[1])
    for code, prior, mean in zip(classes, priors, means):
        residual = known[y == code] - mean
        spread = residual.std(axis=0)
        spread[spread <= CONSTANT] = 1.0
        shrinkage, level = ledoit_wolf_parts(residual / spread)
        residuals.append(np.sqrt(prior * (1 - shrinkage) / len(residual)) * residual)
        diagonal += prior * shrinkage * level * spread**2
    floor = max(LEAST_SHRINKAGE * float(np.mean(known.var(axis=0))), 1e-300)
    weights = solve_through_rows(np.vstack(residuals), np.maximum(diagonal, floor), means.T)
    offsets = np.log(priors) - (means.T * weights).sum(axis=0) / 2
    return classes, softmax(x @ weights + offsets, axis=1), priors
