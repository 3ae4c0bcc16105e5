import tracemalloc

import numpy as np
import pytest
from samplers import Gaussian, Mixture, audited, rotation
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from cch_audit.choice.baselines import (
    h_score,
    linear_cka,
    log_me,
    measure_baselines,
    score,
)
from cch_audit.sample import Labels


def one_hot(y: np.ndarray) -> np.ndarray:
    return np.eye(y.max() + 1)[y]


def distorted(x: np.ndarray) -> np.ndarray:
    """Return the columns in other units and with other origins."""
    rng = np.random.default_rng(7)
    return x * 10.0 ** rng.integers(-6, 7, x.shape[1]) + rng.standard_normal(x.shape[1])


# Score


def test_score_of_classes_is_accuracy():
    y = np.array([0, 1, 2, 1])
    log_odds = one_hot(np.array([0, 1, 0, 2])) - 1 / 3
    assert score(Labels(y, ("a", "b", "c")), log_odds) == 0.5


def test_score_of_two_classes_takes_the_sign():
    y = np.array([0, 1, 1, 0])
    assert score(Labels(y, ("a", "b")), np.array([[-2.0], [0.1], [3.0], [0.5]])) == 0.75


def test_score_of_targets_is_r2_averaged_over_outputs():
    y = np.random.default_rng(0).standard_normal((100, 2)) * [1, 1000]
    prediction = np.column_stack([y[:, 0], np.full(100, y[:, 1].mean())])
    # 1 for the output that is right and 0 for the one that is its mean, whatever their scales.
    assert score(Labels(y), prediction) == pytest.approx(0.5)


# LogME


def evidence_by_search(x: np.ndarray, y: np.ndarray) -> float:
    """Maximise the marginal likelihood of n - 1 contrasts of the rows over log alpha, log beta."""
    n = len(x)
    contrasts = np.linalg.svd(np.ones((1, n)))[2][1:]  # (n - 1, n), orthogonal to the intercept
    inputs = contrasts @ ((x - x.mean(axis=0)) / x.std(axis=0))
    target = contrasts @ y

    def loss(logs: np.ndarray) -> float:
        covariance = np.exp(-logs[0]) * inputs @ inputs.T + np.exp(-logs[1]) * np.eye(n - 1)
        return -multivariate_normal.logpdf(target, cov=covariance, allow_singular=True)

    options = {"xatol": 1e-6, "fatol": 1e-9, "maxiter": 2000}
    starts = [(log_alpha, log_beta) for log_alpha in (0, 4, 8) for log_beta in (0, 3)]
    found = [minimize(loss, start, method="Nelder-Mead", options=options).fun for start in starts]
    return -min(found) / (n - 1)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "d"), [(40, 3), (40, 39), (25, 60)])
