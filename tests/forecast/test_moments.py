"""The moments of squared loss against the population, trained students and counterexamples."""

from dataclasses import dataclass

import numpy as np
import pytest
from samplers import Family, rotation

from cch_audit.forecasting.moments import Moments, cross_products, moments_of, price


def moments(x2: np.ndarray, t: np.ndarray, y: np.ndarray) -> Moments:
    """Return the moments of rows that all belong to one block."""
    one_block = np.zeros(len(y), dtype=np.int64)
    return moments_of(cross_products(x2, t, y, one_block)[0], x2.shape[1])


def forecast(x2: np.ndarray, t: np.ndarray, y: np.ndarray, n: int, weight: float = 0.5) -> float:
    """Return the change of risk at n rows, in units of Var(y)."""
    return float(moments(x2, t, y).change(np.array([weight]), n)[0])


@dataclass(frozen=True)
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
        kappa = price(n_train, len(b))

        def risk(weight):
            moved = (weight / (1 + weight)) ** 2 * (a - b) @ s22 @ (a - b)
            spread = sy2 + 2 * weight * c + weight**2 * st2
            return sy2 + moved + kappa * spread / (1 + weight) ** 2

        return risk(weight) - risk(0.0)

    def simulated_change(self, n_train, weight, n_draws, rng):
        """Return mean and standard error of the change over students that were really fitted."""
        s22, _, b, _, _, _ = self.moments()
        x2, t, y = self.sample(n_train * n_draws, rng)
        rows = np.hstack([np.ones((len(x2), 1)), x2]).reshape(n_draws, n_train, -1)
        inverse = np.linalg.inv(rows.transpose(0, 2, 1) @ rows)

        def excess(target):
            w = inverse @ rows.transpose(0, 2, 1) @ target.reshape(n_draws, n_train, 1)
            intercept, off = w[:, 0, 0], w[:, 1:, 0] - b
            return intercept**2 + np.einsum("ri,ij,rj->r", off, s22, off)

        changes = excess((y + weight * t) / (1 + weight)) - excess(y)
        return changes.mean(), changes.std() / np.sqrt(n_draws)


@pytest.mark.parametrize("weight", [0.1, 0.5, 3.0])
@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_formula_of_the_population(seed, weight):
    world = World.random(seed)
    found = forecast(*world.sample(100_000, np.random.default_rng(seed)), 14, weight)
    expected = world.change(14, weight) / world.label_variance
    # Variances err by sqrt(2 / n) = .5 %; kappa is near 1, and A, 2 B are at most some Var(y).
    assert found == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("seed", range(4))
def test_it_agrees_with_students_that_were_trained(seed):
    world, rng = World.random(seed), np.random.default_rng(seed)
    found = forecast(*world.sample(20_000, rng), 15) * world.label_variance
    measured, error = world.simulated_change(15, 0.5, 20_000, rng)
    # Four standard errors of the simulation; the sample's moments err by sqrt(2 / 20000) = 1 %.
    assert found == pytest.approx(measured, abs=4 * error + 0.02 * world.label_variance)
    assert abs(measured) > 4 * error
    assert np.sign(found) == np.sign(measured)


@pytest.mark.parametrize("seed", [2, 5])
def test_from_small_samples_it_is_unbiased(seed):
    world, rng = World.random(seed), np.random.default_rng(seed)
    samples = [world.sample(30, rng) for _ in range(2000)]
    found = [forecast(*rows, 15) * rows[2].var(ddof=1) for rows in samples]
    error = np.std(found) / np.sqrt(len(found))
    # D without its correction is 5 / 30 of Var(t - y | x2) too large, A / 9 of that in the change.
    assert np.mean(found) == pytest.approx(world.change(15, 0.5), abs=4 * error)


@pytest.mark.parametrize(("k", "helps"), [(0.0, True), (0.5, True), (1.5, False), (3.0, False)])
def test_the_family_where_the_criterion_is_exact(k, helps):
    # y = s + e, t = s + k e: distillation helps for every weight exactly when k < 1.
    family = Family(k)
    sample = family.sample(20_000)
    t, y = sample.teachers["teacher"], sample.labels.values
    assert (family.gap > 0 if k else True) is helps
    n_columns, noise = sample.student.shape[1], 1 - family.signal
    for weight in (0.05, 0.5, 5.0):
        found = forecast(sample.student, t, y, 10, weight)
        expected = price(10, n_columns) * noise * (((1 + weight * k) / (1 + weight)) ** 2 - 1)
        # Moments err by 1 %, times k^2 = 9.
        assert found == pytest.approx(expected, rel=0.05, abs=1e-3)
        assert (found < 0) is helps


@pytest.mark.parametrize(
    ("teacher", "n_train", "p", "weight", "percent"),
    [
        (lambda s, noise: -s, 200, 20, 0.5, 54.4),
        (lambda s, noise: 0.3 * s, 10_000, 100, 0.5, 7.5),
        (lambda s, noise: np.sqrt(0.6) * noise, 200, 20, 0.02, -0.33),
    ],
    ids=["opposite", "shrunk", "noise"],
)
def test_counterexamples(teacher, n_train, p, weight, percent):
    # With Var(s) = .6 and Var(y - s) = .4: change of the risk in per cent of that without.
    rng = np.random.default_rng(0)
    x2 = rng.standard_normal((20_000, p))
    s = np.sqrt(0.6 / p) * x2.sum(axis=1, keepdims=True)
    e, noise = rng.standard_normal((2, 20_000, 1))
    found = moments(x2, teacher(s, noise), s + np.sqrt(0.4) * e)
    change = float(found.change(np.array([weight]), n_train)[0])
    # A few times the 1 % of a variance, the intercept's .5 % of R0, and D of the noise.
    assert 100 * change / found.baseline(n_train) == pytest.approx(percent, rel=0.05, abs=0.04)
    assert np.sign(change) == np.sign(percent)


def test_it_sums_over_outputs():
    first, second = (World.random(seed).sample(200, np.random.default_rng(9)) for seed in (1, 2))
    x2, t, y = first[0], *(np.hstack(both) for both in zip(first[1:], second[1:]))
    both = forecast(x2, t, y, 15) * y.var(axis=0).sum()
    apart = [forecast(x2, t[:, [j]], y[:, [j]], 15) * y[:, j].var() for j in (0, 1)]
    assert both == pytest.approx(sum(apart), rel=1e-9)
    # A rotation of the outputs changes no sum of squares.
    q = rotation(2, np.random.default_rng(0))
    assert forecast(x2, t @ q, y @ q, 15) == pytest.approx(forecast(x2, t, y, 15), rel=1e-9)


def test_the_labels_again_as_teacher_change_nothing():
    x2, _, y = World.random(0).sample(200, np.random.default_rng(0))
    assert forecast(x2, y, y, 15) == pytest.approx(0.0, abs=1e-12)
