"""Joint Gaussian populations whose answer is known: families, and counterexamples.

All but `random` are built from y = s + e, Var(y) = 1, Var(s) = student_r2, and the prediction t of
the teacher. x2 carries s and x1 carries t, each at unit variance beside private independent noise,
all columns of a side rotated: E[y | x2] = s.
"""

import math
from dataclasses import replace

import numpy as np

from cch_audit.errors import InputError
from cch_audit.rows import FloatArray
from cch_audit.simulation.gaussian import JointGaussian

PRIVATE_SCALE = 0.5
"""Standard deviation of the private columns."""


def exact(k: float, student_r2: float, p1: int, p2: int, rng: np.random.Generator) -> JointGaussian:
    """Return t = s + k e, for which the criterion is decisive.

    With r = Var(s) / Var(e), I(t; s) = log(1 + r / k^2) / 2 and I(s; y) = log(1 + r) / 2, so the
    criterion holds where |k| < 1. Distillation helps at every weight where |k| < 1 and at none
    where k >= 1: R(weight) - R(0) = -kappa Var(e) (1 - k) weight (2 + (1 + k) weight) /
    (1 + weight)^2. Where k < -1 the criterion fails and weights below -2 / (1 + k) help.
    """
    noise = 1 - student_r2
    return _from_scalars(
        student_r2 + k**2 * noise, student_r2, student_r2 + k * noise, student_r2, p1, p2, rng
    )


def exact_k(gap: float, student_r2: float) -> float:
    """Return the k > 0 of the exact family that has this gap I(t; s) - I(s; y) in nats.

    k^2 = r / ((1 + r) exp(2 gap) - 1) with r = Var(s) / Var(e).
    """
    _check_gap(gap, student_r2)
    ratio = student_r2 / (1 - student_r2)
    return math.sqrt(ratio / ((1 + ratio) * math.exp(2 * gap) - 1))


def calibrated(
    gap: float, teacher_r2: float, student_r2: float, p1: int, p2: int, rng: np.random.Generator
) -> JointGaussian:
    """Return a teacher of this quality with this gap, whose t is E[y | x1].

    corr(t, s)^2 = 1 - (1 - student_r2) exp(-2 gap), corr(t, y)^2 = teacher_r2 = Var(t) <= Var(y).
    Three correlations must fit each other, which bounds the quality.

    Raises
    ------
    InputError
        If no joint distribution has them.
    """
    _check_gap(gap, student_r2)
    unexplained = (1 - student_r2) * math.exp(-2 * gap)
    ts, ys = math.sqrt(1 - unexplained), math.sqrt(student_r2)
    slack = math.sqrt(unexplained * (1 - student_r2))
    low, high = max(0.0, ts * ys - slack) ** 2, min(1.0, ts * ys + slack) ** 2
    if not low <= teacher_r2 <= high:
        raise InputError(
            f"a gap of {gap:g} nats and a student's R^2 of {student_r2:g} leave a teacher's R^2 "
            f"from {low:.4f} to {high:.4f}, and {teacher_r2:g} is asked for; change one of them"
        )
    cov_ts = ts * math.sqrt(teacher_r2 * student_r2)
    model = _from_scalars(teacher_r2, cov_ts, teacher_r2, student_r2, p1, p2, rng)
    return replace(model, teacher_weights=None)


def negated(student_r2: float, p1: int, p2: int, rng: np.random.Generator) -> JointGaussian:
    """Return t = -s: infinite information, and yet large weights do great harm."""
    return _from_scalars(student_r2, -student_r2, -student_r2, student_r2, p1, p2, rng)


def shrunk(student_r2: float, p1: int, p2: int, rng: np.random.Generator) -> JointGaussian:
    """Return t = 0.3 s: infinite information, and yet the student is pulled towards zero."""
    shrinkage = 0.3
    cov_ts = shrinkage * student_r2
    return _from_scalars(shrinkage * cov_ts, cov_ts, cov_ts, student_r2, p1, p2, rng)


