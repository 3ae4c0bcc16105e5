"""What is said of a forecast, the choice among cells, and where a gain ends."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from cch_audit.forecasting.asked import forecast_teachers
from cch_audit.forecasting.choice import Chosen, choose, pooled_freedom
from cch_audit.forecasting.classes import helps
from cch_audit.forecasting.controls import CONTROLS, control_soft
from cch_audit.forecasting.curve import draw_curve, gain_ends
from cch_audit.forecasting.options import Options
from cch_audit.forecasting.outcome import impossible, judge
from cch_audit.results.forecast import ForecastControl
from cch_audit.sample import Labels, Sample
from cch_audit.work.doing import Work


def intervals(half: float, widest: float, n: int = 2, best: int = 0) -> Chosen:
    return Chosen(best, np.full(n, half / 2), np.full(n, half), widest, 50.0)


def control(estimate: float, high: float, advantage_high: float) -> ForecastControl:
    return ForecastControl(1.0, 0.5, estimate, estimate - 0.01, high, -0.01, -0.02, advantage_high)


@pytest.mark.parametrize(
    ("estimates", "half", "widest", "outcome"),
    [
        ((-0.05, 0.01), 0.01, 0.02, "helps"),
        ((-0.05, 0.01), 0.01, 0.06, "undecided"),
        ((0.05, 0.09), 0.01, 0.02, "hurts"),
        ((0.0, 0.0), 0.001, 0.002, "no_change"),
        ((-0.002, 0.01), 0.001, 0.0015, "no_change"),
        ((0.05, 0.09), 0.06, 0.08, "undecided"),
    ],
)
def test_an_outcome_follows_from_the_intervals(estimates, half, widest, outcome):
    chosen = intervals(half, widest)
    judged = judge(np.array(estimates), chosen, {}, (), min_effect=0.005)
    assert judged.outcome == outcome
    withheld = judge(np.array(estimates), chosen, {}, ("Too few rows.",), min_effect=0.005)
    assert withheld.outcome == "undecided"
    assert withheld.reasons == ("Too few rows.",)


@pytest.mark.parametrize(
    ("estimates", "outcome", "half_width"),
    [
        ([-0.03, 0.0], "helps", 0.02),
        ([0.015, 0.03], "hurts", 0.01),
        ([0.005, 0.03], "no_change", 0.01),
        ([-0.01, 0.0], "undecided", 0.02),
    ],
)
def test_an_interval_allows_for_the_choice_unless_every_cell_is_meant(
    estimates, outcome, half_width
):
    judged = judge(np.array(estimates), intervals(0.01, 0.02), {}, (), 0.006)
    assert (judged.outcome, judged.half_width) == (outcome, half_width)


@pytest.mark.parametrize(
    ("estimates", "halves", "widest", "why"),
    [
        ((-0.05, 0.01), (0.01, 0.01), 0.06, "of the recommended cell reaches zero"),
        ((-0.003, 0.01), (0.001, 0.02), 0.001, "less than what matters, and another may"),
        ((0.05, 0.09), (0.01, 0.1), 0.02, "of another cell than the recommended one"),
    ],
)
def test_an_open_forecast_says_which_interval_leaves_it_open(estimates, halves, widest, why):
    half = np.array(halves)
    judged = judge(np.array(estimates), Chosen(0, half / 2, half, widest, 50.0), {}, (), 0.005)
    assert judged.outcome == "undecided"
    assert why in judged.reasons[0]


@pytest.mark.parametrize(
    ("controls", "source"),
    [
        ({"uniform": control(-0.01, -0.005, -0.001)}, "transfer"),
        ({"uniform": control(-0.04, -0.03, 0.005)}, "regularisation"),
        ({"uniform": control(0.01, 0.02, 0.005)}, "open"),
    ],
)
def test_a_gain_that_a_control_has_too_is_no_transfer(controls, source):
    judged = judge(np.array([-0.05, 0.0]), intervals(0.01, 0.02), controls, (), 0.001)
    assert (judged.outcome, judged.source) == ("helps", source)
    assert ("uniform" in " ".join(judged.reasons)) == (source != "transfer")


def test_one_cell_needs_no_allowance_and_many_need_more():
    rng = np.random.default_rng(0)
    one = choose(np.zeros(1), np.eye(1), 1e6, 0.95, rng)
    assert one.widest == pytest.approx(1.96, abs=0.08)
    many = choose(np.arange(20.0), np.eye(20), 1e6, 0.95, rng)
    # Sidak: the largest of twenty independent errors.
    assert many.widest == pytest.approx(stats.norm.ppf((1 + 0.95 ** (1 / 20)) / 2), abs=0.1)
    alike = choose(np.arange(20.0), np.ones((20, 20)), 1e6, 0.95, rng)
    assert alike.widest == pytest.approx(1.96, abs=0.08)
    assert many.best == 0
    assert many.half_width[3] == pytest.approx(1.96, abs=0.01)


def test_degrees_of_freedom_are_those_of_the_larger_variance():
    assert pooled_freedom(((1.0, 30.0), (0.0, 3.0))) == pytest.approx(30)
    assert pooled_freedom(((1e-9, 30.0), (1.0, 3.0))) == pytest.approx(3, rel=1e-6)


def test_where_a_gain_ends():
    # .001 - .2 / n is zero at 200 rows.
    assert gain_ends(0.001, -0.2, 0.0, 100) == 200
    assert gain_ends(0.001, -0.2, 0.0, 300) is None
    assert gain_ends(-0.001, -0.2, 0.0, 100) is None
    end = gain_ends(0.001, -0.2, -5.0, 100)
    assert end is not None
    assert 0.001 - 0.2 / end - 5 / end**2 >= 0 > 0.001 - 0.2 / (end - 1) - 5 / (end - 1) ** 2


def test_a_curve_holds_the_rows_that_were_asked_for():
    cells = [(1.0, 0.2), (1.0, 0.8)]
    bias, second = np.array([0.001, 0.01]), np.array([-0.2, -1.5])
    curve = draw_curve(
        lambda n: bias + second / n, lambda n, cell: 0.001, cells, 0, 100, 90, 50, 0.95
    )
    assert [point.labelled_rows for point in curve] == [100, 200, 400, 800, 1600]
    assert curve[0].weight == 0.8
    assert curve[-1].weight == 0.2
    assert curve[0].recommended == pytest.approx(0.001 - 0.2 / 100)
    assert curve[0].low < curve[0].estimate < curve[0].high


@pytest.mark.parametrize("name", CONTROLS)
def test_controls_have_nothing_of_the_rows(name):
    rng = np.random.default_rng(3)
    soft = rng.dirichlet(np.ones(3), 60)
    y = rng.integers(3, size=60)
    taught = control_soft(name, soft, y, rng)
    np.testing.assert_allclose(taught.sum(axis=1), 1)
    if name == "uniform":
        assert (taught == 1 / 3).all()
        return
    labels = np.zeros(60, dtype=int) if name == "shuffled" else y
    for label in np.unique(labels):
        of_class = labels == label
        np.testing.assert_allclose(taught[of_class].mean(axis=0), soft[of_class].mean(axis=0))
    assert not np.allclose(taught, soft)


def test_a_gain_beyond_the_whole_loss_says_nothing():
    assert list(impossible(-0.5, 0.6)) == []
    (why,) = impossible(-2.86, 0.72)
    assert why.startswith("A gain of 2.86 is more than the whole loss of 0.72")


def test_a_change_by_rounding_is_neither_help_nor_harm():
    assert helps(-1e-16, 3e-17, 50.0) == helps(0.0, 0.0, 50.0) == 0.5
    assert helps(-0.01, 0.0, 50.0) == 1.0


def test_a_forecast_of_rows_that_look_like_copies_is_withheld():
    rng = np.random.default_rng(0)
    once = rng.standard_normal((200, 4))
    labels = (once[:, 0] + rng.standard_normal(200) > 0).astype(np.int64)
    x, y = np.repeat(once, 3, axis=0), np.repeat(labels, 3)
    teacher = x + 0.3 * np.repeat(rng.standard_normal((200, 4)), 3, axis=0)
    jitter = 1e-3 * rng.standard_normal((2, 600, 4))
    sample = Sample(
        teachers={"teacher": teacher + jitter[0]},
        student_name="student",
        student=x[:, :3] + jitter[1][:, :3],
        labels=Labels(y, ("no", "yes")),
        labels_name="labels",
    )
    found = forecast_teachers(sample, ["teacher"], Options(), Work(), 1)["teacher"]
    assert (found.outcome, found.source) == ("undecided", None)
    assert "near-copies" in found.reasons[0]
    trusted = replace(sample, independent=True)
    free = forecast_teachers(trusted, ["teacher"], Options(), Work(), 1)["teacher"]
    assert not any("near-copies" in one for one in free.reasons)
    assert (free.estimate, free.low) == (found.estimate, found.low)
