import numpy as np
import pytest
import reference
from samplers import Gaussian, Mixture
from scipy.special import digamma
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

from cch_audit.estimators.contract import standardize
from cch_audit.estimators.knn import digamma_table, local_informations

N = 50


def _data() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    pairs = {
        f"gaussian {d} dimensions": Gaussian((0.7,) * d, d, 1 + d // 2 + d % 2).sample(N, seed=d)
        for d in range(1, 6)
    }
    x, y = Gaussian((0.7, 0.4), 3, 2).sample(N)
    balanced = rng.permutation(np.arange(N) % 4)
    unbalanced = rng.permutation(np.repeat([0, 5, 9], [30, 13, 7]))
    relu, coarse = np.maximum(x, 0), np.round(2 * x)
    few_zeros = np.where(rng.random(x.shape) < 0.15, 0.0, x)
    return {
        **pairs,
        "half-zero": (relu, np.maximum(y, 0)),
        "half-zero, one column": (relu[:, :1], np.maximum(y[:, :1], 0)),
        "half-zero against continuous": (relu, y),
        "some zeros": (few_zeros, y),
        "integers": (coarse, np.round(2 * y)),
        "integers, one column": (coarse[:, :1], np.round(2 * y[:, :1])),
        "integers against continuous": (coarse, y),
        "integer beside continuous columns": (np.hstack([coarse[:, :1], x[:, 1:]]), y),
        "thirds, not exact in binary": (np.round(3 * x[:, :1]) / 3, np.round(3 * y) / 3),
        "rows twice": (np.repeat(x[: N // 2], 2, axis=0), np.repeat(y[: N // 2], 2, axis=0)),
        "rows three times": (np.repeat(x[:16], 3, axis=0), np.repeat(y[:16], 3, axis=0)),
        "rows five times": (np.repeat(x[:10], 5, axis=0), np.repeat(y[:10], 5, axis=0)),
        "x repeated, y not": (np.repeat(x[:10], 5, axis=0), y),
        "constant x": (np.zeros((N, 2)), y),
        "copies": (x, x),
        "balanced classes": (x, balanced),
        "unbalanced classes": (x, unbalanced),
        "classes, half-zero": (relu, balanced),
        "classes, integers": (coarse[:, :2], unbalanced),
        "classes, rows five times": (np.repeat(x[:10], 5, axis=0), balanced),
    }


DATA = _data()


@pytest.mark.parametrize("k", [1, 3, *(pytest.param(k, marks=pytest.mark.slow) for k in (2, 4, 5))])
@pytest.mark.parametrize("name", DATA)
def test_agrees_with_reference(name, k):
    x, y = DATA[name]
    terms, without = local_informations(x, y, k)
    # Sums of fifty numbers of order one: rounding is far below 1e-9.
    np.testing.assert_allclose(terms, reference.local_informations(x, y, k), atol=1e-9, rtol=0)
    np.testing.assert_allclose(without, reference.leave_one_out(x, y, k), atol=1e-9, rtol=0)


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("rounded", [False, True])
def test_agrees_with_reference_on_the_fewest_rows(k, rounded):
    for seed in range(20):
        x, y = Gaussian((0.7,)).sample(k + 2, seed)
        if rounded:
            x, y = np.round(x), np.round(y)
        terms, without = local_informations(x, y, k)
        np.testing.assert_allclose(terms, reference.local_informations(x, y, k), atol=1e-9, rtol=0)
        np.testing.assert_allclose(without, reference.leave_one_out(x, y, k), atol=1e-9, rtol=0)


@pytest.mark.parametrize("k", [1, 3])
def test_agrees_with_reference_on_the_smallest_classes(k):
    for seed in range(10):
        x, _ = Gaussian((0.7,)).sample(2 * (k + 2), seed)
        y = np.arange(len(x)) % 2
        terms, without = local_informations(x, y, k)
        np.testing.assert_allclose(terms, reference.local_informations(x, y, k), atol=1e-9, rtol=0)
        np.testing.assert_allclose(without, reference.leave_one_out(x, y, k), atol=1e-9, rtol=0)


@pytest.mark.parametrize("n", [1001, 1002, 1003])
def test_agrees_with_reference_when_rows_do_not_fill_the_blocks(n):
    x, y = Gaussian((0.7, 0.5), 4, 2).sample(n)
    terms, _ = local_informations(x, y, 3)
    np.testing.assert_allclose(terms, reference.local_informations(x, y, 3), atol=1e-9, rtol=0)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_regression_agrees_with_scikit_learn(k):
    x, y = Gaussian((0.8,)).sample(1000)
    x, y = standardize(x), standardize(y)  # as theirs does
    theirs = mutual_info_regression(x, y[:, 0], n_neighbors=k, random_state=0)[0]
    # Their noise of 1e-10 against ties moves no neighbour of continuous data this sparse.
    assert local_informations(x, y, k)[0].mean() == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_classes_agree_with_scikit_learn(k):
    x, y = Mixture(1.5, (0.5, 0.3, 0.2), 1).sample(1000)
    theirs = mutual_info_classif(x, y, n_neighbors=k, random_state=0)[0]
    assert local_informations(x, y, k)[0].mean() == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("name", DATA)
def test_order_of_rows_does_not_matter(name):
    x, y = DATA[name]
    order = np.random.default_rng(1).permutation(len(x))
    for ours, moved in zip(local_informations(x, y, 3), local_informations(x[order], y[order], 3)):
        np.testing.assert_allclose(ours[order], moved, atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", [name for name in DATA if "classes" not in name])
def test_sides_can_be_swapped(name):
    x, y = DATA[name]
    for ours, swapped in zip(local_informations(x, y, 3), local_informations(y, x, 3)):
        # The same counts; only the order of two subtractions differs.
        np.testing.assert_allclose(ours, swapped, atol=1e-13, rtol=0)


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1e3, 1e12])
@pytest.mark.parametrize("name", DATA)
def test_common_scale_does_not_matter(name, scale):
    x, y = DATA[name]
    scaled = (x * scale, y if y.ndim == 1 else y * scale)
    for ours, other in zip(local_informations(x, y, 3), local_informations(*scaled, 3)):
        np.testing.assert_allclose(ours, other, atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", [name for name in DATA if "classes" in name])
def test_names_of_classes_do_not_matter(name):
    x, y = DATA[name]
    renamed = np.array([7, 3, 100, -4, 0, 12, 5, 6, 8, 1])[y]
    for ours, other in zip(local_informations(x, y, 3), local_informations(x, renamed, 3)):
        np.testing.assert_array_equal(ours, other)


def test_digamma_table():
    np.testing.assert_allclose(digamma_table(500)[1:], digamma(np.arange(1, 501)), rtol=1e-13)
    assert len(digamma_table(500)) == 501
