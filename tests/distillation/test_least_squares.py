from dataclasses import dataclass, replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from cch_audit.distillation.arms import BASELINE, DISTILLED, Cells, Grid, Lesson, plan_cells
from cch_audit.distillation.least_squares import solve_heads

from .lessons import every_cell, lesson

EXACT = {"atol": 1e-9, "rtol": 1e-9}


def mixed_targets(a_lesson, cells, chosen, cell):
    weight = cells.weight[cell]
    return (a_lesson.y[chosen] + weight * a_lesson.soft[chosen, :, cell]) / (1 + weight)


def with_ones(x):
    return np.hstack([x, np.ones((len(x), 1))])


def test_is_least_squares_on_the_mixed_target():
    cells = every_cell(False)
    a_lesson = lesson(cells, False)
    on_validation, on_new = solve_heads(a_lesson, cells)
    assert on_validation.shape == (2, len(cells), 60, 3)
    assert on_new.shape == (2, len(cells), 40, 3)
    for chosen, cell in np.ndindex(2, len(cells)):
        if cells.penalty[cell]:
            continue
        target = mixed_targets(a_lesson, cells, chosen, cell)
        weights = np.linalg.lstsq(with_ones(a_lesson.x[chosen]), target, rcond=None)[0]
        np.testing.assert_allclose(
            on_new[chosen, cell], with_ones(a_lesson.new[chosen]) @ weights, **EXACT
        )
        np.testing.assert_allclose(
            on_validation[chosen, cell], with_ones(a_lesson.x_validation[chosen]) @ weights, **EXACT
        )


def test_minimises_the_loss_that_is_printed():
    """No other weights have a lower MSE(y) + w MSE(t): the gradient is zero."""
    cells = every_cell(False)
    a_lesson = lesson(cells, False)
    fitted, _ = solve_heads(replace(a_lesson, x_validation=a_lesson.x), cells)
    for chosen, cell in np.ndindex(2, len(cells)):
        if cells.penalty[cell]:
            continue
        outputs, teacher = fitted[chosen, cell], a_lesson.soft[chosen, :, cell]
        slope = (outputs - a_lesson.y[chosen]) + cells.weight[cell] * (outputs - teacher)
        np.testing.assert_allclose(with_ones(a_lesson.x[chosen]).T @ slope, 0, atol=1e-9)


@pytest.mark.parametrize("d", [4, 200])
def test_penalty_is_ridge_regression(d):
    penalties = np.array([1e-3, 0.1, 10.0])
    cells = Cells(("matched_ridge",) * 3, np.ones(3), np.array([0, 0.5, 0]), penalties)
    a_lesson = lesson(cells, False, d=d)
    _, on_new = solve_heads(a_lesson, cells)
    for chosen, cell in np.ndindex(2, 3):
        ridge = Ridge(alpha=150 * penalties[cell])  # a penalty per row, and there are 150
        ridge.fit(a_lesson.x[chosen], mixed_targets(a_lesson, cells, chosen, cell))
        expected = ridge.predict(a_lesson.new[chosen])
        np.testing.assert_allclose(on_new[chosen, cell], expected, atol=1e-8)


def test_more_columns_than_rows_give_the_least_norm():
    cells = plan_cells((BASELINE, DISTILLED), Grid((1.0,), (0.5,)), classes=False)
    n, d = 20, 50
    a_lesson = lesson(cells, False, n=n, d=d)
    # Outputs on unit vectors, less those on the origin, are the weights.
    ask = np.stack([np.vstack([np.eye(d), np.zeros((1, d))])] * 2)
    _, on_new = solve_heads(replace(a_lesson, new=ask), cells)
    for chosen, cell in np.ndindex(2, 2):
        weights = on_new[chosen, cell, :d] - on_new[chosen, cell, d:]
        centred = a_lesson.x[chosen] - a_lesson.x[chosen].mean(axis=0)
        target = mixed_targets(a_lesson, cells, chosen, cell)
        target = target - target.mean(axis=0)
        np.testing.assert_allclose(centred @ weights, target, atol=1e-9)
        np.testing.assert_allclose(weights, np.linalg.pinv(centred) @ target, atol=1e-9)


def test_repeated_and_constant_columns_change_nothing():
    cells = every_cell(False)
    a_lesson = lesson(cells, False)

    def wider(x):
        return np.concatenate([x, x[..., :1], np.full_like(x[..., :1], 7.0)], axis=-1)

    parts = {name: wider(getattr(a_lesson, name)) for name in ("x", "x_validation", "new")}
    free = cells.penalty == 0  # a penalty charges a repeated column less
    for found, expected in zip(
        solve_heads(replace(a_lesson, **parts), cells), solve_heads(a_lesson, cells)
    ):
        np.testing.assert_allclose(found[:, free], expected[:, free], **EXACT)
        assert np.isfinite(found).all()


def test_weight_zero_is_the_baseline():
    cells = plan_cells((BASELINE, DISTILLED), Grid((1.0,), (0.0,)), classes=False)
    for outputs in solve_heads(lesson(cells, False), cells):
        np.testing.assert_array_equal(outputs[:, 0], outputs[:, 1])


