import numpy as np
import pytest
from scipy import stats

from cch_audit.distillation.effects import (
    FIRST_ORDER,
    LOOK,
    Tally,
    changes,
    judge_cause,
    judge_gain,
    over_seeds,
    radius,
    still_needed,
)
from cch_audit.results import Change

U = 200


def tallied(values, tested, units=None, n_units=U):
    """Tally repetitions (R, C, U) on the rows that each tests (R, U)."""
    units = np.arange(U) if units is None else units
    tally = None
    for repetition, rows in zip(values, tested, strict=True):
        one = Tally.of(repetition[:, rows], units[rows], n_units)
        tally = one if tally is None else tally.plus(one)
    return tally


def drawn(rng, n_repetitions, among=0.0, of_rows=0.0, both=1.0, mean=0.0, tests=0.6):
    """Differences m + a_r + b_i + e_ri, and the rows that each repetition tests."""
    shape = (n_repetitions, 1, U)
    values = mean + among * rng.standard_normal((n_repetitions, 1, 1))
    values = values + of_rows * rng.standard_normal(U) + both * rng.standard_normal(shape)
    order = rng.random((n_repetitions, U)).argsort(axis=1)
    return values, order < tests * U


def change(tally, overlap=0.2, confidence=0.95):
    (found,) = changes(tally, overlap, confidence, largest=1.0)
    return found


def test_estimate_is_the_mean_over_repetitions():
    values, tested = drawn(np.random.default_rng(0), 12, 0.1, 0.5)
    expected = np.mean([v[0, rows].mean() for v, rows in zip(values, tested)])
    assert change(tallied(values, tested)).estimate == pytest.approx(expected)


def test_what_repetitions_cannot_lower_is_that_of_rows():
    rng = np.random.default_rng(1)
    fixed = [change(tallied(*drawn(rng, n, of_rows=1.0))) for n in (6, 48, 192)]
    errors = [one.standard_error * np.sqrt(one.irreducible) for one in fixed]
    # sigma / sqrt(U) = .071, whatever the number of repetitions.
    np.testing.assert_allclose(errors, 1 / np.sqrt(U), rtol=0.25)
    free = [change(tallied(*drawn(rng, n, of_rows=0.0))) for n in (6, 48, 192)]
    assert free[2].standard_error < 0.4 * free[0].standard_error


def test_interval_covers_the_mean_over_rows_and_training_sets():
    hits, widths, estimates = 0, [], []
    for seed in range(200):
        rng = np.random.default_rng([seed, 2])
        found = change(tallied(*drawn(rng, 12, 0.2, 1.0, 1.0)), overlap=0.0)
        hits += found.low <= 0 <= found.high
        widths.append(found.standard_error)
        estimates.append(found.estimate)
    # Wider than 95 %, since it holds at every look: four standard errors of 200 below .95.
    assert hits / 200 > 0.95 - 4 * np.sqrt(0.05 * 0.95 / 200)
    # sigma_a^2 / R + overlap, + sigma_b^2 / U + sigma_e^2 / (R n_test): the error is what it says.
    assert np.mean(widths) == pytest.approx(np.std(estimates), rel=0.35)


def test_overlap_of_training_rows_widens():
    tally = tallied(*drawn(np.random.default_rng(3), 48, among=0.5))
    apart, half = change(tally, overlap=0.0), change(tally, overlap=0.5)
    alike = FIRST_ORDER * 0.5
    added = alike / (1 - alike)  # in units of the variance between training sets
    assert half.standard_error == pytest.approx(apart.standard_error * np.sqrt(1 + 48 * added), 0.1)
    assert half.irreducible == pytest.approx(added / (added + 1 / 48), abs=0.05)
    # Where repetitions differ by the rows that they test alone, most of it is not shared.
    tally = tallied(*drawn(np.random.default_rng(3), 192, among=0.0))
    shared = tally.means.var(ddof=1)
    assert change(tally, 0.5).standard_error < 0.3 * np.sqrt(shared)