@pytest.mark.parametrize("noise", [0.3, 2.0])
def test_log_me_is_the_maximum_of_the_evidence(n, d, noise):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, d)) @ np.diag(1 / np.arange(1, d + 1)) @ rotation(d, rng)
    y = (x / x.std()) @ rng.standard_normal((d, 2)) / np.sqrt(d)
    y = y + noise * rng.standard_normal(y.shape)
    y = (y - y.mean(axis=0)) / y.std(axis=0)
    expected = np.mean([evidence_by_search(x, target) for target in y.T])
    # Both stop within 1e-3 of the best log alpha and log beta, where the evidence is flat.
    assert log_me(x, y) == pytest.approx(expected, abs=1e-5)
    assert log_me(distorted(x), distorted(y)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.slow
def test_log_me_of_classes_averages_one_hot_columns():
    x, y = Mixture(1.5, (0.5, 0.3, 0.2), 4).sample(60)
    expected = np.mean([evidence_by_search(x, target) for target in one_hot(y).T])
    assert log_me(x, y) == pytest.approx(expected, abs=1e-5)
    # A class without rows has no column, and the names of classes do not matter.
    assert log_me(x, 2 * y + 1) == pytest.approx(expected, abs=1e-5)


def test_log_me_without_a_signal():
    rng = np.random.default_rng(0)
    n = 500
    y = rng.standard_normal((n, 1))
    # Of a target that is only noise: n squares of sum n over n - 1 contrasts.
    nothing = -0.5 * np.log(2 * np.pi * n / (n - 1)) - 0.5
    assert log_me(np.ones((n, 2)), y) == pytest.approx(nothing, abs=1e-12)
    found = log_me(rng.standard_normal((n, 3)), y)
    # w = 0 is in the model; three chance correlations of size 1 / sqrt(n) gain about 3 / (2 n).
    assert nothing - 1e-9 < found < nothing + 0.01


def test_log_me_ranks_more_knowledge_higher():
    rng = np.random.default_rng(0)
    y = rng.standard_normal((300, 2))
    values = [log_me(y + noise * rng.standard_normal(y.shape), y) for noise in (3, 1, 0.3, 0.1)]
    assert values == sorted(values)


@pytest.mark.filterwarnings("error")
def test_log_me_stays_finite():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((50, 5))
    y = x @ rng.standard_normal((5, 2))
    perfect = log_me(x, y)
    # Noise of 1e-5 standard deviations is the floor: -log(1e-5) more than unit noise, at most.
    assert 5 < perfect < -np.log(1e-5)
    assert log_me(np.hstack([x, x, np.zeros((50, 1))]), y) == pytest.approx(perfect, abs=0.5)
    wide = rng.standard_normal((50, 200))
    for target in (y, wide[:, :1], np.zeros((50, 1)), np.zeros(50, dtype=int)):
        for inputs in (x, wide, 1e-200 * x, 1e200 * x, wide.astype(np.float32)):
            assert np.isfinite(log_me(inputs, target))


# H-score


def literal_h_score(x: np.ndarray, y: np.ndarray) -> float:
    means = np.array([x[y == code].mean(axis=0) for code in y])
    return np.trace(np.linalg.pinv(np.cov(x.T)) @ np.cov(means.T))


@pytest.mark.parametrize("d", [2, 5, 40])
def test_h_score_is_its_definition(d):
    x, y = Mixture(1.5, (0.5, 0.3, 0.2), 40).sample(100)
    # Both are exact; the covariances are well conditioned.
    assert h_score(x[:, :d], y) == pytest.approx(literal_h_score(x[:, :d], y), rel=1e-9)


def test_h_score_of_two_gaussians():
    # Centres 2 apart with unit variance: cov(x) = 1 + 1 along that axis, of which E[x | y] has 1.
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=20_000)
    x = rng.standard_normal((20_000, 3))
    x[:, 0] += 2 * y
    # A squared correlation of .5: standard error 2 r (1 - r^2) / sqrt(n) = .005; 3 / n by chance.
    assert h_score(x, y) == pytest.approx(0.5, abs=0.02)


def test_h_score_does_not_see_the_coordinates():
    rng = np.random.default_rng(0)
    x, y = Mixture(1.5, (0.5, 0.3, 0.2), 5).sample(200)
    expected = h_score(x, y)
    for other in (
        x @ rng.standard_normal((5, 5)),
        distorted(x),
        x[:, ::-1],
        np.hstack([x, x, np.ones((200, 2))]),
        # Rounding is no direction of its own.
        np.hstack([x, (3 * x).astype(np.float32)]),
    ):
        # The worst of these maps loses six digits of sixteen; float32 moves x by 6e-8.
        assert h_score(other, y) == pytest.approx(expected, abs=1e-5)
    assert h_score(x, 3 * y + 2) == pytest.approx(expected, rel=1e-12)


