import numpy as np
import pytest
import reference
from samplers import Gaussian, Independent, Mixture, in_groups

from cch_audit.estimators.contract import standardize
from cch_audit.estimators.knn import local_informations
from cch_audit.estimators.neighbors import conditional_on_classes, from_neighbors


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("classes", [False, True])
def test_pseudo_values_are_leave_one_out_differences(k, classes):
    sampler = Mixture(1.5, (0.6, 0.4), 2) if classes else Gaussian((0.7,), 2, 1)
    x, y = sampler.sample(60)
    # Every space has mean squared norm 1.
    scaled = (standardize(x) / np.sqrt(2), y if classes else standardize(y))
    value = reference.local_informations(*scaled, k).mean()
    raw = 60 * value - 59 * reference.leave_one_out(*scaled, k)
    found = from_neighbors(x, y, k)
    assert found.value == pytest.approx(value, abs=1e-9)
    np.testing.assert_allclose(found.pseudo_values, raw - raw.mean() + value, atol=1e-9)


@pytest.mark.parametrize("n", [50, 101, 1000])
def test_mean_of_pseudo_values_is_the_estimate(n):
    found = from_neighbors(*Gaussian((0.7, 0.3), 3, 2).sample(n), 3)
    assert found.pseudo_values.mean() == pytest.approx(found.value, abs=1e-12)


def test_rows_move_with_their_pseudo_values():
    x, y = Gaussian((0.7,), 2, 2).sample(200)
    order = np.random.default_rng(0).permutation(200)
    found, moved = from_neighbors(x, y, 3), from_neighbors(x[order], y[order], 3)
    np.testing.assert_allclose(moved.pseudo_values, found.pseudo_values[order], atol=1e-9)


def test_sides_can_be_swapped():
    x, y = Gaussian((0.7, 0.4), 4, 2).sample(300)
    found, swapped = from_neighbors(x, y, 3), from_neighbors(y, x, 3)
    assert swapped.value == pytest.approx(found.value, abs=1e-13)
    np.testing.assert_allclose(swapped.pseudo_values, found.pseudo_values, atol=1e-10)


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1e6, 1e12])
@pytest.mark.parametrize("rounded", [False, True])
def test_scale_and_shift_of_each_column_do_not_matter(scale, rounded):
    x, y = Gaussian((0.7, 0.4), 3, 2).sample(200)
    if rounded:
        x, y = np.round(2 * x), np.round(2 * y)
    found = from_neighbors(x, y, 3)
    moved = from_neighbors(x * [scale, 1, 1 / scale] + [0, 10, 0], (y - 7) * scale, 3)
    np.testing.assert_allclose(moved.pseudo_values, found.pseudo_values, atol=1e-9)


def test_half_zero_features_invent_nothing():
    # Strict counting under Chebyshev distances finds .15 to .22 nats here.
    sampler = Independent(16, 16, relu=True)
    values = [from_neighbors(*sampler.sample(600, seed), 3).value for seed in range(10)]
    error = np.std(values) / np.sqrt(10)
    assert np.mean(values) == pytest.approx(0.0, abs=4 * error)
    assert error < 0.02


def test_spaces_of_different_dimension_are_on_one_scale():
    # 64 standardised columns lie eight times as far apart as one and alone would decide every
    # radius: the estimate would be 0 to rounding.
    x, y = Gaussian((0.95,), 1, 1).sample(1000)
    noisy = x + 0.3 * np.random.default_rng(0).standard_normal((1000, 64))
    found = from_neighbors(noisy, y, 3)
    # The mean of 64 noisy columns gives x away, so that almost all of 1.16 nats is there; a
    # third of it is far above noise.
    assert 0.4 < found.value < 1.3


def test_rows_of_small_classes_are_left_out():
    x, y = Mixture(1.5, (0.5, 0.5), 2).sample(100)
    x = np.vstack([x, np.ones((4, 2))])
    y = np.concatenate([y, [7] * 4])
    found, without = from_neighbors(x, y, 3), from_neighbors(x[:100], y[:100], 3)
    assert found.value == without.value
    np.testing.assert_array_equal(found.pseudo_values[:100], without.pseudo_values)
    np.testing.assert_array_equal(found.pseudo_values[100:], found.value)


def test_class_one_larger_than_the_smallest_is_used():
    x, y = Mixture(1.5, (0.5, 0.5), 2).sample(100)
    x = np.vstack([x, np.random.default_rng(0).standard_normal((5, 2))])
    y = np.concatenate([y, [7] * 5])
    found = from_neighbors(x, y, 3)
    expected = reference.local_informations(standardize(x), y, 3).mean()  # any scale of x
    assert found.value == pytest.approx(expected, abs=1e-9)