def noise(student_r2: float, p1: int, p2: int, rng: np.random.Generator) -> JointGaussian:
    """Return t independent of all else, Var(t) = 1: no information, and yet small weights help."""
    return _from_scalars(1.0, 0.0, 0.0, student_r2, p1, p2, rng)


def random(p1: int, p2: int, rng: np.random.Generator) -> JointGaussian:
    """Return a random population and teacher, signs and sizes of every moment mixed.

    The columns share up to eight factors and have noise of their own, little in y, so that x1 and
    x2 together may determine y. The teacher's weights mix those of least squares, those of x1 in
    the regression of y on (x1, x2) and random ones; log10 of Var(t) / Var(y) is uniform on
    [-1, 0.5].
    """
    size = p1 + p2 + 1
    n_factors = int(rng.integers(1, min(8, size) + 1))
    loadings = rng.standard_normal((size, n_factors)) / math.sqrt(n_factors)
    own = 10 ** rng.uniform(np.full(size, -3.0), 1.0)
    own[-1] = 10 ** rng.uniform(-4, 0)
    scale = np.exp(rng.standard_normal(size))
    covariance = (loadings @ loadings.T + np.diag(own)) * np.outer(scale, scale)
    s11, s13 = covariance[:p1, :p1], covariance[:p1, -1]

    def unit(weights: FloatArray) -> FloatArray:
        return np.asarray(weights / math.sqrt(weights @ s11 @ weights))

    directions = [
        np.linalg.solve(s11, s13),
        np.linalg.solve(covariance[:-1, :-1], covariance[:-1, -1])[:p1],
        np.linalg.solve(s11, rng.standard_normal(p1)),
    ]
    shares = rng.standard_normal(3) * 10 ** rng.uniform(-2, [0, 0, -0.3])
    weights = unit(sum(share * unit(w) for share, w in zip(shares, directions, strict=True)))
    sd_t = math.sqrt(10 ** rng.uniform(-1, 0.5) * covariance[-1, -1])
    return JointGaussian(covariance, p1, p2, sd_t * weights)


def _from_scalars(
    var_t: float,
    cov_ts: float,
    cov_ty: float,
    student_r2: float,
    p1: int,
    p2: int,
    rng: np.random.Generator,
) -> JointGaussian:
    """Spread t over p1 and s over p2 columns; Var(y) = 1, Var(s) = Cov(s, y) = student_r2."""
    sd_t, sd_s = math.sqrt(var_t), math.sqrt(student_r2)
    t, s, y = 0, p1, p1 + p2
    variances = np.full(y + 1, PRIVATE_SCALE**2)
    variances[[t, s, y]] = 1.0
    covariance = np.diag(variances)
    covariance[t, s] = covariance[s, t] = cov_ts / (sd_t * sd_s)
    covariance[t, y] = covariance[y, t] = cov_ty / sd_t
    covariance[s, y] = covariance[y, s] = sd_s
    rotation = np.eye(y + 1)
    rotation[:p1, :p1], rotation[s:y, s:y] = _rotation(p1, rng), _rotation(p2, rng)
    weights = sd_t * rotation[0, :p1]
    return JointGaussian(rotation.T @ covariance @ rotation, p1, p2, weights)


def _rotation(p: int, rng: np.random.Generator) -> FloatArray:
    """Return an orthogonal (p, p) matrix, uniformly distributed."""
    q, r = np.linalg.qr(rng.standard_normal((p, p)))
    return np.asarray(q * np.sign(np.diag(r)))


def _check_gap(gap: float, student_r2: float) -> None:
    """Refuse a gap below that of an unrelated teacher."""
    least = 0.5 * math.log1p(-student_r2)
    if gap <= least:
        raise InputError(
            f"with a student's R^2 of {student_r2:g} every gap is above {least:.4f} nats, "
            f"because I(teacher; student) > 0; a gap of {gap:g} is asked for"
        )