def test_h_score_bounds():
    rng = np.random.default_rng(0)
    y = rng.integers(4, size=100)
    assert h_score(one_hot(y), y) == pytest.approx(3.0)
    assert h_score(np.ones((100, 2)), y) == 0.0
    # More columns than rows tell any labels apart.
    assert h_score(rng.standard_normal((100, 150)), y) == pytest.approx(3.0)


# CKA


def literal_cka(x: np.ndarray, y: np.ndarray) -> float:
    centring = np.eye(len(x)) - 1 / len(x)
    k, m = centring @ x @ x.T @ centring, centring @ y @ y.T @ centring
    return np.trace(k @ m) / np.sqrt(np.trace(k @ k) * np.trace(m @ m))


@pytest.mark.parametrize(("d", "q"), [(3, 5), (3, 80), (80, 3), (60, 80)])
def test_cka_is_its_definition(d, q):
    x, y = Gaussian((0.9, 0.5), d, q).sample(50)
    assert linear_cka(x + 2, y - 3) == pytest.approx(literal_cka(x, y), rel=1e-9)


def test_cka_of_correlated_gaussians():
    # Unit covariances on both sides: the sum of squared correlations over sqrt(d q).
    x, y = Gaussian((0.9, 0.5), 4, 9).sample(20_000)
    # Standard errors of the covariances are 1 / sqrt(n) = .007; 36 of them by chance: 36 / 6 n.
    assert linear_cka(x, y) == pytest.approx((0.81 + 0.25) / 6, abs=0.01)


def test_cka_invariances():
    rng = np.random.default_rng(0)
    x, y = Gaussian((0.9, 0.5), 4, 3).sample(300)
    expected = linear_cka(x, y)
    assert linear_cka(y, x) == pytest.approx(expected, rel=1e-12)
    assert linear_cka(-1e200 * (x + 1) @ rotation(4, rng), 1e-200 * y) == pytest.approx(expected)
    order = rng.permutation(300)
    assert linear_cka(x[order], y[order]) == pytest.approx(expected, rel=1e-12)
    for side in (x, y, 5 * x @ rotation(4, rng) + 3):
        assert linear_cka(side, side) == pytest.approx(1.0, rel=1e-12)
        assert linear_cka(side, side) <= 1.0


def test_cka_of_independent_sides():
    x, y = np.random.default_rng(0).standard_normal((2, 5000, 4))
    # About sqrt(d q) / n = .0008 by chance.
    assert 0 <= linear_cka(x, y) < 0.004
    # The rounding of the means of constant columns is no structure.
    constant = np.tile([0.3, 0.7], (5000, 1))
    assert linear_cka(x, constant) == linear_cka(constant, constant) == 0.0


def test_cka_of_many_rows_builds_no_kernel():
    x, y = np.random.default_rng(0).standard_normal((2, 10_000, 8))
    tracemalloc.start()
    linear_cka(x, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6  # One kernel takes 800 MB.


# The record


def test_baselines_of_classes():
    x, y = Mixture(2.0, (0.5, 0.5), 3).sample(300)
    student = x + np.random.default_rng(0).standard_normal(x.shape)
    labels = audited({}, student, y).labels
    log_odds = x[:, [1]] - x[:, [0]]
    found = measure_baselines(x, student, labels, log_odds)
    assert found.score == np.mean((log_odds[:, 0] > 0) == y)
    assert found.log_me == log_me(x, y)
    assert found.h_score == h_score(x, y)
    assert found.cka == linear_cka(x, student)


def test_baselines_of_targets():
    rng = np.random.default_rng(0)
    x2 = rng.standard_normal((300, 5))
    t, y = x2[:, :1] + rng.standard_normal((2, 300, 1))
    teacher = np.hstack([t, x2])
    found = measure_baselines(teacher, x2, Labels(y), t)
    assert found.score == pytest.approx(1 - ((y - t) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    assert found.log_me == log_me(teacher, y)
    assert found.h_score is None
    assert found.cka == linear_cka(teacher, x2)
