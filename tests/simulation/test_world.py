"""The class worlds, and what is said to be known of them."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from cch_audit.rows import FloatArray, IntArray
from cch_audit.simulation.truths import classpaired_truths, world_truths
from cch_audit.simulation.world import ClassPaired, world

N = 200_000
TRUTHS = world_truths()


@pytest.fixture(scope="module")
def large():
    return world(N, np.random.default_rng(0))


@pytest.fixture(scope="module")
def predictions(large) -> dict[str, FloatArray]:
    """Least squares of the labels on each modality: the level of predictions."""
    y = large.labels.values - large.labels.values.mean()
    views = {"student": large.student, **large.teachers}
    return {name: x @ np.linalg.lstsq(x, y, rcond=None)[0] for name, x in views.items()}


def binned_information(x: FloatArray, y: IntArray) -> float:
    """Return I(x; y) for y in two classes from 100 bins of equal weight.

    100 of 200 000 rows: a bias of (100 - 1) / (2 * 200 000) = .0002 nats.
    """
    bins = np.searchsorted(np.quantile(x, np.linspace(0, 1, 101)[1:-1]), x)
    table = np.histogram2d(bins, y, bins=(100, 2))[0] / len(x)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0))
    return float((table * np.log(table / expected)).sum())


def log_determinant_information(x: FloatArray, y: FloatArray) -> float:
    both = np.cov(np.hstack([x, y]).T)
    d = x.shape[1]
    parts = [np.linalg.slogdet(block)[1] for block in (both[:d, :d], both[d:, d:], both)]
    return (parts[0] + parts[1] - parts[2]) / 2


def test_shapes_and_names(large):
    assert list(large.teachers) == ["good", "copy", "weak", "nuisance"]
    assert [x.shape[1] for x in large.teachers.values()] == [10, 30, 20, 20]
    assert large.student.shape == (N, 30)
    assert large.labels.class_names == ("0", "1")
    assert large.labels.values.mean() == pytest.approx(0.5, abs=0.005)  # 5 sd are .0056
    np.testing.assert_array_equal(large.teachers["copy"], large.student)


@pytest.mark.parametrize("name", ["student", "good", "copy", "weak", "nuisance"])
def test_informations_about_the_labels(large, predictions, name):
    """.002: bias .0002 and five standard errors, sqrt(2 I / N) = .0016 at I = .25."""
    key = "truth_student_labels" if name == "student" else f"truth_teacher_labels_{name}"
    found = binned_information(predictions[name], large.labels.values)
    assert found == pytest.approx(TRUTHS[key], abs=0.0025)


@pytest.mark.parametrize("name", ["good", "weak", "nuisance"])
def test_shared_informations(large, name):
    """Bias p1 p2 / 2N = .0015 at most, standard errors sqrt(sum r^2 / N) = .01 at most."""
    found = log_determinant_information(large.teachers[name], large.student)
    truth = TRUTHS[f"truth_teacher_student_{name}"]
    assert found == pytest.approx(truth, abs=0.05)


@pytest.mark.parametrize("name", ["good", "weak"])
def test_shared_informations_of_predictions(predictions, name):
    found = log_determinant_information(predictions[name][:, None], predictions["student"][:, None])
    truth = TRUTHS[f"truth_predictions_teacher_student_{name}"]
    assert found == pytest.approx(truth, abs=0.008)


def test_what_a_teacher_adds(large):
    y = large.labels.values - 0.5
    for name in ("good", "weak"):
        both = np.hstack([large.teachers[name], large.student])
        joint = binned_information(both @ np.linalg.lstsq(both, y, rcond=None)[0], y > 0)
        added = joint - TRUTHS["truth_student_labels"]
        truth = TRUTHS[f"truth_teacher_labels_given_student_{name}"]
        assert added == pytest.approx(truth, abs=0.0025)


def test_the_world_is_what_it_is_meant_to_be():
    """The criterion on representations passes all teachers, on predictions only the useful ones."""
    of_student = TRUTHS["truth_student_labels"]
    for name in ("good", "copy", "weak", "nuisance"):
        assert TRUTHS[f"truth_teacher_student_{name}"] > of_student
        useful = name in ("good", "copy")
        predicted = TRUTHS[f"truth_predictions_teacher_student_{name}"]
        assert (predicted > TRUTHS["truth_predictions_student_labels"]) == useful
    assert TRUTHS["truth_teacher_student_copy"] == np.inf
    assert TRUTHS["truth_teacher_labels_given_student_copy"] == pytest.approx(0, abs=1e-8)
    assert TRUTHS["truth_teacher_labels_nuisance"] == 0


# The negative control


def test_classpaired_is_independent_given_the_class():
    sample = ClassPaired().sample(40_000, np.random.default_rng(1))
    y = sample.labels.values
    assert len(sample.labels.class_names) == 4
    for label in range(4):
        rows = y == label
        x1, x2 = sample.teachers["teacher"][rows], sample.student[rows]
        across = np.corrcoef(x1.T, x2.T)[:8, 8:]
        # 256 correlations with a standard deviation of .01.
        assert np.abs(across).max() < 0.05
        assert x1.mean(axis=0) == pytest.approx(3 * np.eye(8)[label], abs=0.06)
        assert x2.mean(axis=0) == pytest.approx(2 * np.eye(8)[label], abs=0.06)


@pytest.mark.parametrize("n_classes", [2, 4, 10])
def test_the_gap_of_classpaired_is_what_only_the_student_knows(n_classes):
    """gap = -I(student; labels | teacher), here from densities of scipy; tolerance 5 errors."""
    pairs = ClassPaired(n_classes=n_classes)
    truths = classpaired_truths(pairs, np.random.default_rng(2))
    gap = truths["truth_teacher_student"] - truths["truth_student_labels"]
    assert gap < truths["truth_largest_gap"] == 0

    sample = pairs.sample(20_000, np.random.default_rng(3))
    y = sample.labels.values
    sides = (
        (sample.teachers["teacher"], pairs.teacher_distance),
        (sample.student, pairs.student_distance),
    )
    densities = [
        np.stack([multivariate_normal(centre).pdf(x) for centre in pairs.centres(distance)], axis=1)
        for x, distance in sides
    ]
    own = np.arange(len(y)), y
    both = densities[0] * densities[1]
    added = np.log(both[own] / both.sum(axis=1)) - np.log(densities[0][own] / densities[0].sum(1))
    error = np.hypot(added.std() / np.sqrt(len(y)), 0.003)
    assert gap == pytest.approx(-added.mean(), abs=5 * error)
