import numpy as np
import pytest
from samplers import Gaussian, Independent, Mixture, in_groups

from cch_audit.estimators import GaussianSettings
from cch_audit.estimators.gaussian import estimate

SETTINGS = GaussianSettings()


def run(x, y, seed=0, groups=None):
    return estimate(x, y, np.random.default_rng(seed), SETTINGS, in_groups(groups))


@pytest.mark.parametrize("d", [5, 20, 40])
def test_closed_form_in_many_dimensions(d):
    sampler = Gaussian((0.8,) * 5, d, d)
    found = run(*sampler.sample(2000))
    error = found.pseudo_values.std() / np.sqrt(2000)
    # A direction found on m rows among d is off by sin^2 = d / (m r^2) on each side, which costs
    # d / (m (1 - r^2)) nats a pair; m is 2/3 of 4/5 of the rows.
    loss = 5 * d / (2000 * 8 / 15 * (1 - 0.8**2))
    assert -4 * error - loss < found.value - sampler.information < 4 * error


def test_monotone_marginals_do_not_matter():
    sampler = Gaussian((0.9,))
    x, y = sampler.sample(2000)
    assert run(np.exp(3 * x), y**5).value == run(x, y).value


def test_lower_bound_on_average():
    sampler = Gaussian((0.7,), 10, 10)
    values = [run(*sampler.sample(200, seed), seed).value for seed in range(20)]
    error = np.std(values) / np.sqrt(20)
    assert np.mean(values) < sampler.information + 2 * error
    sampler = Mixture(1.5, (0.5, 0.3, 0.2), 5)
    values = [run(*sampler.sample(200, seed), seed).value for seed in range(20)]
    error = np.std(values) / np.sqrt(20)
    assert np.mean(values) < sampler.information + 2 * error


def test_pseudo_value_of_a_class_row_is_a_log_ratio():
    # Far apart and equally likely: log p(y | x) / p(y) is log 2 for every row.
    x, y = np.random.default_rng(0).standard_normal((400, 1)), np.arange(400) % 2
    found = run(x + 1000 * y[:, None], y)
    # Normal scores keep the order only: the classes meet at zero, so a few rows are unsure.
    assert found.value == pytest.approx(np.log(2), abs=0.15)
    assert found.pseudo_values.max() <= np.log(2) + 0.02


def _class_in_one_group(code: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three classes, one of which lives in a single group."""
    x, _ = Independent(3, 3).sample(200)
    groups = np.repeat(np.arange(20), 10)
    others = [other for other in range(3) if other != code]
    y = np.where(groups == 0, code, np.random.default_rng(0).choice(others, size=200))
    return x, y, groups


def test_last_class_that_training_folds_lack():
    x, y, groups = _class_in_one_group(2)
    assert np.isfinite(run(x, y, groups=groups).value)


def test_first_class_that_training_folds_lack():
    x, y, groups = _class_in_one_group(0)
    found = run(x, y, groups=groups)
    # A class a model never saw has a posterior of nearly nothing; it cannot be as likely as its
    # prior.
    assert found.pseudo_values[y == 0].max() < -1