def test_classes_that_are_all_too_small_give_zero():
    found = from_neighbors(np.random.default_rng(0).standard_normal((20, 2)), np.arange(20) // 2, 3)
    assert found.value == 0.0


def test_small_classes_lower_the_number_of_neighbours():
    x, y = np.random.default_rng(0).standard_normal((20, 2)), np.arange(20) % 5
    # Four rows in each class: two neighbours at most, since one row less must leave them.
    assert from_neighbors(x, y, 3).value == from_neighbors(x, y, 2).value


@pytest.mark.parametrize("n_neighbors", [1, 3])
def test_classes_of_two_give_zero(n_neighbors):
    x = np.random.default_rng(0).standard_normal((20, 2))
    found = from_neighbors(x, np.arange(20) // 2, n_neighbors)
    assert found.value == 0.0
    np.testing.assert_array_equal(found.pseudo_values, np.zeros(20))


def test_few_rows_lower_the_number_of_neighbours():
    x, y = Gaussian((0.7,)).sample(4)
    assert from_neighbors(x, y, 3).value == from_neighbors(x, y, 2).value


def test_conditional_on_classes_is_the_weighted_mean_within():
    rng = np.random.default_rng(0)
    classes = rng.permutation(np.repeat([0, 1], [200, 100]))
    x, y = Gaussian((0.8,)).sample(300)
    y = np.where(classes[:, None] == 0, y, rng.standard_normal((300, 1)))
    found = conditional_on_classes(x, y, classes, 3)
    parts = [from_neighbors(x[classes == c], y[classes == c], 3).value for c in (0, 1)]
    assert found.value == pytest.approx(parts[0] * 2 / 3 + parts[1] / 3, abs=1e-12)
    assert found.pseudo_values.mean() == pytest.approx(found.value, abs=1e-12)
    # -1/2 log(1 - .64) = .51 in two thirds of the rows, nothing in the others; two KSG
    # estimates with standard errors .1.
    assert found.value == pytest.approx(0.34, abs=0.3)
    assert parts[0] > 0.3 > parts[1]


def test_class_code_does_not_add_to_what_is_shared_within():
    x, y = Mixture(3.0, (0.5, 0.5), 2).sample(600)
    other, _ = Mixture(3.0, (0.5, 0.5), 2).sample(600, seed=1)
    paired = other[np.argsort(np.argsort(y, kind="stable"))]  # arbitrary rows: independent given y
    found = conditional_on_classes(x, paired, y, 3)
    error = found.pseudo_values.std() / np.sqrt(600)
    assert found.value == pytest.approx(0.0, abs=4 * error)


@pytest.mark.parametrize("dimensions", [(64, 8), (8, 64), (512, 16)])
def test_a_larger_space_does_not_blind_the_joint_norm(dimensions):
    # On standardised columns alone the larger space has all the larger distances, every row of the
    # other one counts as near, and the estimate is exactly 0 whatever the dependence.
    rng = np.random.default_rng(0)
    classes = rng.integers(10, size=1000)
    x, y = (
        rng.standard_normal((10, d))[classes] + rng.standard_normal((1000, d)) for d in dimensions
    )
    plain = local_informations(standardize(x), standardize(y), 3)[0].mean()
    assert abs(plain) < 0.01
    # Ten classes, of which eight columns tell most apart: well over a nat is shared.
    assert from_neighbors(x, y, 3).value > 1.0


@pytest.mark.parametrize("jitter", [(0.0, 0.0), (1e-6, 0.0), (0.01, 0.0), (0.01, 0.01), (0.3, 0.0)])
@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_near_repeats_within_groups_invent_nothing(correlation, jitter):
    # One image, several captions: one side is the same in a group and the other nearly.
    groups = np.repeat(np.arange(300), 4)
    errors = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        sides = Gaussian((correlation,)).sample(300, seed)
        x, y = (
            side[groups] + size * rng.standard_normal((len(groups), 1))
            for side, size in zip(sides, jitter)
        )
        signal = correlation**2 / np.prod([1 + size**2 for size in jitter])
        truth = -0.5 * np.log1p(-signal)
        errors.append(from_neighbors(x, y, 3, in_groups(groups)).value - truth)
    # Four standard errors, and what KSG adds to 300 free rows.
    assert np.mean(errors) == pytest.approx(0, abs=4 * np.std(errors) / np.sqrt(8) + 0.03)


@pytest.mark.parametrize("size", [2, 4])
def test_classes_within_groups_of_one_x_invent_nothing(size):
    groups = np.repeat(np.arange(100), size)
    x = np.random.default_rng(0).standard_normal((100, 1))[groups]
    found = from_neighbors(x, np.arange(len(x)) % 2, 3, in_groups(groups))
    # Every x comes with both classes, so nothing is shared.
    assert found.value == pytest.approx(0, abs=0.02)
