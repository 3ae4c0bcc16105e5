import numpy as np
import pytest
from samplers import Gaussian, Independent, Mixture, gaussian_information, in_groups

from cch_audit.estimators import KsgSettings
from cch_audit.estimators.calibration import Calibrated, calibrate, from_parts
from cch_audit.estimators.contract import normal_scores
from cch_audit.estimators.ksg import MIN_ROWS, estimate
from cch_audit.estimators.neighbors import from_neighbors


def rng(seed=0):
    return np.random.default_rng(seed)


def ksg(x, y, seed=0, groups=None, **settings):
    return estimate(x, y, rng(seed), KsgSettings(**settings), in_groups(groups))


def part(x, y, n_pairs=12, seed=0):
    """Calibrate the second half of the rows by the first."""
    middle, rows = len(x) // 2, np.arange(len(x))
    y = y if y.ndim == 1 else normal_scores(y)
    return calibrate(normal_scores(x), y, rows[:middle], rows[middle:], 3, n_pairs, rng(seed))


WIDE = Gaussian((0.9, 0.8, 0.7), 40, 40)


def curve(n, seed=0, noise=0.3):
    """Two noisy views of an angle, each bent into 30 columns; they share one dimension."""
    angles = rng(seed).uniform(-1, 1, size=(n, 2))
    angles[:, 1] = angles[:, 0] + noise * angles[:, 1]
    waves = rng(99).normal(scale=3.0, size=(2, 30))
    return [np.sin(angles[:, [side]] * waves[side] + waves[side]) for side in (0, 1)]


@pytest.mark.slow
def test_many_columns_are_calibrated():
    found = [ksg(*WIDE.sample(1500, seed)) for seed in range(3)]
    # Canonical directions found on 750 rows of 80 columns lose something.
    assert np.mean([one.value for one in found]) == pytest.approx(WIDE.information, rel=0.12)
    assert np.mean([one.raw for one in found]) < 0.5 * WIDE.information


@pytest.mark.slow
def test_many_columns_of_classes_are_calibrated():
    sampler = Mixture(3.0, (0.2,) * 5, 80)
    # Discriminants of 80 columns need rows: of 1500 each half still misses a sixth.
    found = [ksg(*sampler.sample(3000, seed)) for seed in range(3)]
    assert np.mean([one.value for one in found]) == pytest.approx(sampler.information, rel=0.12)
    assert np.mean([one.raw for one in found]) < 0.8 * sampler.information


@pytest.mark.parametrize("seed", range(3))
def test_a_curved_surface_is_not_taken_for_a_gaussian(seed):
    x, y = curve(1000, seed)
    # What the angles share, by neighbours in one column each, where they are all but unbiased.
    angles = rng(seed).uniform(-1, 1, size=(1000, 2))
    truth = from_neighbors(angles[:, :1], angles[:, :1] + 0.3 * angles[:, 1:], 3).value
    assert ksg(x, y).value < 1.1 * truth


@pytest.mark.parametrize(
    "sampler", [Independent(40, 40), Independent(40, 40, relu=True), Independent(40, 0)]
)
def test_independent_columns_stay_at_zero(sampler):
    values = [ksg(*sampler.sample(600, seed), seed=seed).value for seed in range(6)]
    # Their standard deviation is about .04.
    assert np.mean(values) == pytest.approx(0.0, abs=0.05)


def test_the_raw_value_is_that_of_all_columns():
    for x, y in (WIDE.sample(400), Mixture(2.0, (0.5, 0.5), 20).sample(400)):
        raw = from_neighbors(x, y, 3)
        assert ksg(x, y).raw == raw.value
        alone = ksg(x, y, n_pairs=0)
        assert alone.value == alone.raw == raw.value
        np.testing.assert_array_equal(alone.pseudo_values, raw.pseudo_values)


def test_few_columns_and_few_rows_are_not_calibrated():
    x, y = Gaussian((0.8,)).sample(500)
    assert ksg(x, y).value == from_neighbors(x, y, 3).value
    x, y = WIDE.sample(MIN_ROWS - 1)
    assert ksg(x, y).value == from_neighbors(x, y, 3).value


def test_few_groups_are_not_calibrated():
    # Rows of one group count once, however many there are.
    (x, y), groups = WIDE.sample(1500), np.arange(1500) % (MIN_ROWS - 1)
    found, raw = ksg(x, y, groups=groups), from_neighbors(x, y, 3, in_groups(groups))
    assert found.value == raw.value < 0.5 * ksg(x, y, groups=np.arange(1500) % 500).value
    np.testing.assert_array_equal(found.pseudo_values, raw.pseudo_values)


def test_the_larger_of_both_is_the_estimate():
    for seed in range(5):
        found = ksg(*Gaussian((0.6,), 3, 3).sample(300, seed))
        assert found.value >= found.raw
        assert found.pseudo_values.mean() == pytest.approx(found.value)
        assert found.seed_variance >= 0


def test_groups_stay_in_one_half(monkeypatch):
    seen = []

    def remember(x, y, others, rows, *rest):
        seen.append((others, rows))

    monkeypatch.setattr("cch_audit.estimators.ksg.calibrate", remember)
    # As many groups that count as the halves of a calibration need.
    groups = np.repeat(np.arange(250), 2)
    assert ksg(*WIDE.sample(500), groups=groups).raw is not None
    ((others, rows),) = seen
    assert not set(groups[others]) & set(groups[rows])


def test_the_allowance_is_what_neighbours_miss():
    found = part(*WIDE.sample(3000))
    assert isinstance(found, Calibrated)
    # KSG in 3 + 3 columns misses a fifth or so of 1.68 nats.
    assert 0.1 < found.allowance < 0.6
    assert found.pseudo_values.shape == (1500,)
    assert found.pseudo_values.mean() == pytest.approx(WIDE.information, rel=0.1)


def test_the_strongest_pairs_are_kept():
    found = part(*WIDE.sample(3000), n_pairs=1)
    assert found.pseudo_values.mean() == pytest.approx(gaussian_information((0.9,)), rel=0.1)


def test_pairs_beyond_chance_are_rare_and_add_nothing():
    found = [part(*Independent(20, 20).sample(600, seed), seed=seed) for seed in range(20)]
    some = [one for one in found if one is not None]
    # One of 20 pairs passes the universal threshold in 13 % of samples: 8 of 20 in .3 %.
    assert len(some) < 8
    assert all(abs(one.pseudo_values.mean()) < 0.2 for one in some)


def test_parts_differ_by_chance():
    folds = np.array([0, 1, 1, 0])
    parts = [Calibrated(np.array([1.0, 2.0]), 0.3), Calibrated(np.array([3.0, 4.0]), 0.5)]
    found = from_parts(parts, folds)
    np.testing.assert_array_equal(found.pseudo_values, [1, 3, 4, 2])
    assert found.value == 2.5
    # Two allowances, .2 apart: variance .02 of each, half of that of their mean.
    assert found.seed_variance == pytest.approx(0.01)
