import numpy as np
import pytest
from samplers import Gaussian, Independent, Mixture, in_groups
from scipy.stats import kstest

from cch_audit.auditing.surrogates import ColumnSurrogates, Side, draw_surrogate, fit_classes
from cch_audit.dependence.units import Dependence
from cch_audit.estimators import estimate
from cch_audit.estimators.contract import Estimate, is_classes, normal_scores
from cch_audit.settings import EstimatorSettings


def rng(seed=0):
    return np.random.default_rng(seed)


PAIR = Mixture(2.0, (0.5, 0.5), 2)


def fitted(x, y, dependence=None):
    """Return what surrogates are drawn from."""
    if is_classes(y):
        return fit_classes(x, y, dependence)
    return ColumnSurrogates.fit(Side.of(x), Side.of(y), dependence)


def measured(name, x, y):
    """Return an estimate with its standard error."""
    found = estimate(name, x, y, rng(), EstimatorSettings())
    return found.value, found.pseudo_values.std() / np.sqrt(len(x))


def skewed(n):
    """Return a sample with correlations, skew and heavy tails."""
    x, y = Gaussian((0.8, 0.4), 3, 2).sample(n)
    return np.exp(x), y**3


@pytest.mark.parametrize("name", ["gaussian", "ksg"])
def test_information_of_columns_is_what_others_measure(name):
    drawn = draw_surrogate(*skewed(4000), rng())
    value, error = measured(name, normal_scores(drawn.x), normal_scores(drawn.y))
    # Held-out fits and KSG in three dimensions are low by a few hundredths.
    assert value == pytest.approx(drawn.information, abs=4 * error + 0.05)


@pytest.mark.parametrize("name", ["gaussian", "ksg"])
def test_information_of_classes_is_what_others_measure(name):
    drawn = draw_surrogate(*Mixture(2.0, (0.5, 0.3, 0.2), 3).sample(4000), rng())
    value, error = measured(name, drawn.x, drawn.y)
    assert value == pytest.approx(drawn.information, abs=4 * error + 0.03)


@pytest.mark.parametrize("n", [300, 3000])
def test_information_of_a_gaussian_is_recovered(n):
    sampler = Gaussian((0.8, 0.4), 3, 2)
    found = [draw_surrogate(*sampler.sample(n, seed), rng()).information for seed in range(10)]
    # One estimate of -1/2 sum log(1 - r^2) has standard error sqrt(sum r^2 / n); ten have a third
    # of it. Shrinkage may move it by a tenth: a surrogate resembles the sample, no more.
    error = np.sqrt((0.8**2 + 0.4**2) / n / 10)
    assert np.mean(found) == pytest.approx(sampler.information, rel=0.1, abs=4 * error)


@pytest.mark.parametrize("n", [300, 1000])
def test_strong_dependence_is_recovered(n):
    # -1/2 log(1 - r^2) is steep here: a correlation a hundredth too large adds a quarter nat.
    sampler = Gaussian((0.967,), 5, 1)
    for seed in range(10):
        found = draw_surrogate(*sampler.sample(n, seed), rng()).information
        # Four standard errors of r / sqrt(n), the noise of five directions, and a tenth.
        tolerance = 4 * 0.967 / np.sqrt(n) + 5 / (2 * n) + 0.1 * sampler.information
        assert found == pytest.approx(sampler.information, abs=tolerance)


@pytest.mark.parametrize("d", [10, 40, 90, 300])
def test_strong_factors_in_many_columns_are_recovered(d):
    # Four factors make up nearly all of the variance; KSG itself sees two nats of them.
    generator = rng()
    factors = Gaussian((0.9,) * 4)
    loadings = generator.standard_normal((2, 4, d))
    x, y = (
        side @ loading + 0.3 * generator.standard_normal((200, d))
        for side, loading in zip(factors.sample(200), loadings)
    )
    found = draw_surrogate(x, y, generator).information
    # Four standard errors of sqrt(4 r^2 / n), and a tenth.
    tolerance = 4 * np.sqrt(4 * 0.9**2 / 200) + 0.1 * factors.information
    assert found == pytest.approx(factors.information, abs=tolerance)


@pytest.mark.parametrize("distance", [1.0, 2.0, 3.0])
def test_information_of_a_mixture_is_recovered(distance):
    sampler = Mixture(distance, (0.4, 0.3, 0.3), 3)
    found = draw_surrogate(*sampler.sample(3000), rng()).information
    # Normal scores push the bumps of well-separated classes together; the rest is sampling, with
    # a standard error of about .02.
    assert found == pytest.approx(sampler.information, rel=0.15, abs=0.06)


