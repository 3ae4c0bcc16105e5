"""Transferability scores that need no mutual information: the baselines a gap has to beat."""

import numpy as np
import scipy.linalg
from sklearn.metrics import accuracy_score, r2_score

from cch_audit.auditing.log_odds import class_logits
from cch_audit.estimators.contract import is_classes, standardize
from cch_audit.results import Baselines
from cch_audit.rows import FloatArray, IntArray
from cch_audit.sample import Labels

RANK_TOLERANCE = 1e-6
"""Smaller singular values, as a share of the largest, are rounding (float32: 6e-8)."""
NOISE_FLOOR = 1e-10
"""Least noise variance of a target: the evidence of a perfect fit has no upper bound."""
N_ITERATIONS = 100
"""Most steps of the evidence iteration; ten are typical, more only where the evidence is flat."""
RATIOS = (1e-12, 1e12)
"""Range of alpha / beta in the evidence; beyond it the value no longer changes."""


def measure_baselines(
    teacher: FloatArray, student: FloatArray, labels: Labels, prediction: FloatArray
) -> Baselines:
    """Measure what cheap scores say about one teacher.

    Parameters
    ----------
    teacher, student : (n_samples, d) representations
    labels : class codes or targets
    prediction : (n_samples, q) the teacher's cross-fitted log-odds (K, or 1 for K = 2) or outputs
    """
    y = labels.values
    return Baselines(
        score=score(labels, prediction),
        log_me=log_me(teacher, y),
        h_score=h_score(teacher, y) if is_classes(y) and has_h_score(teacher) else None,
        cka=linear_cka(teacher, student),
    )


def score(labels: Labels, prediction: FloatArray) -> float:
    """Return the accuracy of log-odds (n_samples, K or 1), or R^2 averaged over (n_samples, q)."""
    y = labels.values
    if not is_classes(y):
        return float(r2_score(y, prediction))
    return float(accuracy_score(y, class_logits(prediction).argmax(axis=1)))


def log_me(x: FloatArray, y: FloatArray | IntArray) -> float:
    """Return the maximum log evidence per row of a Bayesian linear model, in nats.

    Each target is x w + intercept + noise, w ~ N(0, I / alpha), noise ~ N(0, 1 / beta); the log of
    p(target | x, alpha, beta) is maximised over alpha and beta and averaged over targets. A flat
    prior of the intercept leaves n - 1 contrasts of the rows, by whose number the log is divided.
    Columns of x are standardised; targets are the one-hot columns of the classes that occur (0 and
    1, not rescaled), or standardised outputs. With x = U s V', z = U' target, r = alpha / beta and
    q = |target|^2 - sum z^2 s^2 / (s^2 + r), the best beta is (n - 1) / q, and twice the log
    evidence is -(n - 1) (log(2 pi q / (n - 1)) + 1) - sum log(1 + s^2 / r). The fixed point for r
    is that of You et al. 2021, "LogME: Practical Assessment of Pre-trained Models for Transfer
    Learning", section 4 (there without intercept and standardisation).

    Parameters
    ----------
    x : (n_samples, d)
    y : (n_samples,) class codes or (n_samples, q) outputs
    """
    targets = _one_hot(y) - _one_hot(y).mean(axis=0) if is_classes(y) else standardize(y)
    squares, loadings = _project(x, targets)
    n_rows, rank = len(x) - 1, len(squares)
    squares, energy = squares[:, None], loadings**2  # (rank, 1), (rank, q)
    outside = np.maximum((targets**2).sum(axis=0) - energy.sum(axis=0), NOISE_FLOOR * n_rows)

    ratio = np.ones(targets.shape[1])
    for _ in range(N_ITERATIONS):
        kept, shrunk = squares / (squares + ratio), ratio / (squares + ratio)
        residual = outside + (energy * shrunk**2).sum(axis=0)
        # alpha = effective / |w|^2 and beta = free / residual; 1e-300 keeps 0 / 0 out.
        effective, free = kept.sum(axis=0), n_rows - rank + shrunk.sum(axis=0)
        length = (energy * kept * shrunk).sum(axis=0)  # ratio |w|^2
        updated = ratio * (effective * residual + 1e-300) / (length * free + 1e-300)
        previous, ratio = ratio, np.clip(updated, *RATIOS)
        if np.abs(np.log(ratio / previous)).max() < 1e-3:
            break
    quadratic = outside + (energy * ratio / (squares + ratio)).sum(axis=0)
    complexity = np.log1p(squares / ratio).sum(axis=0) / n_rows
    return float((-np.log(2 * np.pi * quadratic / n_rows) - 1 - complexity).mean() / 2)


def h_score(x: FloatArray, y: IntArray) -> float:
    """Return tr(cov(x)^-1 cov(E[x | y])): the squared canonical correlations of x and classes.

    Definition of Bao et al. 2019, "An information-theoretic approach to transferability in task
    transfer learning". It lies in [0, min(K - 1, d)], says nothing where d >= n - 1 (K - 1 for any
    x), and an invertible linear map of x changes nothing. The inverse is a pseudo-inverse.

    Parameters
    ----------
    x : (n_samples, d)
    y : (n_samples,) class codes
    """
    classes = _one_hot(y)
    _, loadings = _project(x, classes)
    # Column k of the loadings is the sum of the whitened rows of class k.
    return float((loadings**2 / classes.sum(axis=0)).sum())


def linear_cka(x: FloatArray, y: FloatArray) -> float:
    """Return the linear centred kernel alignment |y'x|^2 / (|x'x| |y'y|) in [0, 1].

    Frobenius norms, centred columns (Kornblith et al. 2019, "Similarity of Neural Network
    Representations Revisited", equations 1 and 4). A constant side gives 0.

    Parameters
    ----------
    x, y : (n_samples, d) with d of their own
    """
    x, y = _centred(x), _centred(y)
    norms = np.sqrt(_kernel_product(x, x) * _kernel_product(y, y))
    return min(1.0, float(_kernel_product(x, y) / norms)) if norms > 0 else 0.0


def has_h_score(x: FloatArray) -> bool:
    """Return whether the H-score says anything: with as many columns as rows it is always K - 1."""
    return bool(x.shape[1] < len(x) - 1)


def _one_hot(y: IntArray) -> FloatArray:
    """Return one column per class that occurs, (n_samples, K)."""
    return np.asarray(y[:, None] == np.unique(y), dtype=np.float64)


def _project(x: FloatArray, targets: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return squared singular values s^2 (rank,) of standardised x = U s V' and U' targets."""
    u, s, _ = scipy.linalg.svd(standardize(x), full_matrices=False)
    kept = s > RANK_TOLERANCE * s[0]
    return np.square(s[kept]), np.asarray(u[:, kept].T @ targets)


def _centred(x: FloatArray) -> FloatArray:
    """Return centred columns with a common scale near 1; constant ones are exactly 0."""
    shifted = x - x[0]
    scaled = shifted / (np.abs(shifted).max() or 1.0)
    return np.asarray(scaled - scaled.mean(axis=0))


def _kernel_product(x: FloatArray, y: FloatArray) -> float:
    """Return |y'x|^2, the inner product of the kernels x x' and y y'."""
    if len(x) < min(x.shape[1], y.shape[1]):
        return float(np.vdot(x @ x.T, y @ y.T))
    return float(((y.T @ x) ** 2).sum())
