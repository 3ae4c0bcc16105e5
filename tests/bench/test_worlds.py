"""The gaps of the worlds on which coverage is measured."""

import numpy as np
import pytest

from tests.bench.coverage import replicate, summarize
from tests.bench.populations import Population
from tests.bench.task import monte_carlo
from tests.bench.worlds import WORLDS


def information(of: float | Population) -> float:
    return of if isinstance(of, float) else monte_carlo(of, 40_000, seed=1).information


@pytest.mark.parametrize("name", WORLDS)
def test_a_gap_is_the_difference_of_the_informations(name: str):
    world = WORLDS[name]
    difference = information(world.teacher_student) - information(world.student_labels)
    # Standard deviations of log ratios stay below 1.1: four errors of 40,000 rows are .03.
    assert world.gap == pytest.approx(difference, abs=0.03)


@pytest.mark.parametrize("name", WORLDS)
def test_samples_are_reproducible(name: str):
    first, second = (WORLDS[name].sample(30, 2) for _ in range(2))
    np.testing.assert_array_equal(first.student, second.student)
    np.testing.assert_array_equal(first.teachers["teacher"], second.teachers["teacher"])
    np.testing.assert_array_equal(first.labels.values, second.labels.values)


def test_a_noisy_teachers_density_ratio_is_normalised():
    population = WORLDS["class mixture"].teacher_student
    assert isinstance(population, Population)
    rng = np.random.default_rng(0)
    x, y = population.sample(40_000, rng)
    ratios = np.exp(population.log_ratio(x, rng.permutation(y)))
    assert abs(ratios.mean() - 1) <= 5 * ratios.std() / np.sqrt(len(ratios))


def test_a_summary_counts_false_verdicts():
    cell = replicate("zero, weak", 60, "ksg", 0)
    runs = [
        cell | {"verdict": "pass", "flags": ["drift"], "verdict_interval": [0.1, 0.2]},
        cell | {"verdict": "undecided", "flags": [], "verdict_interval": [-0.1, 0.2]},
    ]
    found = summarize(runs)
    assert (found.false, found.flagged, found.covers_truth) == (0.5, 0.5, 0.5)