@pytest.mark.parametrize("d", [1, 10, 100])
def test_independent_data_have_little_information(d):
    columns = draw_surrogate(*Independent(d, d).sample(300), rng())
    classes = draw_surrogate(*Independent(d, 0).sample(300), rng())
    # Sample correlations alone would say about d^2 / (2 n), 17 nats for a hundred columns; noise
    # means of four classes would say 3 d / (2 n), half a nat.
    assert 0 <= columns.information < 0.1 + 0.03 * d**2 / 600
    assert -0.02 < classes.information < 0.15


def test_monte_carlo_error_is_small():
    x, y = Mixture(2.0, (0.5, 0.3, 0.2), 3).sample(500)
    values = [draw_surrogate(x, y, rng(seed)).information for seed in range(10)]
    assert np.std(values) < 0.01  # .005 as documented


@pytest.mark.parametrize("classes", [False, True])
@pytest.mark.parametrize(("n", "d"), [(50, 1), (200, 5), (60, 100)])
def test_shape_is_that_of_the_sample(n, d, classes):
    x, y = Independent(d, 0 if classes else 2).sample(n)
    drawn = draw_surrogate(x, y, rng())
    assert drawn.x.shape == x.shape
    assert drawn.y.shape == y.shape
    assert drawn.y.dtype == y.dtype
    assert np.isfinite(drawn.x).all()
    assert np.isfinite(drawn.information)


def test_classes_keep_their_codes():
    x, y = Independent(2, 0).sample(200)
    drawn = draw_surrogate(x, 3 * y + 1, rng())
    np.testing.assert_array_equal(drawn.y, 3 * y + 1)


def test_class_means_are_those_of_the_sample():
    x, y = Mixture(3.0, (0.5, 0.5), 2).sample(2000)
    drawn = draw_surrogate(x, y, rng())
    for code in (0, 1):
        expected = normal_scores(x)[y == code].mean(axis=0)
        # Standard errors of two means of a thousand rows.
        np.testing.assert_allclose(drawn.x[y == code].mean(axis=0), expected, atol=0.15)


def test_untied_columns_keep_their_own_values():
    x, y = skewed(300)
    drawn = draw_surrogate(x, y, rng())
    np.testing.assert_array_equal(np.sort(drawn.x, axis=0), np.sort(x, axis=0))
    np.testing.assert_array_equal(np.sort(drawn.y, axis=0), np.sort(y, axis=0))
    assert (drawn.x != x).any(axis=0).all()


def test_tied_columns_become_gaussian():
    x, y = Gaussian((0.8,), 2, 1).sample(500)
    x = np.column_stack([np.maximum(x[:, 0], 0), x[:, 1]])
    drawn = draw_surrogate(x, y, rng())
    assert len(np.unique(drawn.x[:, 0])) == 500
    assert kstest(drawn.x[:, 0], "norm").pvalue > 0.001
    np.testing.assert_array_equal(np.sort(drawn.x[:, 1]), np.sort(x[:, 1]))


def test_correlations_are_those_of_the_sample():
    x, y = Gaussian((0.8,)).sample(3000)
    drawn = draw_surrogate(x, y, rng())
    found = np.corrcoef(drawn.x[:, 0], drawn.y[:, 0])[0, 1]
    # The sample's and the surrogate's: four standard errors of .36 / sqrt(3000) each.
    assert abs(found) == pytest.approx(0.8, abs=0.04)


