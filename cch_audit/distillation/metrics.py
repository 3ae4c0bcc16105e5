"""How good are outputs: a number for every row, whose mean is the score."""

import numpy as np
from scipy.special import log_softmax, softmax
from scipy.stats import rankdata

from cch_audit.auditing.heads import LEAST_LOG_PROBABILITY
from cch_audit.results import LOWER_IS_BETTER, Metric
from cch_audit.rows import FloatArray, IntArray, is_classes

METRICS: dict[bool, tuple[Metric, ...]] = {
    True: ("accuracy", "log_loss", "brier", "weighted_f1", "macro_auc"),
    False: ("mse", "r2"),
}
"""Metrics of classes (True) and of continuous labels (False); the first decides by default."""


def row_scores(y: FloatArray | IntArray, outputs: FloatArray) -> dict[Metric, FloatArray]:
    """Score logits (n, K) against classes, or numbers (n, q) against targets, row by row.

    Accuracy, log-loss, Brier score and squared error are means over rows. Weighted F1 and the macro
    AUC (one class against the rest, over the classes that occur) are functions F of the rows'
    distribution; a row has F plus its influence, whose mean is zero (for the AUC: DeLong et al.
    1988). R^2 is 1 less the squared error in units of the targets' variance.

    Returns
    -------
    By metric (n,) values, whose mean is the score.
    """
    if not is_classes(y):
        squared = (outputs - y) ** 2
        variance = np.maximum(y.var(axis=0), 1e-300)
        return {"mse": squared.mean(axis=1), "r2": 1 - (squared / variance).mean(axis=1)}
    rows = np.arange(len(y))
    log_chances = np.maximum(log_softmax(outputs, axis=1), LEAST_LOG_PROBABILITY)
    chances = softmax(outputs, axis=1)
    named = outputs.argmax(axis=1)
    brier = (chances**2).sum(axis=1) - 2 * chances[rows, y] + 1
    return {
        "accuracy": (named == y).astype(np.float64),
        "log_loss": -log_chances[rows, y],
        "brier": brier,
        "weighted_f1": _weighted_f1(y, named, outputs.shape[1]),
        "macro_auc": _macro_auc(y, chances),
    }


def _weighted_f1(y: IntArray, named: IntArray, n_classes: int) -> FloatArray:
    """Return F1 plus influences: sum_k 2 a_k c_k / (a_k + b_k) of shares, differentiated.

    a_k is the share of class k, b_k that of rows named k, c_k that of rows that are both. Of degree
    one in these, it is the sum of its derivatives times them.
    """
    both = np.bincount(y[y == named], minlength=n_classes) / len(y)
    own, said = (np.bincount(codes, minlength=n_classes) / len(y) for codes in (y, named))
    whole = np.maximum(own + said, 1e-300)
    by_class = 2 * both * said / whole**2
    by_name = -2 * own * both / whole**2
    return np.asarray(by_class[y] + by_name[named] + (y == named) * (2 * own / whole)[y])


def _macro_auc(y: IntArray, chances: FloatArray) -> FloatArray:
    """Return the macro AUC plus influences, 1/2 where a single class occurs."""
    present = np.unique(y)
    if len(present) < 2:
        return np.full(len(y), 0.5)
    total = np.zeros(len(y))
    for label in present:
        own = y == label
        score, share = chances[:, label], own.mean()
        places = np.empty(len(y))
        ranks = rankdata(score)
        places[own] = (ranks[own] - rankdata(score[own])) / (~own).sum()
        places[~own] = 1 - (ranks[~own] - rankdata(score[~own])) / own.sum()
        area = places[own].mean()
        total += area + (places - area) / np.where(own, share, 1 - share)
    return total / len(present)


def score(metric: Metric, y: FloatArray | IntArray, outputs: FloatArray) -> FloatArray:
    """Return a metric (C,) of outputs (C, n, K) of several heads."""
    if metric == "accuracy":
        return np.asarray((outputs.argmax(axis=-1) == y).mean(axis=-1))
    if metric in ("log_loss", "mse"):
        return validation_loss(y, outputs)
    return np.array([row_scores(y, one)[metric].mean() for one in outputs])


def scale(metric: Metric, y: FloatArray | IntArray) -> float:
    """Return the metric's own scale, of which the effect that matters is a share.

    1; for log-loss and the Brier score those of a head that knows the class frequencies alone: the
    entropy of the labels, and one less their squared frequencies. Targets are standardised, so that
    of squared errors is 1, too.
    """
    if metric not in LOWER_IS_BETTER or not is_classes(y):
        return 1.0
    shares = np.bincount(y) / len(y)
    shares = shares[shares > 0]
    return float(
        -(shares * np.log(shares)).sum() if metric == "log_loss" else 1 - (shares**2).sum()
    )


def trivial_score(metric: Metric, y: FloatArray | IntArray) -> float:
    """Return the score of a head that knows the class frequencies, or the mean, alone."""
    if not is_classes(y):
        return {"mse": 1.0, "r2": 0.0}[metric]
    shares = np.bincount(y) / len(y)
    with np.errstate(divide="ignore"):
        outputs = np.broadcast_to(np.log(shares), (len(y), len(shares)))
    return float(row_scores(y, outputs)[metric].mean())


def validation_loss(y: FloatArray | IntArray, outputs: FloatArray) -> FloatArray:
    """Return cross-entropy or MSE of outputs (..., n, K) of several heads."""
    if is_classes(y):
        log_chances = log_softmax(outputs, axis=-1)
        return np.asarray(-log_chances[..., np.arange(len(y)), y].mean(axis=-1))
    return np.asarray(((outputs - y) ** 2).mean(axis=(-2, -1)))
