from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import kendalltau, norm
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from cch_audit.evidence import scoring
from cch_audit.evidence.results import Estimate
from cch_audit.evidence.scoring import (
    N_RESAMPLES,
    auc,
    balanced_accuracy,
    first_choices,
    kendall_tau,
    regret,
)
from cch_audit.rows import FloatArray, IntArray

N = 60


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def data(seed: int = 0, n_files: int = 6) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return values, gains and files, with ties in all."""
    draw = rng(seed)
    gains = np.round(draw.standard_normal(N), 1)
    values = np.round(gains + draw.standard_normal(N), 1)
    return values, gains, np.asarray(draw.permutation(np.arange(N) % n_files))


@pytest.mark.parametrize("seed", range(5))
def test_point_estimates_are_those_of_other_libraries(seed: int) -> None:
    values, gains, files = data(seed)
    helps = gains > 0.3
    assert auc(values, helps, files, 0.95, rng()).estimate == pytest.approx(
        roc_auc_score(helps, values)
    )
    assert kendall_tau(values, gains, files, 0.95, rng()).estimate == pytest.approx(
        kendalltau(values, gains).statistic
    )
    assert balanced_accuracy(values > 0, helps, files, 0.95, rng()).estimate == pytest.approx(
        balanced_accuracy_score(helps, values > 0)
    )


def test_by_hand() -> None:
    values, files = np.array([1.0, 2.0, 2.0, 5.0]), np.zeros(4, dtype=np.int64)
    helps = np.array([False, True, False, True])
    # Of the four pairs, 2 > 1, 2 = 2, 5 > 1 and 5 > 2.
    assert auc(values, helps, files, 0.95, rng()).estimate == 3.5 / 4
    # Six pairs, one tied in the values: 4 concordant, 1 discordant.
    gains = np.array([1.0, 3.0, 2.0, 2.5])
    tau = kendall_tau(values, gains, files, 0.95, rng()).estimate
    assert tau == pytest.approx((4 - 1) / np.sqrt(5 * 6))
    # Recall 1, and 1 of the 2 others.
    says_yes = np.array([True, True, False, True])
    assert balanced_accuracy(says_yes, helps, files, 0.95, rng()).estimate == 0.75


def test_within_groups_only_their_own_pairs_count() -> None:
    values = np.array([1.0, 2.0, 10.0, 20.0])
    gains = np.array([3.0, 4.0, 1.0, 2.0])
    files = np.array([0, 0, 1, 1])
    assert kendall_tau(values, gains, files, 0.95, rng()).estimate == pytest.approx(-2 / 6)
    assert kendall_tau(values, gains, files, 0.95, rng(), within=files).estimate == 1.0
    alone = np.arange(4)
    assert kendall_tau(values, gains, files, 0.95, rng(), within=alone).estimate is None


Slow = Callable[[IntArray], float]


def resampled(files: IntArray, statistic: Slow) -> tuple[float, float]:
    """Resample files one by one, with the draws of a fresh generator: the slow reference."""
    n_files = int(files.max()) + 1
    draws = rng().multinomial(n_files, np.full(n_files, 1 / n_files), size=N_RESAMPLES)
    found = []
    for counts in draws:
        rows = [
            np.flatnonzero(files == file) for file, count in enumerate(counts) for _ in range(count)
        ]
        found.append(statistic(np.concatenate(rows)))
    # Hesterberg's expansion, by the tables of Student's t: 2.571 for the 5 degrees of 6 files.
    assert n_files == 6
    tail = norm.cdf(-np.sqrt(6 / 5) * 2.5706)
    low, high = np.quantile(found, [tail, 1 - tail])
    return float(low), float(high)


def check(found: Estimate, files: IntArray, statistic: Slow) -> None:
    assert (found.low, found.high) == pytest.approx(resampled(files, statistic), rel=1e-3)


def test_intervals_are_those_of_resampled_files() -> None:
    values, gains, files = data()
    helps = gains > 0.3

    def slow_auc(rows: IntArray) -> float:
        ones, others = values[rows][helps[rows]], values[rows][~helps[rows]]
        return float(((ones[:, None] > others) + 0.5 * (ones[:, None] == others)).mean())

    def slow_tau(rows: IntArray) -> float:
        return float(kendalltau(values[rows], gains[rows]).statistic)

    def slow_balanced(rows: IntArray) -> float:
        yes, truth = values[rows] > 0, helps[rows]
        return float((yes[truth].mean() + (~yes[~truth]).mean()) / 2)

    check(auc(values, helps, files, 0.95, rng()), files, slow_auc)
    check(kendall_tau(values, gains, files, 0.95, rng()), files, slow_tau)
    check(balanced_accuracy(values > 0, helps, files, 0.95, rng()), files, slow_balanced)


def test_a_file_drawn_twice_is_two_files_to_the_pairs_within() -> None:
    values, gains, files = data()
    within = files * 2 + np.arange(N) % 2
    order = np.arange(N)

    def slow(rows: IntArray) -> float:
        # Each row of a repeated file gets the number of its copy.
        copies = np.array([(rows[:i] == row).sum() for i, row in enumerate(rows)])
        codes = within[rows] * N + copies
        pairs = codes[:, None] == codes
        x, y = (
            np.sign(side[rows][:, None] - side[rows]).astype(np.float64) * pairs
            for side in (values, gains)
        )
        return float((x * y).sum() / np.sqrt((x**2).sum() * (y**2).sum()))

    found = kendall_tau(values, gains, files, 0.95, rng(), within)
    assert found.estimate == pytest.approx(slow(order))
    check(found, files, slow)


def statistics(
    values: FloatArray, gains: FloatArray, files: IntArray, seed: int = 0
) -> list[Estimate]:
    helps = gains > 0.3
    return [
        auc(values, helps, files, 0.95, rng(seed)),
        kendall_tau(values, gains, files, 0.95, rng(seed)),
        kendall_tau(values, gains, files, 0.95, rng(seed), files),
        balanced_accuracy(values > 0, helps, files, 0.95, rng(seed)),
    ]


@pytest.mark.parametrize("n_files", [1, 2, 3, 4])
def test_few_files_give_no_interval(n_files: int) -> None:
    for found in statistics(*data(n_files=n_files)):
        assert found.estimate is not None
        assert (found.low, found.high) == (None, None)


def test_an_interval_holds_its_estimate() -> None:
    for found in statistics(*data()):
        assert found.low is not None
        assert found.estimate is not None
        assert found.high is not None
        assert found.low < found.estimate < found.high


@pytest.mark.parametrize("n_files", [5, 12])
def test_intervals_cover_what_independent_forecasts_deserve(n_files: int) -> None:
    # Files differ in level, so that trials of one file are alike. Of 200 samples 95 % should cover;
    # three standard errors are 4.6 %. Without the expansion it is 85 % with 5 files.
    files = np.repeat(np.arange(n_files), 6)
    covered = []
    for seed in range(200):
        draw = rng(seed)
        values, gains = (
            draw.standard_normal(6 * n_files) + draw.standard_normal(n_files)[files]
            for _ in range(2)
        )
        for within in (None, files):
            found = kendall_tau(values, gains, files, 0.95, draw, within)
            assert found.low is not None
            assert found.high is not None
            covered.append(found.low <= 0 <= found.high)
    assert np.mean(covered) > 0.95 - 0.046


def test_no_interval_where_resamples_do_not_differ() -> None:
    values = np.arange(20.0)
    found = auc(values, values > 9, np.arange(20) % 5, 0.95, rng())
    assert found == Estimate(1.0, None, None)


def test_no_interval_where_resamples_often_lack_a_class() -> None:
    # One file of five has all that helps: it is missing in (4/5)^5 = 33 % of the resamples.
    files = np.arange(20) % 5
    found = auc(rng().standard_normal(20), files == 0, files, 0.95, rng())
    assert found.estimate is not None
    assert found.low is None


def test_one_class_or_equal_values_leave_nothing_defined() -> None:
    values, gains, files = data()
    undefined = Estimate(None, None, None)
    for helps in (np.zeros(N, dtype=bool), np.ones(N, dtype=bool)):
        assert auc(values, helps, files, 0.95, rng()) == undefined
        assert balanced_accuracy(values > 0, helps, files, 0.95, rng()) == undefined
    assert kendall_tau(np.zeros(N), gains, files, 0.95, rng()) == undefined
    assert kendall_tau(values, np.zeros(N), files, 0.95, rng()) == undefined


def test_nothing_gives_nothing() -> None:
    none, no_files = np.zeros(0), np.zeros(0, dtype=np.int64)
    for found in statistics(none, none, no_files):
        assert found == Estimate(None, None, None)


def test_one_trial_has_no_pair() -> None:
    one, file = np.ones(1), np.zeros(1, dtype=np.int64)
    for found in statistics(one, one, file):
        assert found == Estimate(None, None, None)


def test_the_order_of_trials_changes_nothing() -> None:
    values, gains, files = data()
    order = rng(1).permutation(N)
    for one, other in zip(
        statistics(values, gains, files), statistics(values[order], gains[order], files[order])
    ):
        assert vars(one) == pytest.approx(vars(other))


def test_only_the_order_of_values_and_gains_matters() -> None:
    values, gains, files = data()
    assert statistics(values, gains, files)[:3] == statistics(values**3, gains, files)[:3]
    mirrored = kendall_tau(-values, gains, files, 0.95, rng()).estimate
    plain = kendall_tau(values, gains, files, 0.95, rng()).estimate
    assert mirrored is not None
    assert plain is not None
    assert mirrored == pytest.approx(-plain)


def test_huge_values_do_not_overflow() -> None:
    values = np.array([-1.7e308, 1.7e308, 0.0])
    with np.errstate(all="raise"):
        found = kendall_tau(values, values, np.arange(3), 0.95, rng())
    assert found.estimate == 1.0


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = statistics(*data())
    monkeypatch.setattr(scoring, "BLOCK", 7)
    assert statistics(*data()) == before


def test_same_seed_same_numbers_and_inputs_are_left_alone() -> None:
    values, gains, files = data()
    for array in (values, gains, files):
        array.flags.writeable = False
    assert statistics(values, gains, files) == statistics(values, gains, files)
    np.random.seed(5)  # noqa: NPY002 - the global stream is not touched
    wanted = np.random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    statistics(values, gains, files)
    assert np.random.random() == wanted  # noqa: NPY002


def test_regret_of_first_choices_by_hand() -> None:
    # Two choices: .3 instead of .3, .1 instead of .4; a third has no rival.
    values = np.array([3.0, 1.0, 2.0, 1.0, 5.0])
    gains = np.array([0.3, 0.1, 0.1, 0.4, 0.0])
    groups, files = np.array([0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 2])
    found, of_any = regret(values, gains, files, groups, 0.95, rng())
    assert found.estimate == pytest.approx((0.0 + 0.3) / 2)
    assert of_any == pytest.approx((0.1 + 0.15) / 2)
    assert first_choices(values, groups).tolist() == [0, 2]
    nothing, of_none = regret(values[:1], gains[:1], files[:1], groups[:1], 0.95, rng())
    assert (nothing.estimate, of_none) == (None, None)
