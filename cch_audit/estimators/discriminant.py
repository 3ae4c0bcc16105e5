"""Linear discriminants: the closed-form part of what columns say about classes."""

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from cch_audit.rows import FloatArray, IntArray

LEAST = -20.0
"""Floor of a log ratio; the posterior of a far or unseen class underflows."""


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
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(x[rows], y[rows])
    ratios = np.full((len(x), n_classes), LEAST)
    posterior = np.maximum(model.predict_proba(x), np.finfo(np.float64).tiny)
    ratios[:, model.classes_] = np.log(posterior) - np.log(model.priors_)
    return np.asarray(np.maximum(ratios, LEAST))
