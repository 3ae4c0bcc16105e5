"""Prediction heads: what teacher and student say about the labels, cross-fitted."""

import numpy as np
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.preprocessing import StandardScaler

from cch_audit.auditing.log_odds import log_odds
from cch_audit.dependence.units import Dependence, among
from cch_audit.estimators.contract import is_classes
from cch_audit.estimators.folds import assign_folds, outside
from cch_audit.estimators.wide import Reached, is_wide
from cch_audit.rows import FloatArray, IntArray
from cch_audit.settings import HeadSettings

LEAST_LOG_PROBABILITY = -30.0
"""Floor of a log-probability: one overconfident row must not set the scale of a column."""
PENALTIES = (0.003, 0.03, 0.3, 3.0)
"""Inverse penalties C tried for the logistic head."""
ALPHAS = tuple(10.0**power for power in range(-2, 6))
"""Penalties tried for the ridge head."""
INNER_FOLDS = 5
"""Folds that choose it where rows depend on each other."""


def cross_fitted(
    x: FloatArray,
    y: FloatArray | IntArray,
    dependence: Dependence | None,
    rng: np.random.Generator,
    settings: HeadSettings,
) -> FloatArray:
    """Predict the labels of every row with a linear head that never saw it.

    Logistic regression for classes, ridge otherwise, on standardised columns; the penalty is chosen
    inside the training folds.

    Parameters
    ----------
    x : (n_samples, d) float array
    y : (n_samples, q) float array, or (n_samples,) integer class codes
    dependence : which rows depend on each other; None: none do
    rng : assigns the folds

    Returns
    -------
    (n_samples, K) log-odds for classes (one column for two classes), (n_samples, q) otherwise
    """
    folds = assign_folds(len(x), settings.n_folds, y, dependence, rng)
    n_outputs = int(y.max()) + 1 if is_classes(y) else y.shape[1]
    predictions = np.empty((len(x), n_outputs))
    for fold in np.unique(folds):
        others, held_out = outside(folds, fold, dependence), folds == fold
        inside = among(dependence, others)
        scaler = StandardScaler().fit(x[others])
        known, new = scaler.transform(x[others]), scaler.transform(x[held_out])
        if is_wide(known):
            # A penalised head has no weight outside of what its rows reach.
            reached = Reached.by(known)
            known, new = reached.coordinates, reached.of(new)
        if is_classes(y):
            predictions[held_out] = _logistic(known, y[others], inside, rng, new, n_outputs)
        else:
            inner = _inner_folds(len(others), inside)
            ridge = RidgeCV(alphas=ALPHAS, cv=inner).fit(known, y[others])
            predictions[held_out] = ridge.predict(new).reshape(len(new), n_outputs)
    return log_odds(predictions) if is_classes(y) else predictions


def _logistic(
    x: FloatArray,
    y: IntArray,
    dependence: Dependence | None,
    rng: np.random.Generator,
    new: FloatArray,
    n_classes: int,
) -> FloatArray:
    """Fit on x, y and return log-probabilities of new rows; C is chosen on a quarter held back."""

    def log_probabilities(penalty: float, rows: IntArray, wanted: FloatArray) -> FloatArray:
        # A class that these rows lack is as good as impossible.
        values = np.full((len(wanted), n_classes), LEAST_LOG_PROBABILITY)
        present = np.unique(y[rows])
        if len(present) == 1:
            values[:, present] = 0.0
            return values
        model = LogisticRegression(C=penalty, max_iter=300).fit(x[rows], y[rows])
        likely = np.maximum(model.predict_proba(wanted), np.exp(LEAST_LOG_PROBABILITY))
        values[:, model.classes_] = np.log(likely)
        return values

    folds = assign_folds(len(x), 4, y, dependence, rng)
    inner, known = np.flatnonzero(folds == 0), outside(folds, 0, dependence)
    chosen = (np.arange(len(inner)), y[inner])
    gains = [log_probabilities(penalty, known, x[inner])[chosen].mean() for penalty in PENALTIES]
    return log_probabilities(PENALTIES[int(np.argmax(gains))], np.arange(len(x)), new)


def _inner_folds(
    n_samples: int, dependence: Dependence | None
) -> list[tuple[IntArray, IntArray]] | None:
    """Return train and validation rows for the ridge's penalty; None: leave one row out."""
    if dependence is None:
        return None
    columns, rng = np.empty((n_samples, 1)), np.random.default_rng(0)
    folds = assign_folds(n_samples, INNER_FOLDS, columns, dependence, rng)
    return [
        (outside(folds, fold, dependence), np.flatnonzero(folds == fold))
        for fold in np.unique(folds)
    ]
