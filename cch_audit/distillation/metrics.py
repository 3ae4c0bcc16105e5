"""How good are outputs: a number for every row, whose mean is the score."""

from collections.abc import Callable, Collection
from typing import Any

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


def row_scores(
    y: FloatArray | IntArray, outputs: FloatArray, metrics: Collection[Metric]
) -> dict[Metric, FloatArray]:
    """Score logits (n, K) against classes, or numbers (n, q) against targets, row by row.

    Accuracy, log-loss, Brier score and squared error are means over rows. Weighted F1 and the macro
    AUC (one class against the rest, over the classes that occur) are functions F of the rows'
    distribution; a row has F plus its influence, whose mean is zero (for the AUC: DeLong et al.
    1988). R^2 is 1 less the squared error in units of the targets' variance.

    Returns
    -------
    By metric (n,) values, whose mean is the score.
    """
    return {metric: _BY_METRIC[metric](y, outputs) for metric in metrics}


def _log_loss(y: IntArray, outputs: FloatArray) -> FloatArray:
    log_chances = log_softmax(outputs, axis=1)[np.arange(len(y)), y]
    return np.asarray(-np.maximum(log_chances, LEAST_LOG_PROBABILITY))


def _brier(y: IntArray, outputs: FloatArray) -> FloatArray:
    chances = softmax(outputs, axis=1)
    return np.asarray((chances**2).sum(axis=1) - 2 * chances[np.arange(len(y)), y] + 1)


def _r2(y: FloatArray, outputs: FloatArray) -> FloatArray:
    variance = np.maximum(y.var(axis=0), 1e-300)
    return np.asarray(1 - ((outputs - y) ** 2 / variance).mean(axis=1))


def _weighted_f1(y: IntArray, outputs: FloatArray) -> FloatArray:
    """Return F1 plus influences: sum_k 2 a_k c_k / (a_k + b_k) of shares, differentiated.

    a_k is the share of class k, b_k that of rows named k, c_k that of rows that are both. Of degree
    one in these, it is the sum of its derivatives times them.
    """
    named, n_classes = outputs.argmax(axis=1), outputs.shape[1]
    both = np.bincount(y[y == named], minlength=n_classes) / len(y)
    own, said = (np.bincount(codes, minlength=n_classes) / len(y) for codes in (y, named))
    whole = np.maximum(own + said, 1e-300)
    by_class = 2 * both * said / whole**2
    by_name = -2 * own * both / whole**2
    return np.asarray(by_class[y] + by_name[named] + (y == named) * (2 * own / whole)[y])


def _macro_auc(y: IntArray, outputs: FloatArray) -> FloatArray:
    """Return the macro AUC plus influences, 1/2 where a single class occurs."""
    present = np.unique(y)
    if len(present) < 2:
        return np.full(len(y), 0.5)
    total, chances = np.zeros(len(y)), softmax(outputs, axis=1)
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


_BY_METRIC: dict[Metric, Callable[[Any, FloatArray], FloatArray]] = {
    "accuracy": lambda y, outputs: (outputs.argmax(axis=1) == y).astype(np.float64),
    "log_loss": _log_loss,
    "brier": _brier,
    "weighted_f1": _weighted_f1,
    "macro_auc": _macro_auc,
    "mse": lambda y, outputs: np.asarray(((outputs - y) ** 2).mean(axis=1)),
    "r2": _r2,
}


def score(metric: Metric, y: FloatArray | IntArray, outputs: FloatArray) -> FloatArray:
    """Return a metric (C,) of outputs (C, n, K) of several heads."""
    if metric == "accuracy":
        return np.asarray((outputs.argmax(axis=-1) == y).mean(axis=-1))
    if metric in ("log_loss", "mse"):
        return validation_loss(y, outputs)
    return np.array([_BY_METRIC[metric](y, one).mean() for one in outputs])


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
        return 1.0 if metric == "mse" else 0.0
    shares = np.bincount(y) / len(y)
    with np.errstate(divide="ignore"):
        outputs = np.broadcast_to(np.log(shares), (len(y), len(shares)))
    return float(_BY_METRIC[metric](y, outputs).mean())


def validation_loss(y: FloatArray | IntArray, outputs: FloatArray) -> FloatArray:
    """Return cross-entropy or MSE of outputs (..., n, K) of several heads."""
    if is_classes(y):
        log_chances = log_softmax(outputs, axis=-1)
        return np.asarray(-log_chances[..., np.arange(len(y)), y].mean(axis=-1))
    return np.asarray(((outputs - y) ** 2).mean(axis=(-2, -1)))