def test_rows_of_a_group_are_one_unit():
    rng = np.random.default_rng(4)
    groups = np.arange(U) // 5
    of_group = rng.standard_normal(U // 5)[groups]
    order = rng.random((24, U // 5)).argsort(axis=1) < 24
    tested = order[:, groups]
    values = np.broadcast_to(of_group, (24, 1, U)) + 0.01 * rng.standard_normal((24, 1, U))
    whole = change(tallied(values, tested, groups, U // 5))
    rows = change(tallied(values, tested))
    assert whole.estimate == pytest.approx(rows.estimate)
    # Five equal rows count as one: 1 / sqrt(40).
    assert whole.standard_error == pytest.approx(of_group[::5].std() / np.sqrt(40), rel=0.15)
    assert rows.standard_error < 0.7 * whole.standard_error


def test_groups_of_unequal_size_count_by_their_rows():
    groups = np.repeat([0, 1, 2, 3], [100, 50, 30, 20])
    values = np.random.default_rng(5).standard_normal((1, U))
    tally = Tally.of(values, groups, 4)
    assert tally.means[0, 0] == pytest.approx(values.mean())
    assert tally.sums.sum() == pytest.approx(0, abs=1e-12)
    assert tally.n_test[0] == 4


def test_no_difference_is_no_certainty():
    tested = np.random.default_rng(6).random((12, U)) < 0.6
    found = change(tallied(np.zeros((12, 1, U)), tested))
    assert found.estimate == 0
    # The rule of three, two-sided: -log(.025) of 200 rows.
    assert found.high == pytest.approx(-np.log(0.025) / U)
    assert judge_gain(found, 0.01) == "undecided"
    assert judge_gain(found, 0.02) == "no_change"


def test_radius_is_that_of_the_confidence_sequence():
    # Waudby-Smith et al. 2021: never left by a mean of zero, at any look, in .95 of the runs.
    rng = np.random.default_rng(7)
    looks = np.arange(LOOK, 193, LOOK)
    left = 0
    for _ in range(200):
        x = rng.standard_normal(192)
        spans = [radius(np.array(x[:n].std(ddof=1)), n, 0.05) for n in looks]
        left += any(abs(x[:n].mean()) > span for n, span in zip(looks, spans))
    assert left / 200 < 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)


def gain(estimate, half, irreducible=0.5):
    return Change(estimate, estimate - half, estimate + half, half / 2, irreducible)


@pytest.mark.parametrize(
    ("estimate", "half", "outcome"),
    [
        (0.03, 0.02, "helps"),
        (0.03, 0.04, "undecided"),
        (0.000001, 0.0000001, "no_change"),
        (0.008, 0.001, "no_change"),
        (0.008, 0.003, "undecided"),
        (-0.03, 0.02, "hurts"),
        (-0.005, 0.002, "no_change"),
        (-0.005, 0.02, "undecided"),
        (0.0, 0.009, "no_change"),
    ],
)
def test_outcomes(estimate, half, outcome):
    assert judge_gain(gain(estimate, half), 0.01) == outcome


def test_causes():
    clear, equal, open_ = gain(0.03, 0.01), gain(0.0, 0.005), gain(0.01, 0.02)
    assert judge_cause([clear, clear], 0.01) == "transfer"
    assert judge_cause([clear, equal], 0.01) == "regularisation"
    assert judge_cause([clear, open_], 0.01) == "unclear"
    assert judge_cause([open_, equal], 0.01) == "regularisation"
    assert judge_cause([], 0.01) == "unclear"


def test_what_is_missing():
    # All of the interval is that of repetitions: four times as many halve it.
    assert still_needed(gain(0.01, 0.02, 0.0), 0.01, 24, 500) == (None, 72)
    # All of it is that of rows.
    assert still_needed(gain(0.01, 0.02, 1.0), 0.01, 24, 500) == (1500, None)
    assert still_needed(gain(0.01, 0.02, 1.0), 0.01, 24, None) == (None, None)
    assert still_needed(gain(0.02, 0.04, None), 0.01, 8, None) == (None, 24)


def test_runs_of_ones_own():
    x = np.random.default_rng(8).standard_normal(10) + 1
    found = over_seeds(x, 0.95, sequential=False)
    interval = stats.ttest_1samp(x, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.irreducible is None
    at_every_look = over_seeds(x, 0.95, sequential=True)
    assert at_every_look.low < found.low < found.high < at_every_look.high
    equal = over_seeds(np.full(10, 0.5), 0.95, sequential=False, resolution=0.1)
    assert equal.low < 0.5 < equal.high
