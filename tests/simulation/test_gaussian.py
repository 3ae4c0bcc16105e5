"""Moments and informations of the joint Gaussian: Monte Carlo, and formulas written anew.

A Monte Carlo mean may lie 5 of its standard errors from the truth: about a hundred are compared,
and one of them would by chance in 20 000 runs.
"""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from cch_audit.rows import FloatArray
from cch_audit.simulation import families
from cch_audit.simulation.gaussian import JointGaussian
from cch_audit.simulation.information import gaussian_information

from .populations import POPULATIONS, random_populations

N = 200_000
STANDARD_ERRORS = 5


@cache
def population(name: str) -> JointGaussian:
    return POPULATIONS[name]()


@cache
def rows(name: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    sample = population(name).sample(N, np.random.default_rng([1, 5]))
    return sample.teachers["teacher"], sample.student, sample.labels.values[:, 0]


def assert_mean(draws: FloatArray, truth: float) -> None:
    """The mean of independent draws is the truth."""
    error = draws.std(ddof=1) / np.sqrt(len(draws))
    assert draws.mean() == pytest.approx(truth, abs=STANDARD_ERRORS * error + 1e-12)


def log_determinant(covariance: FloatArray, columns: list[int]) -> float:
    return np.linalg.slogdet(covariance[np.ix_(columns, columns)])[1]


def by_determinants(covariance: FloatArray, left: list[int], right: list[int]) -> float:
    """I = log(|A| |B| / |AB|) / 2."""
    parts = log_determinant(covariance, left) + log_determinant(covariance, right)
    return (parts - log_determinant(covariance, left + right)) / 2


@pytest.mark.parametrize("name", POPULATIONS)
def test_moments_are_those_of_the_rows(name):
    model = population(name)
    x1, x2, y = rows(name)
    t, s, t_seen = x1 @ model.w1, x2 @ model.b, x2 @ model.a

    assert_mean(y**2, model.var_y)
    assert_mean(s**2, model.var_s)
    assert_mean(t**2, model.var_t)
    assert_mean(t * s, model.cov_ts)
    assert_mean(t * y, model.cov_ty)
    assert_mean((y - s) ** 2, model.residual_y)
    assert_mean((t - t_seen) ** 2, model.residual_t)
    assert_mean((t - t_seen) * (y - s), model.residual_ty)
    assert_mean((t_seen - s) ** 2, model.distance)
    assert_mean((y - t) * (y - s), model.g)


@pytest.mark.parametrize("name", POPULATIONS)
def test_rows_have_the_covariance(name):
    model = population(name)
    columns = np.column_stack(rows(name))
    for i in range(columns.shape[1]):
        for j in range(i + 1):
            assert_mean(columns[:, i] * columns[:, j], model.covariance[i, j])


@pytest.mark.parametrize("name", POPULATIONS)
def test_what_the_student_cannot_predict_is_unrelated_to_what_it_sees(name):
    model = population(name)
    x1, x2, y = rows(name)
    for column in x2.T:
        assert_mean(column * (y - x2 @ model.b), 0.0)
        assert_mean(column * (x1 @ model.w1 - x2 @ model.a), 0.0)


@pytest.mark.parametrize("name", POPULATIONS)
def test_without_weights_the_teacher_is_least_squares(name):
    given = population(name)
    model = JointGaussian(given.covariance, given.p1, given.p2)
    x1, _, y = rows(name)
    for column in x1.T:
        assert_mean(column * (y - x1 @ model.w1), 0.0)
    assert model.var_t == pytest.approx(model.cov_ty)
    assert model.variance_condition
    assert not model.sample(50, np.random.default_rng(0)).predictions


def test_a_teacher_whose_weights_are_given_brings_its_predictions():
    model = population("random 5 to 3")
    sample = model.sample(50, np.random.default_rng(0))
    np.testing.assert_allclose(
        sample.predictions["teacher"][:, 0], sample.teachers["teacher"] @ model.w1
    )


def test_the_variance_condition_compares_predictions_with_labels():
    large, small = (
        JointGaussian(np.array([[1.0, 0.2, 0.5], [0.2, 1.0, 0.3], [0.5, 0.3, 2.0]]), 1, 1, weights)
        for weights in (np.array([1.5]), np.array([1.4]))
    )
    assert not large.variance_condition
    assert small.variance_condition


@pytest.mark.parametrize("model", random_populations(20))
def test_informations_are_those_of_the_determinants(model):
    edges = [0, model.p1, model.p1 + model.p2, model.p1 + model.p2 + 1]
    x1, x2, y = (list(range(*ends)) for ends in pairwise(edges))
    s = model.covariance
    of_teacher, of_both = by_determinants(s, x1, y), by_determinants(s, x1 + x2, y)
    of_student, shared = by_determinants(s, x2, y), by_determinants(s, x1, x2)

    assert model.teacher_student == pytest.approx(shared)
    assert model.student_labels == pytest.approx(of_student)
    assert model.predictions_student_labels == pytest.approx(of_student)
    assert model.teacher_labels == pytest.approx(of_teacher)
    assert model.teacher_labels_given_student == pytest.approx(of_both - of_student, abs=1e-7)
    # I(x1; x2 | y) = I(x1; (x2, y)) - I(x1; y)
    by_chain = by_determinants(s, x1, x2 + y) - of_teacher
    assert model.teacher_student_given_labels == pytest.approx(by_chain, abs=1e-7)


@pytest.mark.parametrize("model", random_populations(20))
def test_the_gap_is_what_the_labels_do_not_explain_less_what_only_the_student_knows(model):
    x1, x2 = range(model.p1), range(model.p1, model.p1 + model.p2)
    only_student = gaussian_information(model.covariance, x2, [model.p1 + model.p2], x1)
    gap = model.teacher_student - model.student_labels
    assert gap == pytest.approx(model.teacher_student_given_labels - only_student, abs=1e-7)


@pytest.mark.parametrize("name", POPULATIONS)
def test_informations_of_predictions_are_mean_log_ratios_of_densities(name):
    model = population(name)
    x1, x2, y = (side[:20_000] for side in rows(name))
    t, s = x1 @ model.w1, x2 @ model.b
    for truth, pair in (
        (model.predictions_teacher_student, (t, s)),
        (model.predictions_student_labels, (s, y)),
    ):
        assert_mean(log_ratios(np.column_stack(pair)), truth)


def log_ratios(pair: FloatArray) -> FloatArray:
    """Return log p(u, v) / (p(u) p(v)) of Gaussian rows, whose covariance is that of all rows."""
    covariance = pair.T @ pair / len(pair)
    together = multivariate_normal(cov=covariance).logpdf(pair)
    apart = [multivariate_normal(cov=covariance[i, i]).logpdf(pair[:, i]) for i in (0, 1)]
    return together - sum(apart)


def test_a_combination_that_both_sides_hold_is_infinite_information():
    model = families.negated(0.6, 3, 4, np.random.default_rng(0))
    assert model.teacher_student == np.inf
    assert model.predictions_teacher_student == np.inf
    assert model.teacher_labels_given_student == pytest.approx(0.0, abs=1e-12)


def test_a_block_may_hold_a_column_twice():
    covariance = np.array([[1.0, 1.0, 0.6], [1.0, 1.0, 0.6], [0.6, 0.6, 1.0]])
    expected = -0.5 * np.log(1 - 0.36)
    assert gaussian_information(covariance, [0, 1], [2]) == pytest.approx(expected)


def test_information_does_not_depend_on_units():
    model = population("random 5 to 3")
    scale = 10.0 ** np.arange(-4, 5)
    rescaled = JointGaussian(model.covariance * np.outer(scale, scale), 5, 3, model.w1 / scale[:5])
    assert rescaled.teacher_student == pytest.approx(model.teacher_student)
    assert rescaled.predictions_teacher_student == pytest.approx(model.predictions_teacher_student)
    assert rescaled.teacher_labels_given_student == pytest.approx(
        model.teacher_labels_given_student
    )


def test_the_same_generator_draws_the_same_rows():
    first, second = (
        population("exact").sample(60, np.random.default_rng(4)).student for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
