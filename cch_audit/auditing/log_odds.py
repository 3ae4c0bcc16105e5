"""Predictions of classes as log-odds, and back."""

import numpy as np

from cch_audit.rows import FloatArray


def log_odds(scores: FloatArray) -> FloatArray:
    """Return class scores (n_samples, K) as log-odds: centred rows, one column for two classes.

    Rows that are probabilities are turned into logarithms first; other scores count as logits.
    """
    if scores.shape[1] == 1:
        is_probability = scores.min() >= 0 and scores.max() <= 1
        scores = np.hstack([1 - scores, scores]) if is_probability else class_logits(scores)
    if scores.min() >= 0 and np.allclose(scores.sum(axis=1), 1.0, atol=1e-3):
        scores = np.log(np.maximum(scores, 1e-12))
    centred = scores - scores.mean(axis=1, keepdims=True)
    return np.asarray(centred[:, 1:] - centred[:, :1] if scores.shape[1] == 2 else centred)


def class_logits(log_odds: FloatArray) -> FloatArray:
    """Return log-odds (n_samples, K or 1) with one column for each class."""
    return np.hstack([-log_odds / 2, log_odds / 2]) if log_odds.shape[1] == 1 else log_odds