def test_draws_follow_the_generator():
    x, y = skewed(100)
    first, again, other = (draw_surrogate(x, y, rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.x, again.x)
    assert (first.x != other.x).any()
    assert first.information == other.information  # in closed form


@pytest.mark.parametrize("classes", [False, True])
def test_repeated_and_scarce_columns_stay_finite(classes):
    x, y = Independent(2, 0 if classes else 2).sample(100)
    drawn = draw_surrogate(np.hstack([x, x, 0 * x]), y, rng())
    assert np.isfinite(drawn.x).all()
    assert np.isfinite(drawn.information)


def test_a_side_that_is_constant_within_groups_stays_so():
    groups = np.repeat(np.arange(200), 4)
    x, y = Gaussian((0.8,), 2, 2).sample(200)
    x = x[groups] + rng().standard_normal((800, 2))
    draws = [draw_surrogate(x, y[groups], rng(seed), in_groups(groups)) for seed in range(10)]
    assert max(np.ptp(drawn.y.reshape(200, 4, 2), axis=1).max() for drawn in draws) < 1e-9
    assert min(np.ptp(drawn.x.reshape(200, 4, 2), axis=1).min() for drawn in draws) > 1e-3
    # What varies within groups cannot follow; the correlation is that of the sample all the same.
    found = [np.linalg.norm(np.corrcoef(drawn.x.T, drawn.y.T)[:2, 2:], 2) for drawn in draws]
    wanted = np.linalg.norm(np.corrcoef(x.T, y[groups].T)[:2, 2:], 2)
    assert np.mean(found) == pytest.approx(wanted, abs=0.05)


@pytest.mark.parametrize("classes", [False, True])
@pytest.mark.parametrize("grouped", [False, True])
def test_one_model_serves_all_draws(classes, grouped):
    x, y = Independent(70, 0 if classes else 2).sample(60)
    dependence = Dependence.of(np.arange(60) // 3, None, 0, 60) if grouped else None
    model = fitted(x, y, dependence)
    model.draw(rng(1))
    again, alone = model.draw(rng(2)), draw_surrogate(x, y, rng(2), dependence)
    np.testing.assert_array_equal(again.x, alone.x)
    np.testing.assert_array_equal(again.y, alone.y)
    assert again.information == alone.information


def test_more_columns_than_rows_correlate_as_those_of_the_sample():
    generator = rng()
    factors = generator.standard_normal((100, 3))
    x, y = (factors @ generator.standard_normal((3, 150)) for _ in range(2))
    x, y = x + generator.standard_normal(x.shape), y + generator.standard_normal(y.shape)
    model = fitted(x, y)
    drawn = [model.draw(generator) for _ in range(30)]
    found = np.mean([np.corrcoef(one.x.T) for one in drawn], axis=0)
    # Thirty draws of a hundred rows: five standard errors.
    np.testing.assert_allclose(found, np.corrcoef(normal_scores(x).T), atol=5 / np.sqrt(3000))


@pytest.mark.parametrize("kind", ["columns", "classes"])
def test_chance_is_taken_off_an_error(kind):
    x, y = Gaussian((0.8,)).sample(300) if kind == "columns" else PAIR.sample(300)
    plain, without, left = [], [], []
    for seed in range(40):
        drawn = draw_surrogate(x, y, rng(seed))
        found = estimate("gaussian", drawn.x, drawn.y, rng(seed), EstimatorSettings())
        error, raw, share = drawn.error(found)
        assert raw == error
        plain.append(found.value - drawn.information)
        without.append(error)
        left.append(share)
    assert np.mean(without) == pytest.approx(np.mean(plain), abs=4 * np.std(plain) / np.sqrt(40))
    # At least half of the variance is known, and the rows say so.
    assert np.var(without) < np.var(plain) / 2
    assert np.mean(left) < 0.5


def test_an_estimate_that_does_not_follow_the_rows_keeps_its_error():
    drawn = draw_surrogate(*Gaussian((0.8,)).sample(300), rng())
    noise = rng(1).standard_normal(300)
    error, _, left = drawn.error(Estimate(0.5, 0.5 + noise - noise.mean()))
    assert error == pytest.approx(0.5 - drawn.information, abs=0.05)
    assert left > 0.95
    constant, _, _ = drawn.error(Estimate(0.5, np.full(300, 0.5)))
    assert constant == 0.5 - drawn.information


@pytest.mark.parametrize("n", [60, 2000])
@pytest.mark.parametrize("grouped", [False, True])
def test_log_ratios_have_the_information_as_their_mean(n, grouped):
    # Of 60 rows there are more columns than rows.
    dependence = Dependence.of(np.arange(n) // 2, None, 0, n) if grouped else None
    for sampler in (Gaussian((0.8, 0.4), 70, 2), Mixture(2.0, (0.5, 0.3, 0.2), 70)):
        model = fitted(*sampler.sample(n), dependence)
        drawn = [model.draw(rng(seed)) for seed in range(2000 // n)]
        ratios = np.concatenate([one.log_ratios for one in drawn])
        information = np.mean([one.information for one in drawn])
        # Pairs of rows count as one at least.
        error = ratios.std() / np.sqrt(len(ratios) / 2)
        # Of classes the information is a mean over 10,000 drawn rows itself.
        assert ratios.mean() == pytest.approx(information, abs=5 * error)


@pytest.mark.parametrize("d", [4, 300])
def test_few_white_scores_draw_the_same(d):
    x, y = Gaussian((0.9,), d, 5).sample(200)
    x[:, 0] = np.round(x[:, 0])  # one column with equal values
    found = [
        ColumnSurrogates.fit(Side.of(x, whole=whole), Side.of(y, whole=whole), None).draw(rng())
        for whole in (True, False)
    ]
    assert Side.of(x, whole=False).white.shape[1] < max(Side.of(x).white.shape[1], 26)
    np.testing.assert_array_equal(found[0].x, found[1].x)
    np.testing.assert_array_equal(found[0].y, found[1].y)
    assert found[0].information == found[1].information
