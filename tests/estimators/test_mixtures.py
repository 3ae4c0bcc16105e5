import numpy as np
import pytest
from samplers import Gaussian, Mixture, gaussian_information

from cch_audit.estimators.mixtures import (
    MONTE_CARLO_ROWS,
    ClassMixture,
    ColumnMixture,
    matrix_root,
)

ERROR = 0.03
"""Three standard errors of a Monte Carlo information of about 1 nat."""


def rng(seed=0):
    return np.random.default_rng(seed)


def pairs(correlations, shift=None, weights=(1.0,)):
    """Return a mixture of canonical pairs whose components are shifted along the first pair."""
    r = np.array(correlations)
    p = len(r)
    covariance = np.block([[np.eye(p), np.diag(r)], [np.diag(r), np.eye(p)]])
    means = np.zeros((len(weights), 2 * p))
    if shift is not None:
        means[:, 0] = means[:, p] = shift * np.arange(len(weights))
    return ColumnMixture(np.array(weights), means, covariance, p, 500)


def test_information_of_one_component_is_that_of_a_gaussian():
    found = pairs((0.9, 0.5)).information(rng())
    assert found == pytest.approx(gaussian_information((0.9, 0.5)), abs=ERROR)


def test_information_of_clusters_far_apart_is_their_entropy():
    weights = (0.5, 0.3, 0.2)
    entropy = -sum(w * np.log(w) for w in weights)
    assert pairs((0.0, 0.0), 20.0, weights).information(rng()) == pytest.approx(entropy, abs=ERROR)
    # Within clusters nothing else is shared; correlated pairs add what they share.
    both = pairs((0.0, 0.8), 20.0, weights).information(rng())
    assert both == pytest.approx(entropy + gaussian_information((0.8,)), abs=ERROR)


def test_leading_columns():
    mixture = pairs((0.9, 0.5, 0.1))
    assert mixture.leading(2).information(rng()) == pytest.approx(
        gaussian_information((0.9, 0.5)), abs=ERROR
    )
    x, y = mixture.leading(1).draw(rng())
    assert x.shape == y.shape == (500, 1)


def test_draws_are_those_of_the_mixture():
    mixture = pairs((0.7,), 12.0, (0.25, 0.75))
    x, y = (
        np.concatenate(sides)
        for sides in zip(*(mixture.draw(rng(seed)) for seed in range(20)), strict=True)
    )
    assert x.mean() == pytest.approx(0.75 * 12, abs=0.2)
    within = x[x < 6] - x[x < 6].mean(), y[x < 6] - y[x < 6].mean()
    assert (within[0] * within[1]).mean() == pytest.approx(0.7, abs=0.08)


@pytest.mark.parametrize("n", [300, 5000])
def test_fit_recovers_the_information(n):
    x, y = Gaussian((0.9, 0.6)).sample(n)
    fitted = ColumnMixture.fit(x, y, rng())
    assert (len(fitted.weights), fitted.n_left, fitted.n_samples) == (1, 2, n)
    # -log(1 - r^2) / 2 of r = .9 has a standard error of r / sqrt(n).
    assert fitted.information(rng()) == pytest.approx(
        gaussian_information((0.9, 0.6)), abs=ERROR + 3 * 1.2 / np.sqrt(n)
    )


def test_fit_finds_clusters():
    clusters = pairs((0.0, 0.0), 8.0, (0.25,) * 4)
    fitted = ColumnMixture.fit(*clusters.draw(rng()), rng(1))
    assert len(fitted.weights) >= 4
    assert fitted.information(rng(2)) == pytest.approx(np.log(4), abs=0.06)


def test_a_handful_of_rows_can_be_fitted():
    x, y = Gaussian((0.5,)).sample(20)
    assert np.isfinite(ColumnMixture.fit(x, y, rng()).information(rng()))


@pytest.mark.parametrize("distance", [0.5, 2.0, 5.0])
def test_information_of_classes(distance):
    sampler = Mixture(distance, (0.5, 0.3, 0.2), 5)
    fitted = ClassMixture.fit(*sampler.sample(4000))
    assert fitted.information(rng()) == pytest.approx(sampler.information, abs=ERROR)
    x, y = fitted.draw(rng())
    assert x.shape == (4000, 5)
    np.testing.assert_array_equal(y, sampler.sample(4000)[1])


def test_leading_columns_of_classes():
    x, y = Mixture(3.0, (0.5, 0.5), 4).sample(2000)
    fitted = ClassMixture.fit(x, y)
    alone = ClassMixture.fit(x[:, :1], y)
    # Ledoit-Wolf shrinks one column differently from four.
    assert fitted.leading(1).information(rng()) == pytest.approx(alone.information(rng()), abs=0.02)


def test_information_of_classes_in_many_columns_is_that_of_columns():
    x, y = Mixture(2.0, (0.5, 0.3, 0.2), 300).sample(900)
    model = ClassMixture.fit(x, y)
    r = rng(3)
    classes = r.choice(3, size=MONTE_CARLO_ROWS, p=np.bincount(model.y) / len(y))
    noise = r.standard_normal((MONTE_CARLO_ROWS, 300))
    columns = model.means[classes] + noise @ matrix_root(model.covariance).T
    expected = model.log_ratio(columns, classes).mean()
    assert model.information(rng(3)) == pytest.approx(expected, abs=1e-9)
