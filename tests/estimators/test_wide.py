import numpy as np
import pytest
from samplers import Mixture
from sklearn.covariance import ledoit_wolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from cch_audit.dependence.units import Dependence
from cch_audit.estimators.canonical import fit_canonical
from cch_audit.estimators.discriminant import log_posterior_ratios
from cch_audit.estimators.mixtures import ClassMixture
from cch_audit.estimators.wide import (
    Reached,
    coordinates_of,
    ledoit_wolf_parts,
    solve_through_rows,
)
from cch_audit.estimators.wide_classes import WideClassMixture

WIDE = (40, 90)


def rows(shape=WIDE, seed=0):
    """Return centred rows whose columns differ in scale and follow a few factors."""
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((shape[0], 3)) @ rng.standard_normal((3, shape[1]))
    x = factors + rng.standard_normal(shape) * rng.uniform(0.1, 2.0, shape[1])
    return x - x.mean(axis=0)


def classes(d=90):
    x, y = Mixture(2.0, (0.5, 0.3, 0.2), d).sample(60)
    return x, y


@pytest.mark.parametrize("shape", [WIDE, (90, 40), (30, 30), (20, 1)])
def test_shrinkage_is_that_of_scikit_learn(shape):
    x = rows(shape)
    s, m = ledoit_wolf_parts(x)
    covariance = (1 - s) * x.T @ x / len(x) + s * m * np.eye(shape[1])
    np.testing.assert_allclose(covariance, ledoit_wolf(x)[0], rtol=1e-9, atol=1e-12)


def test_shrinkage_of_coordinates_is_that_of_their_columns():
    x = rows()
    coordinates = Reached.by(x).coordinates
    assert ledoit_wolf_parts(coordinates, x.shape[1]) == pytest.approx(ledoit_wolf_parts(x))


@pytest.mark.parametrize("make", [Reached.by, Reached.in_any_axes])
@pytest.mark.parametrize("shape", [WIDE, (90, 40)])
def test_the_row_space_keeps_all_lengths_and_angles(shape, make):
    x = rows(shape)
    reached = make(x)
    axes = reached.columns(np.eye(reached.coordinates.shape[1]))
    np.testing.assert_allclose(axes.T @ axes, np.eye(axes.shape[1]), atol=1e-9)
    np.testing.assert_allclose(x @ axes @ axes.T, x, atol=1e-9)
    np.testing.assert_allclose(x @ axes, reached.coordinates, atol=1e-9)
    others = rows(shape, seed=1)
    np.testing.assert_allclose(others @ axes, reached.of(others), atol=1e-9)


@pytest.mark.parametrize("make", [Reached.by, Reached.in_any_axes])
def test_rows_that_repeat_each_other_reach_no_more(make):
    x = rows()
    repeated = np.vstack([x, x[:20], np.zeros((3, x.shape[1]))])
    reached = make(repeated)
    assert reached.coordinates.shape == (63, 39)  # centred, so one row follows from the others
    products = reached.coordinates @ reached.coordinates.T
    np.testing.assert_allclose(products, repeated @ repeated.T, atol=1e-6)


@pytest.mark.parametrize("make", [Reached.by, Reached.in_any_axes])
def test_columns_that_do_not_vary_have_a_row_space_too(make):
    reached = make(np.zeros((5, 9)))
    assert reached.coordinates.shape == (5, 1)
    np.testing.assert_allclose(reached.coordinates, 0.0, atol=1e-9)
    assert (reached.of(np.ones((2, 9))) == 0).all()


def test_solving_through_rows():
    x, diagonal = rows(), np.random.default_rng(1).uniform(0.1, 1.0, 90)
    right = np.random.default_rng(2).standard_normal((90, 3))
    expected = np.linalg.solve(x.T @ x + np.diag(diagonal), right)
    np.testing.assert_allclose(solve_through_rows(x, diagonal, right), expected, atol=1e-9)


def test_discriminants_are_those_of_scikit_learn():
    x, y = classes()
    x[:, 0] = y == 0  # constant within each class
    known = np.arange(40)
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(x[known], y[known])
    expected = np.maximum(model.predict_log_proba(x) - np.log(model.priors_), -20.0)
    np.testing.assert_allclose(log_posterior_ratios(x, y, known, 3), expected, atol=1e-6)


def test_canonical_pairs_of_wide_sides_are_those_of_their_coordinates():
    x, y = rows(), rows((40, 70), seed=1)
    y[:, 0] = x[:, 0]
    whole = fit_canonical(x, y, np.arange(30), np.arange(30, 40))
    assert whole.x_weights.shape == (90, 30)
    # Directions in which no row that chose them varies have no weight.
    left = np.linalg.svd(x[:30])[2][30:]
    np.testing.assert_allclose(left @ whole.x_weights, 0.0, atol=1e-9)


def test_the_mixture_of_classes_has_the_information_of_its_covariance():
    x, y = classes()
    wide, plain = WideClassMixture.fit(x, y), ClassMixture.fit(x, y)
    found = [one.information(np.random.default_rng(0)) for one in (wide, plain)]
    # Two Monte Carlo errors of .01.
    assert found[0] == pytest.approx(found[1], abs=0.04)
    np.testing.assert_allclose(wide.means, plain.means, atol=1e-12)
    ratios = [one.log_ratio(x, one.y) for one in (wide, plain)]
    np.testing.assert_allclose(*ratios, atol=1e-9)


@pytest.mark.parametrize("grouped", [False, True])
def test_drawn_columns_have_that_covariance(grouped):
    x, y = classes(d=70)
    dependence = Dependence.of(np.arange(60) // 3, None, 0, 60) if grouped else None
    wide = WideClassMixture.fit(x, y, dependence)
    rng = np.random.default_rng(0)
    drawn = np.vstack([wide.draw(rng)[0] - wide.means[wide.y] for _ in range(200)])
    expected = ClassMixture.fit(x, y, dependence).covariance
    # 12,000 rows: five standard errors of a covariance of columns with variances near 1.
    np.testing.assert_allclose(drawn.T @ drawn / len(drawn), expected, atol=5 * 2 / np.sqrt(12000))


def test_columns_that_the_class_determines_are_told_from_nothing():
    y = np.arange(30) % 3
    wide = WideClassMixture.fit(np.eye(3)[y].repeat(20, axis=1), y)
    assert wide.information(np.random.default_rng(0)) == pytest.approx(np.log(3), abs=0.02)


def test_discriminants_of_many_columns_are_those_of_scikit_learn():
    x, y = Mixture(2.0, (0.5, 0.3, 0.2), 300).sample(600)
    known = np.arange(450)
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(x[known], y[known])
    expected = np.maximum(np.log(model.predict_proba(x)) - np.log(model.priors_), -20)
    np.testing.assert_allclose(log_posterior_ratios(x, y, known, 3), expected, atol=1e-9)


def test_coordinates_keep_lengths_and_angles():
    x = rows()
    found = coordinates_of(x)
    np.testing.assert_allclose(found @ found.T, x @ x.T, atol=1e-8)
    np.testing.assert_allclose(found, Reached.in_any_axes(x).coordinates)
    np.testing.assert_array_equal(coordinates_of(np.zeros((3, 5))), np.zeros((3, 1)))
