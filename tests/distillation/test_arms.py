import numpy as np
import pytest
from scipy.special import softmax

from cch_audit.distillation.arms import (
    BASELINE,
    CONTROLS,
    DISTILLED,
    Grid,
    baseline_cells,
    loss_formula,
    parse_grid,
    parse_sizes,
    plan_cells,
    soft_targets,
)
from cch_audit.errors import InputError
from cch_audit.settings import ConfirmationSettings

GRID = Grid((1.0, 2.0, 4.0), (0.3, 0.5))


def settings(temperature="1", weight="0.5"):
    return ConfirmationSettings(temperature=temperature, weight=weight)


def test_default_grid_is_the_papers():
    assert parse_grid(ConfirmationSettings()) == Grid(
        (1.0, 2.0, 3.0, 4.0), (0.2, 0.3, 0.5, 0.7, 0.8)
    )


def test_grid_keeps_order_and_drops_repeats():
    assert parse_grid(settings(" 4, 1.5,4 ", "0,0.5,.50")) == Grid((4.0, 1.5), (0.0, 0.5))


@pytest.mark.parametrize("temperature", ["0", "-1", "inf", "nan", "1,0"])
def test_impossible_temperatures(temperature):
    worst = temperature.split(",")[-1]
    with pytest.raises(InputError, match=rf"`temperature` {worst}: logits are divided by it"):
        parse_grid(settings(temperature=temperature))


@pytest.mark.parametrize("weight", ["1", "-0.1", "nan", "0.5,2"])
def test_impossible_weights(weight):
    worst = weight.split(",")[-1]
    with pytest.raises(InputError, match=rf"`weight` {worst}: it is the share"):
        parse_grid(settings(weight=weight))


@pytest.mark.parametrize("text", ["", "a", "1,,2", "1;2", "1,"])
def test_lists_that_are_no_numbers(text):
    with pytest.raises(InputError, match=r"`temperature` .* expected numbers separated by commas"):
        parse_grid(settings(temperature=text))
    with pytest.raises(InputError, match=r"`weight` .* expected numbers separated by commas"):
        parse_grid(settings(weight=text))


@pytest.mark.parametrize(
    ("text", "expected"), [("50", (50,)), (" 400,50, 100,50", (50, 100, 400)), ("1e3", (1000,))]
)
def test_sizes_are_sorted_once_each(text, expected):
    assert parse_sizes(ConfirmationSettings(train_size=text)) == expected
    assert parse_sizes(ConfirmationSettings()) is None


@pytest.mark.parametrize("text", ["9", "50,9.5", "0", "-20", "nan", "inf", "12.5"])
def test_sizes_that_are_none(text):
    with pytest.raises(InputError, match=r"`train_size` .*whole numbers of at least 10 rows"):
        parse_sizes(ConfirmationSettings(train_size=text))


def test_cells_for_classes():
    cells = plan_cells((BASELINE, DISTILLED, *CONTROLS[True]), GRID, True, 0.1)
    assert len(cells) == 1 + 5 * 6
    np.testing.assert_array_equal(cells.of(BASELINE), [0])
    assert (cells.temperature[0], cells.weight[0]) == (1.0, 0.0)
    pairs = {(t, w) for t in GRID.temperatures for w in GRID.weights}
    for arm in (DISTILLED, *CONTROLS[True]):
        found = cells.of(arm)
        assert set(zip(cells.temperature[found], cells.weight[found])) == pairs
    assert set(cells.penalty) == {0.1}


def test_cells_for_numbers():
    cells = plan_cells((BASELINE, DISTILLED, *CONTROLS[False]), GRID, False, 0.1)
    # One number per weight; a temperature means nothing here.
    assert len(cells) == 1 + 4 * 2
    assert set(cells.temperature) == {1.0}
    ridge = cells.of("matched_ridge")
    assert not cells.weight[ridge].any()
    # As free a choice as the distilled arm has: as many candidates, all stronger than the baseline.
    np.testing.assert_allclose(cells.penalty[ridge], [0.1 * 10**0.5, 1.0])
    assert set(np.delete(cells.penalty, ridge)) == {0.1}


def test_cells_without_a_teacher():
    cells = baseline_cells((0.1, 1.0))
    assert cells.arm == (BASELINE, BASELINE)
    assert not cells.weight.any()
    np.testing.assert_array_equal(cells.penalty, [0.1, 1.0])


TEACHER = np.random.default_rng(0).standard_normal((60, 3))
Y = np.random.default_rng(1).integers(3, size=60)


def targets(arm, y=Y):
    return soft_targets(arm, TEACHER.copy(), y, np.random.default_rng(2))


def rows(values):
    return sorted(map(tuple, values))


def test_teacher_is_passed_on():
    np.testing.assert_array_equal(targets(DISTILLED), TEACHER)


def test_shuffled_teacher_keeps_its_outputs_and_loses_their_rows():
    shuffled = targets("shuffled")
    assert rows(shuffled) == rows(TEACHER)
    # A random permutation leaves one row in place on average, more than six once in 10^4.
    assert (shuffled == TEACHER).all(axis=1).sum() <= 6


def test_shuffle_within_a_class_keeps_the_class():
    shuffled = targets("shuffled_within_class")
    for label in range(3):
        members = np.flatnonzero(label == Y)
        assert rows(shuffled[members]) == rows(TEACHER[members])
    assert (shuffled == TEACHER).all(axis=1).sum() <= 12  # three permutations, one each on average


def test_class_means_know_the_class_and_no_row():
    means = targets("class_means")
    for label in range(3):
        members = label == Y
        expected = np.tile(TEACHER[members].mean(axis=0), (members.sum(), 1))
        np.testing.assert_allclose(means[members], expected)


def test_uniform_teacher_prefers_no_class_at_any_temperature():
    for temperature in (0.5, 1.0, 4.0):
        np.testing.assert_allclose(softmax(targets("uniform") / temperature, axis=1), 1 / 3)


def test_mean_teacher_knows_no_rows():
    np.testing.assert_allclose(targets("mean"), np.tile(TEACHER.mean(axis=0), (60, 1)))


def test_shuffles_leave_the_teacher_alone():
    teacher = TEACHER.copy()
    for arm in ("shuffled", "shuffled_within_class", "class_means", "uniform", "mean"):
        soft_targets(arm, teacher, Y, np.random.default_rng(3))
        np.testing.assert_array_equal(teacher, TEACHER)


def test_formulas_name_their_terms():
    assert "CE(labels" in loss_formula(classes=True)
    assert "T^2 KL(teacher_T || student_T)" in loss_formula(classes=True)
    assert loss_formula(classes=False) == "MSE(labels, student) + w MSE(teacher, student)"
