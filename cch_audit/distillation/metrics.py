"""How good are outputs: on validation rows to choose by, on test rows to report."""

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.metrics import accuracy_score, f1_score, mean_squared_error, r2_score, roc_auc_score

from cch_audit.estimators.contract import is_classes
from cch_audit.rows import FloatArray, IntArray


def scores(y: FloatArray | IntArray, outputs: FloatArray) -> dict[str, float]:
    """Score logits (n, K) by accuracy, weighted F1 and macro AUC, or numbers by MSE and R^2.

    The first score decides. The AUC is one class against the rest, averaged over the classes that
    occur among the rows; MSE and R^2 are averages over targets.
    """
    if not is_classes(y):
        return {"mse": float(mean_squared_error(y, outputs)), "r2": float(r2_score(y, outputs))}
    named, chances = outputs.argmax(axis=1), softmax(outputs, axis=1)
    present = np.unique(y)
    areas = [roc_auc_score(y == label, chances[:, label]) for label in present if len(present) > 1]
    return {
        "accuracy": float(accuracy_score(y, named)),
        "weighted_f1": float(f1_score(y, named, average="weighted")),
        "macro_auc": float(np.mean(areas or [0.5])),
    }


def deciding_score(y: FloatArray | IntArray, outputs: FloatArray) -> FloatArray:
    """Return accuracy or MSE of outputs (..., n, K) of several heads."""
    if is_classes(y):
        return np.asarray((outputs.argmax(axis=-1) == y).mean(axis=-1))
    return validation_loss(y, outputs)


def validation_loss(y: FloatArray | IntArray, outputs: FloatArray) -> FloatArray:
    """Return cross-entropy or MSE of outputs (..., n, K) of several heads."""
    if is_classes(y):
        log_chances = log_softmax(outputs, axis=-1)
        return np.asarray(-log_chances[..., np.arange(len(y)), y].mean(axis=-1))
    return np.asarray(((outputs - y) ** 2).mean(axis=(-2, -1)))
