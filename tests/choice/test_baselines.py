import dataclasses
import tracemalloc

import numpy as np
import pytest
from samplers import Family, Gaussian, Mixture, audited, rotation
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from cch_audit.choice.baselines import (
    h_score,
    linear_cka,
    log_me,
    measure_baselines,
    plug_in_forecast,
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


# Forecast


@dataclasses.dataclass(frozen=True)
class World:
    """A zero-mean joint Gaussian of teacher, student and label, t = w1'x1, given by its factor."""

    factor: np.ndarray
    """Rows make (x1, x2, y) out of independent standard normals."""
    w1: np.ndarray
    p1: int

    @classmethod
    def random(cls, seed: int, p1: int = 3, p2: int = 5) -> "World":
        rng = np.random.default_rng(seed)
        factor = rng.standard_normal((p1 + p2 + 1, p1 + p2 + 1))
        factor[-1] *= 10.0 ** rng.uniform(-0.5, 0.5)
        covariance = factor @ factor.T
        w1 = np.linalg.solve(covariance[:p1, :p1], covariance[:p1, -1])
        return cls(factor, w1, p1)

    def sample(self, n, rng):
        rows = rng.standard_normal((n, len(self.factor))) @ self.factor.T
        x1, x2, y = np.split(rows, [self.p1, rows.shape[1] - 1], axis=1)
        return x2, x1 @ self.w1[:, None], y

    def moments(self):
        """Return S22, a, b, sy2, st2, c of SCIENCE.md, section 3."""
        covariance = self.factor @ self.factor.T
        one, two = slice(0, self.p1), slice(self.p1, -1)
        s22 = covariance[two, two]
        b = np.linalg.solve(s22, covariance[two, -1])
        a = np.linalg.solve(s22, covariance[two, one] @ self.w1)
        sy2 = covariance[-1, -1] - b @ s22 @ b
        st2 = self.w1 @ covariance[one, one] @ self.w1 - a @ s22 @ a
        c = self.w1 @ covariance[one, -1] - a @ s22 @ b
        return s22, a, b, sy2, st2, c

    @property
    def label_variance(self) -> float:
        return self.factor[-1] @ self.factor[-1]

    def change(self, n_train: int, weight: float) -> float:
        """Return R(weight) - R(0) from the two full risks."""
        s22, a, b, sy2, st2, c = self.moments()
        kappa = len(b) / (n_train - len(b) - 1)

        def risk(weight):
            moved = (weight / (1 + weight)) ** 2 * (a - b) @ s22 @ (a - b)
            spread = sy2 + 2 * weight * c + weight**2 * st2
            return sy2 + moved + kappa * spread / (1 + weight) ** 2

        return risk(weight) - risk(0.0)

    def simulated_change(self, n_train, weight, n_draws, rng):
        """Return mean and standard error of the change over students that were really fitted."""
        s22, _, b, _, _, _ = self.moments()
        x2, t, y = self.sample(n_train * n_draws, rng)
        x2 = x2.reshape(n_draws, n_train, -1)
        inverse = np.linalg.inv(x2.transpose(0, 2, 1) @ x2)

        def excess(target):
            w = inverse @ x2.transpose(0, 2, 1) @ target.reshape(n_draws, n_train, 1)
            return np.einsum("ri,ij,rj->r", w[..., 0] - b, s22, w[..., 0] - b)

        changes = excess((y + weight * t) / (1 + weight)) - excess(y)
        return changes.mean(), changes.std() / np.sqrt(n_draws)


@pytest.mark.parametrize("weight", [0.1, 0.5, 3.0])
@pytest.mark.parametrize("seed", range(5))
def test_forecast_is_the_formula_of_the_population(seed, weight):
    world = World.random(seed)
    found = plug_in_forecast(*world.sample(100_000, np.random.default_rng(seed)), 12, weight)
    expected = world.change(12, weight) / world.label_variance
    # Variances err by sqrt(2 / n) = .5 %; kappa = 5 / 6 and A, 2 B are at most some Var(y).
    assert found.change == pytest.approx(expected, abs=0.02)
    assert found.n_train == 12


@pytest.mark.parametrize("seed", range(8))
def test_forecast_agrees_with_students_that_were_trained(seed):
    world, rng = World.random(seed), np.random.default_rng(seed)
    found = plug_in_forecast(*world.sample(20_000, rng), 15).change * world.label_variance
    measured, error = world.simulated_change(15, 0.5, 20_000, rng)
    # Four standard errors of the simulation; the sample's moments err by sqrt(2 / 20000) = 1 %.
    assert found == pytest.approx(measured, abs=4 * error + 0.02 * world.label_variance)
    assert abs(measured) > 4 * error
    assert np.sign(found) == np.sign(measured)


@pytest.mark.parametrize("seed", [2, 5, 9])
def test_forecast_from_small_samples_is_unbiased(seed):
    # D is far above its floor in these worlds (asserted), so that all moments are unbiased.
    world, rng = World.random(seed), np.random.default_rng(seed)
    s22, a, b, sy2, st2, c = world.moments()
    assert (a - b) @ s22 @ (a - b) > (st2 + sy2 - 2 * c)
    samples = [world.sample(30, rng) for _ in range(2000)]
    found = [plug_in_forecast(*rows, 15).change * rows[2].var(ddof=1) for rows in samples]
    error = np.std(found) / np.sqrt(len(found))
    # D without its correction is 5 / 30 of Var(t - y | x2) too large, A / 9 of that in the change.
    assert np.mean(found) == pytest.approx(world.change(15, 0.5), abs=4 * error)


def test_forecast_has_no_negative_distance():
    # t - y is noise, D = 0: half of the estimates without a floor are below 0. With kappa near 0
    # only D is left in the change.
    rng = np.random.default_rng(0)
    changes = []
    for _ in range(40):
        x2 = rng.standard_normal((60, 10))
        t, y = x2[:, :1] + rng.standard_normal((2, 60, 1))
        changes.append(plug_in_forecast(x2, t, y, 10**9).change)
    assert min(changes) == pytest.approx(0.0, abs=1e-7)
    # 40 coin flips, five standard deviations either way
    assert 4 < sum(change > 1e-6 for change in changes) < 36


@pytest.mark.parametrize(("k", "helps"), [(0.0, True), (0.5, True), (1.5, False), (3.0, False)])
def test_forecast_of_the_family_where_the_criterion_is_exact(k, helps):
    # y = s + e, t = s + k e: distillation helps for every weight exactly when k < 1.
    family = Family(k)
    sample = family.sample(20_000)
    t, y = sample.teachers["teacher"], sample.labels.values
    assert (family.gap > 0 if k else True) is helps
    kappa, noise = 1 / (4 - 1 - 1), 1 - family.signal
    for weight in (0.05, 0.5, 5.0):
        found = plug_in_forecast(sample.student, t, y, 4, weight)
        expected = kappa * noise * (((1 + weight * k) / (1 + weight)) ** 2 - 1)
        # Moments err by 1 %, times k^2 = 9.
        assert found.change == pytest.approx(expected, rel=0.05, abs=1e-3)
        assert (found.change < 0) is helps
        # 0 < k < 1: the teacher alone is the best target, and 1 the largest weight looked at.
        assert found.best_weight == (
            1.0 if 0 < k < 1 else 0.0 if k > 1 else pytest.approx(1.0, rel=0.1)
        )


@pytest.mark.parametrize(
    ("teacher", "n_train", "p", "weight", "percent"),
    [
        (lambda s, noise: -s, 200, 20, 0.5, 54.4),
        (lambda s, noise: 0.3 * s, 10_000, 100, 0.5, 7.5),
        (lambda s, noise: np.sqrt(0.6) * noise, 200, 20, 0.02, -0.33),
    ],
    ids=["opposite", "shrunk", "noise"],
)
def test_forecast_of_the_counterexamples(teacher, n_train, p, weight, percent):
    # SCIENCE.md, section 3, with Var(s) = .6 and Var(y - s) = .4: change of R in per cent of R0.
    rng = np.random.default_rng(0)
    x2 = rng.standard_normal((20_000, p))
    s = np.sqrt(0.6 / p) * x2.sum(axis=1, keepdims=True)
    e, noise = rng.standard_normal((2, 20_000, 1))
    found = plug_in_forecast(x2, teacher(s, noise), s + np.sqrt(0.4) * e, n_train, weight)
    plain = 0.4 * (1 + p / (n_train - p - 1))
    # A few times the 1 % of a variance, in units of R0; D of the noise: weight^2 * .02 = 1e-5.
    assert 100 * found.change / plain == pytest.approx(percent, rel=0.05, abs=0.02)
    assert np.sign(found.change) == np.sign(percent)


def test_best_weight_is_the_minimum():
    checked = 0
    for seed in range(20):
        rows = World.random(seed).sample(300, np.random.default_rng(seed))
        best = plug_in_forecast(*rows, 15).best_weight
        weights = np.geomspace(1e-4, 1, 41)
        changes = [plug_in_forecast(*rows, 15, weight).change for weight in weights]
        if best == 0:
            assert min(changes) > 0
        elif best == 1:
            assert np.argmin(changes) == len(weights) - 1
        elif weights[0] < best:
            checked += 1
            assert plug_in_forecast(*rows, 15, best).change <= min(changes) < 0
    assert checked >= 5


def test_forecast_sums_over_outputs():
    first, second = (World.random(seed).sample(200, np.random.default_rng(9)) for seed in (1, 2))
    rng = np.random.default_rng(0)
    x2, t, y = first[0], *(np.hstack(both) for both in zip(first[1:], second[1:]))
    both = plug_in_forecast(x2, t, y, 15).change * y.var(axis=0).sum()
    # D of each output is above its floor, so that the sums are exact.
    apart = [plug_in_forecast(x2, t[:, [j]], y[:, [j]], 15).change * y[:, j].var() for j in (0, 1)]
    assert both == pytest.approx(sum(apart), rel=1e-9)
    # A rotation of the outputs changes no sum of squares.
    q = rotation(2, rng)
    turned = plug_in_forecast(x2, t @ q, y @ q, 15).change
    assert turned == pytest.approx(plug_in_forecast(x2, t, y, 15).change, rel=1e-9)


def test_forecast_does_not_see_units_or_origins():
    x2, t, y = World.random(0).sample(200, np.random.default_rng(0))
    expected = plug_in_forecast(x2, t, y, 15)
    for other in (
        (distorted(x2), t + 5, y - 3),
        (x2 @ np.random.default_rng(0).standard_normal((5, 5)), 1e-200 * t, 1e-200 * y),
        (x2, -1e100 * t, -1e100 * y),
        # Columns without a direction of their own are no parameters.
        (np.hstack([x2, x2[:, :2] - x2[:, 2:4], np.ones((200, 1))]), t, y),
    ):
        found = plug_in_forecast(*other, 15)
        assert found.change == pytest.approx(expected.change, rel=1e-6)
        assert found.best_weight == pytest.approx(expected.best_weight, rel=1e-6)


def test_forecast_needs_rows():
    x2, t, y = World.random(0).sample(200, np.random.default_rng(0))
    assert plug_in_forecast(x2, t, y, 6) is None
    assert plug_in_forecast(x2, t, y, 7) is not None
    assert plug_in_forecast(x2[:7], t[:7], y[:7], 100) is None
    assert np.isfinite(plug_in_forecast(x2[:8], t[:8], y[:8], 100).change)
    assert plug_in_forecast(np.hstack([x2] * 50)[:20], t[:20], y[:20], 100) is not None
    wide = np.random.default_rng(0).standard_normal((20, 50))
    assert plug_in_forecast(wide, t[:20], y[:20], 100) is None


def test_forecast_of_degenerate_teachers():
    x2, _, y = World.random(0).sample(200, np.random.default_rng(0))
    same = plug_in_forecast(x2, y, y, 15)
    # The labels again as teacher: nothing changes.
    assert same.change == pytest.approx(0.0, abs=1e-12)
    assert same.best_weight == 0.0
    assert np.isfinite(plug_in_forecast(x2, np.zeros_like(y), y, 15).change)
    assert plug_in_forecast(x2, y, np.ones_like(y), 15) is None
    assert plug_in_forecast(np.ones_like(x2), y + x2[:, :1], y, 15).change == 0.0


# The record


def test_baselines_of_classes():
    x, y = Mixture(2.0, (0.5, 0.5), 3).sample(300)
    student = x + np.random.default_rng(0).standard_normal(x.shape)
    labels = audited({}, student, y).labels
    log_odds = x[:, [1]] - x[:, [0]]
    found = measure_baselines(x, student, labels, log_odds, 200)
    assert found.score == np.mean((log_odds[:, 0] > 0) == y)
    assert found.log_me == log_me(x, y)
    assert found.h_score == h_score(x, y)
    assert found.cka == linear_cka(x, student)
    assert found.forecast is None


def test_baselines_of_targets():
    x2, t, y = World.random(0).sample(300, np.random.default_rng(0))
    teacher = np.hstack([t, x2])
    found = measure_baselines(teacher, x2, Labels(y), t, 15)
    assert found.score == pytest.approx(1 - ((y - t) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    assert found.log_me == log_me(teacher, y)
    assert found.h_score is None
    assert found.cka == linear_cka(teacher, x2)
    assert found.forecast == plug_in_forecast(x2, t, y, 15, weight=0.5)