def test_a_perfect_teacher_changes_nothing():
    # The mixed target of y and y is y.
    cells = plan_cells((BASELINE, DISTILLED), Grid((1.0,), (0.3, 0.9)), classes=False)
    a_lesson = lesson(cells, False)
    a_lesson = replace(a_lesson, soft=np.repeat(a_lesson.y[:, :, None], 3, axis=2))
    for outputs in solve_heads(a_lesson, cells):
        for cell in (1, 2):
            np.testing.assert_allclose(outputs[:, cell], outputs[:, 0], **EXACT)


def test_shifts_and_scales_of_columns_do_not_matter():
    cells = plan_cells((BASELINE, DISTILLED), Grid((1.0,), (0.5,)), classes=False)
    a_lesson = lesson(cells, False)
    scale, shift = np.array([1e-3, 1.0, 50.0, 1e3]), np.array([0.0, 1e-3, 10.0, -1e3])
    parts = {name: getattr(a_lesson, name) * scale + shift for name in ("x", "x_validation", "new")}
    for found, expected in zip(
        solve_heads(replace(a_lesson, **parts), cells), solve_heads(a_lesson, cells)
    ):
        np.testing.assert_allclose(found, expected, atol=1e-8)


P, N, N_SETS = 8, 40, 20_000
"""Dimensions, training rows, and training sets of the experiment on the risk."""


@dataclass(frozen=True)
class Population:
    """Zero-mean Gaussian (x2, t, y): y = b'x2 + e and t = a'x2 + f, with e and f correlated."""

    a: np.ndarray
    b: np.ndarray
    label_noise: float
    """sy2 = Var(y | x2)."""
    teacher_noise: float
    """st2 = Var(t | x2)."""
    shared: float
    """c = Cov(t, y | x2)."""

    def sample(self, rng):
        """Return many training sets (N_SETS, N, ...)."""
        x = rng.standard_normal((N_SETS, N, P)) @ ROOT
        cov = [[self.label_noise, self.shared], [self.shared, self.teacher_noise]]
        noise = rng.multivariate_normal([0, 0], cov, size=(N_SETS, N))
        return x, (x @ self.b + noise[..., 0])[..., None], (x @ self.a + noise[..., 1])[..., None]

    def change(self, weight):
        """R(weight) - R(0) of SCIENCE.md, section 3, for a head with an intercept.

        There kappa is p / (n - p - 1); an intercept costs one row of the n, and its own error adds
        1/n: kappa = (1 + 1/n) p / (n - p - 2) + 1/n.
        """
        kappa = (1 + 1 / N) * P / (N - P - 2) + 1 / N
        apart = (self.a - self.b) @ COVARIANCE @ (self.a - self.b)
        big_a = apart + kappa * (self.teacher_noise - self.label_noise)
        big_b = kappa * (self.label_noise - self.shared)
        return (weight**2 * big_a - 2 * weight * big_b) / (1 + weight) ** 2


ROOT = np.random.default_rng(20).standard_normal((P, P)) / np.sqrt(P) + np.eye(P)
COVARIANCE = ROOT.T @ ROOT
B = np.random.default_rng(21).standard_normal(P)
B *= np.sqrt(0.6 / (B @ COVARIANCE @ B))  # Var(s) = .6, Var(y) = 1
OTHER = np.random.default_rng(22).standard_normal(P) / 6
POPULATIONS = {
    "y = s + e, t = s + e / 2": Population(B, B, 0.4, 0.1, 0.2),
    "t = s + 2 e": Population(B, B, 0.4, 1.6, 0.8),
    "t = -s": Population(-B, B, 0.4, 0.0, 0.0),
    "t = .3 s": Population(0.3 * B, B, 0.4, 0.0, 0.0),
    "independent noise": Population(0 * B, B, 0.4, 1.0, 0.0),
    "another direction": Population(B + OTHER, B, 0.4, 0.3, 0.1),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", POPULATIONS)
def test_risk_is_that_of_the_closed_form(name):
    population = POPULATIONS[name]
    x, y, t = population.sample(np.random.default_rng([23, list(POPULATIONS).index(name)]))
    cells = plan_cells((BASELINE, DISTILLED), Grid((1.0,), (0.02, 0.2, 0.5, 0.9)), classes=False)
    soft = np.repeat(t[:, :, None], len(cells), axis=2)
    ask = np.broadcast_to(np.vstack([np.eye(P), np.zeros((1, P))]), (N_SETS, P + 1, P))
    _, outputs = solve_heads(Lesson(x, y, soft, ask, np.zeros((P + 1, 1)), ask), cells)
    weights = (outputs[..., :P, 0] - outputs[..., P:, 0]) - population.b  # (N_SETS, C, P)
    # The expected squared error on a new row, exactly: only training sets are random.
    risk = np.einsum("scp,pq,scq->sc", weights, COVARIANCE, weights) + outputs[..., P, 0] ** 2
    change = risk[:, 1:] - risk[:, :1]
    expected = np.array([population.change(weight) for weight in cells.weight[1:]])
    error = change.std(axis=0, ddof=1) / np.sqrt(N_SETS)
    # Four standard errors of the mean over training sets; 24 comparisons.
    assert (np.abs(change.mean(axis=0) - expected) < 4 * error).all()
    decided = np.abs(expected) > 4 * error
    assert decided.any()
    np.testing.assert_array_equal(np.sign(change.mean(axis=0))[decided], np.sign(expected)[decided])
