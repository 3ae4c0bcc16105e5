"""Squared loss: the closed form of the joint Gaussian model, and the price of the intercept."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from cch_audit.forecasting.forecast import forecast_teacher, plan_forecast
from cch_audit.forecasting.moments import moments_of, price
from cch_audit.forecasting.options import Options
from cch_audit.simulation import families, risk
from cch_audit.simulation.gaussian import JointGaussian

WEIGHTS = np.array([0.2, 0.5, 2.0])


def a_model(p: int = 3, seed: int = 0) -> JointGaussian:
    root = np.random.default_rng(seed).standard_normal((2 * p + 1, 2 * p + 3))
    covariance = root @ root.T / (2 * p + 3)
    return JointGaussian(covariance, p, p)


def test_moments_of_a_population_give_the_closed_form():
    model = a_model()
    s, p = model.covariance, 3
    # Products of (1, x2, t, y) over so many rows that degrees of freedom do not count.
    onto = np.zeros((5, 7))
    onto[:3, 3:6], onto[3, :3], onto[4, 6] = np.eye(3), model.w1, 1.0
    n = 1e12
    products = np.zeros((6, 6))
    products[0, 0], products[1:, 1:] = n, n * onto @ s @ onto.T
    found = moments_of(products, p)
    assert found.distance == pytest.approx(model.distance, rel=1e-9)
    assert found.of_labels == pytest.approx(model.residual_y, rel=1e-9)
    assert found.of_teacher == pytest.approx(model.residual_t, rel=1e-9)
    assert found.between == pytest.approx(model.residual_ty, rel=1e-9)
    kappa = risk.kappa(model, 40)
    expected = [risk.change(model, float(weight), 40) / model.var_y for weight in WEIGHTS]
    change = found.bias(WEIGHTS) + kappa * found.noise(WEIGHTS)
    np.testing.assert_allclose(change, expected, rtol=1e-8)


def test_the_price_of_least_squares_with_an_intercept():
    rng, n, p = np.random.default_rng(1), 30, 5
    excess = []
    for _ in range(3000):
        x, noise = rng.standard_normal((n, p)), rng.standard_normal(n)
        whole = np.hstack([np.ones((n, 1)), x])
        slopes = np.linalg.lstsq(whole, noise)[0]
        excess.append((slopes**2).sum())
    error = np.std(excess) / np.sqrt(len(excess))
    assert abs(np.mean(excess) - price(n, p)) < 4 * error
    assert price(p + 2, p) == np.inf


def test_a_forecast_of_targets_meets_the_closed_form_of_its_world():
    model = a_model(seed=3)
    given = JointGaussian(model.covariance, 3, 3, model.w1)
    sample = given.sample(4000, np.random.default_rng(2))
    options = Options(labelled_rows=40, weights=(0.2, 0.5, 0.8), penalty=0.0)
    found = forecast_teacher(sample, "teacher", plan_forecast(sample, options))
    for cell in found.cells:
        w = cell.weight
        noise = (2 * w * model.residual_ty + w**2 * model.residual_t) / (1 + w) ** 2
        noise -= (2 * w + w**2) / (1 + w) ** 2 * model.residual_y
        truth = ((w / (1 + w)) ** 2 * model.distance + price(40, 3) * noise) / model.var_y
        assert abs(cell.estimate - truth) < 4 * cell.standard_error
        assert cell.low < cell.estimate < cell.high
    assert found.metric == "mse"
    assert found.temperature is None
    assert found.method == "refits"
    assert set(found.controls) == {"mean", "shuffled"}


def test_several_targets_are_summed():
    sample = a_model(seed=4).sample(400, np.random.default_rng(5))
    twice = np.hstack([sample.labels.values, sample.labels.values])
    doubled = type(sample)(
        **{**vars(sample), "labels": type(sample.labels)(twice)},
    )
    options = Options(labelled_rows=60)
    one, two = (
        forecast_teacher(rows, "teacher", plan_forecast(rows, options))
        for rows in (sample, doubled)
    )
    assert two.estimate == pytest.approx(one.estimate, rel=1e-6)
    assert two.baseline == pytest.approx(one.baseline, rel=1e-9)


@pytest.mark.parametrize("k", [0.25, 4.0])
def test_a_forecast_of_few_rows_meets_retrained_ridge_students(k):
    model = families.exact(k, 0.5, 8, 8, np.random.default_rng(7))
    sample = model.sample(800, np.random.default_rng(1))
    options = Options(labelled_rows=20, weights=tuple(WEIGHTS))
    found = forecast_teacher(sample, "teacher", plan_forecast(sample, options))
    changes, baseline = retrained(model, 20, found.penalty, 250)
    truth, error = changes.mean(axis=0), changes.std(axis=0) / np.sqrt(len(changes))
    for cell, expected, inexact in zip(found.cells, truth, error, strict=True):
        # The interval of three standard errors, and those of the retrained mean.
        apart = abs(cell.estimate - expected)
        assert apart < 3 * np.hypot(cell.standard_error, inexact)
        assert apart < abs(expected) / 2
    # The sample's labels vary by some percent more or less than those of the population.
    assert found.baseline == pytest.approx(baseline, rel=0.1)
    # Least squares gains, or loses, more than twice as much.
    without = replace(options, penalty=0.0)
    unpenalised = forecast_teacher(sample, "teacher", plan_forecast(sample, without))
    for cell, other in zip(found.cells, unpenalised.cells, strict=True):
        assert abs(other.estimate) > 2 * abs(cell.estimate)
    assert any("few for 8 columns" in note for note in found.notes)


def retrained(model: JointGaussian, n: int, penalty: float, times: int) -> tuple[np.ndarray, float]:
    """Return changes of the exact risk of ridge students (times, C), and the mean risk without."""
    rng, p = np.random.default_rng(3), model.p2
    inside, across = model.covariance[p:-1, p:-1], model.covariance[p:-1, -1]
    scale = np.sqrt(np.diag(inside))
    risks = np.empty((times, 1 + len(WEIGHTS)))
    for number in range(times):
        drawn = model.sample(n, rng)
        x = drawn.student / scale
        for place, w in enumerate((0.0, *WEIGHTS)):
            mixed = (drawn.labels.values + w * drawn.predictions["teacher"])[:, 0] / (1 + w)
            # Of the squared slopes beside the mean error: n times that beside the sum.
            head = Ridge(alpha=n * penalty).fit(x, mixed)
            slopes = head.coef_ / scale
            risk = head.intercept_**2 + model.var_y - 2 * slopes @ across
            risks[number, place] = (risk + slopes @ inside @ slopes) / model.var_y
    return risks[:, 1:] - risks[:, :1], float(risks[:, 0].mean())
