"""Where hand-made gaps and gains pass a threshold."""

import math
from dataclasses import replace

import pytest

from cch_audit.results import Crossing
from cch_audit.sweeping.crossings import Point, crossing, gain_point, gap_point, trace
from tests.rendering.forecasts import forecast
from tests.rendering.reports import (
    audit,
    confirmed_regression_report,
    confirmed_report,
    report,
    swept_report,
    swept_training_report,
)

STEPS = (0.0, 1.0, 3.0)


def points(*estimates: float, half_width: float = 0.5) -> list[Point]:
    return [Point(one, one - half_width, one + half_width) for one in estimates]


def test_a_falling_line() -> None:
    # The lines are 1 - x, then -(x - 1) / 2; those of the ends are half higher and lower.
    assert crossing(STEPS, points(1.0, 0.0, -1.0), 0.0) == Crossing(1.0, 0.5, 2.0, 1)


def test_a_rising_line_is_the_same_one() -> None:
    assert crossing(STEPS, points(-1.0, -0.5, 1.5), 0.0) == Crossing(1.5, 1.0, 2.0, 1)


def test_a_threshold_is_what_the_value_is_compared_with() -> None:
    found = crossing(STEPS, points(1.0, 0.0, -1.0, half_width=0.0), 0.25)
    assert found == Crossing(0.75, 0.75, 0.75, 1)


@pytest.mark.parametrize("estimates", [(2.0, 1.0, 0.5), (-2.0, -1.0, -0.5), (0.0, 0.0, 0.0)])
def test_a_value_that_stays_on_a_side_passes_nowhere(estimates: tuple[float, ...]) -> None:
    assert crossing(STEPS, points(*estimates), 0.0) is None


def test_an_interval_that_includes_the_threshold_from_the_start_is_open() -> None:
    assert crossing(STEPS, points(0.25, -0.25, -1.25), 0.0) == Crossing(0.5, None, 1.5, 1)


def test_an_interval_that_still_includes_it_at_the_end_is_open() -> None:
    found = crossing(STEPS, points(1.25, 0.25, -0.25), 0.0)
    assert found == Crossing(2.0, 0.75, None, 1)
    assert found.told_apart


def test_a_value_lost_in_its_intervals_is_not_told_apart() -> None:
    found = crossing(STEPS, points(0.1, -0.1, -0.2), 0.0)
    assert found == Crossing(0.5, None, None, 1)
    assert not found.told_apart


def test_the_first_of_several_is_given_with_its_own_interval() -> None:
    steps = (0.0, 1.0, 2.0, 3.0)
    found = crossing(steps, points(1.0, -1.0, 1.0, -1.0), 0.0)
    assert found == Crossing(0.5, 0.25, 0.75, 3)


def test_a_number_that_is_not_finite_is_passed_by() -> None:
    for odd in (math.nan, math.inf, -math.inf):
        found = crossing((0.0, 1.0, 2.0, 3.0), points(odd, 1.0, -1.0, odd), 0.0)
        assert found is not None
        assert found.step == 1.5


def test_a_gap_is_the_median_in_the_hull_of_those_that_decide() -> None:
    level = report().audits[0].levels["representations"]
    found = gap_point(level)
    voters = [level.estimators[name] for name in ("ksg", "mine", "lmi")]
    assert found.estimate == sorted(voter.gap.estimate for voter in voters)[1]
    assert found.low == min(voter.verdict_interval.low for voter in voters)
    assert found.high == max(voter.verdict_interval.high for voter in voters)


def test_a_fall_of_the_error_is_a_gain() -> None:
    for case, sign in ((confirmed_report(), 1), (confirmed_regression_report(), -1)):
        found = case.audits[0].confirmation
        assert found is not None
        gain = gain_point(found)
        change = found.main.change
        assert gain.estimate == sign * change.estimate
        assert gain.low <= gain.estimate <= gain.high
        assert {gain.low, gain.high} == {
            sign * found.main.change.low,
            sign * found.main.change.high,
        }


def test_a_sweep_has_a_crossing_for_each_level_and_for_the_gain() -> None:
    sweep = swept_report().sweep
    assert sweep is not None
    assert set(sweep.gap_crossings) == {"predictions", "representations"}
    found = sweep.gap_crossings["representations"]
    assert found is not None
    assert 1.0 < found.step < 4.0
    assert sweep.gap_crossings["predictions"] is None
    assert sweep.gain_crossing is not None
    assert 1.0 < sweep.gain_crossing.step < 4.0


def test_the_gap_of_a_teacher_that_stays_passes_nowhere() -> None:
    sweep = swept_training_report().sweep
    assert sweep is not None
    assert set(sweep.gap_crossings.values()) == {None}
    assert sweep.gain_crossing is not None


def test_a_sweep_has_a_crossing_of_the_forecast() -> None:
    audits = [
        replace(audit(), forecast=forecast(estimate=change, low=change - 0.02, high=change + 0.02))
        for change in (-0.03, 0.03)
    ]
    found = trace(audits, "noise", "mod/text", (0.0, 1.0), 0.0).forecast_crossing
    assert found is not None
    # The gain falls from .03 to -.03, its interval from [.01, .05] to [-.05, -.01].
    assert (found.step, found.low, found.high) == pytest.approx((0.5, 1 / 6, 5 / 6))
    without = [audits[0], replace(audits[1], forecast=None)]
    assert trace(without, "noise", "mod/text", (0.0, 1.0), 0.0).forecast_crossing is None
