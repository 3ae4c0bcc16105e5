"""The bench's truths hold: the closed forms, the Monte Carlo values, and the injective maps."""

import numpy as np
import pytest
from scipy.integrate import dblquad, quad
from scipy.stats import norm

from tests.bench.embeddings import leaky, relu, spiral, swiss_roll, tanh, weights
from tests.bench.held_out import HELD_OUT
from tests.bench.populations import additive_uniform, doubled_angle, random_signs, student
from tests.bench.task import Task, monte_carlo
from tests.bench.tasks import HIGH_DIMENSIONAL, TASKS

EVERY = (*TASKS, *HELD_OUT)


def test_there_are_enough_tasks_and_names_are_unique():
    assert len(TASKS) >= 40
    assert len(HELD_OUT) >= 8
    assert len({task.name for task in EVERY}) == len(EVERY)
    assert set(HIGH_DIMENSIONAL) <= {task.family for task in TASKS}


@pytest.mark.parametrize("task", EVERY, ids=lambda task: task.name)
def test_samples_are_finite_paired_and_reproducible(task: Task):
    x, y = task.sample(50, np.random.default_rng(3))
    assert x.shape[0] == len(y) == 50
    assert x.ndim == 2
    assert y.ndim == (1 if task.has_classes else 2)
    assert np.isfinite(x).all()
    assert np.isfinite(y).all()
    again = task.sample(50, np.random.default_rng(3))
    np.testing.assert_array_equal(x, again[0])
    np.testing.assert_array_equal(y, again[1])


@pytest.mark.parametrize("task", EVERY, ids=lambda task: task.name)
def test_the_truth_is_the_mean_of_the_log_density_ratio(task: Task):
    few = monte_carlo(task.population, 10_000, seed=5, block=10_000)
    error = np.hypot(few.standard_error, task.truth.standard_error)
    # 4.5 standard errors: one false alarm in 150,000 tasks.
    assert abs(few.information - task.truth.information) <= 4.5 * error
    assert task.truth.standard_error <= 0.003


@pytest.mark.parametrize(
    "task",
    [task for task in EVERY if 0 < task.truth.information < 0.7],
    ids=lambda task: task.name,
)
def test_density_ratios_are_normalised(task: Task):
    rng = np.random.default_rng(7)
    x, y = task.population.sample(20_000, rng)
    ratios = np.exp(task.population.log_ratio(x, rng.permutation(y)))
    # Over unrelated pairs p(x, y) / (p(x) p(y)) averages 1; five standard errors, as it is skewed.
    assert abs(ratios.mean() - 1) <= 5 * ratios.std() / np.sqrt(len(ratios))


@pytest.mark.slow
def test_truths_agree_with_numerical_integration():
    reach = 0.75
    # I = h(y) - h(noise) with the trapezium density of y.
    density = lambda y: (min(y + reach, 1) - max(y - reach, 0)) / (2 * reach)  # noqa: E731
    entropy = quad(lambda y: -density(y) * np.log(density(y)), -reach, 1 + reach, limit=200)[0]
    assert entropy - np.log(2 * reach) == pytest.approx(additive_uniform(reach).information)

    def signs(y: float, x: float) -> float:
        ratio = random_signs(0.9, 1).log_ratio(np.array([[x]]), np.array([[y]]))[0]
        return float(norm.pdf(x) * norm.pdf(y) * np.exp(ratio) * ratio)

    stored = next(task for task in TASKS if task.name == "random sign").truth
    exact = 4 * dblquad(signs, 0, 6, 0, 6, epsabs=1e-4)[0]
    assert exact == pytest.approx(stored.information, abs=4 * stored.standard_error + 1e-3)

    # Two classes one unit from 0, on either side: a single integral over x.
    by_name = {task.name: task for task in TASKS}
    task = by_name["2 classes, 1 column"]
    x, y = task.sample(2000, np.random.default_rng(0))
    left, right = (float(np.sign(x[y == c].mean())) for c in (0, 1))
    mix = lambda v: (norm.pdf(v, left) + norm.pdf(v, right)) / 2  # noqa: E731
    entropy = quad(lambda v: -mix(v) * np.log(mix(v)), -9, 9)[0]
    exact = entropy - 0.5 * np.log(2 * np.pi * np.e)
    assert exact == pytest.approx(task.truth.information, abs=4 * task.truth.standard_error)


def test_a_student_with_many_degrees_of_freedom_is_gaussian():
    covariance = np.array([[1.0, 0.6], [0.6, 1.0]])
    assert student(covariance, 1, 1e6).information == pytest.approx(
        -0.5 * np.log(1 - 0.36), abs=1e-5
    )


def test_a_doubled_angle_is_uncorrelated():
    x, y = doubled_angle(6.0).sample(20_000, np.random.default_rng(0))
    # Nominal standard error .007.
    assert np.abs(x.T @ np.asarray(y) / len(x)).max() < 0.02


@pytest.mark.parametrize(("latent", "columns"), [(4, 64), (8, 128), (16, 128), (32, 512)])
def test_positive_outputs_of_a_relu_map_determine_the_latents(latent: int, columns: int):
    z = np.random.default_rng(0).standard_normal((300, latent))
    x, matrix = relu(latent, columns, 1)(z), weights(latent, columns, 1)
    for row, truth in zip(x, z):
        seen = row > 0
        found, _, rank, _ = np.linalg.lstsq(matrix[seen], row[seen])
        assert rank == latent
        np.testing.assert_allclose(found, truth, atol=1e-8)


@pytest.mark.parametrize(
    ("embedding", "columns"),
    [(spiral(5, 0.2), 5), (swiss_roll, 1), (tanh(5, 40, 1), 5), (leaky(5, 40, 1), 5)],
)
def test_maps_keep_rows_apart(embedding, columns: int):
    rng = np.random.default_rng(0)
    z = rng.standard_normal((500, columns))
    near = z + 1e-3 * rng.standard_normal(z.shape)
    moved = np.linalg.norm(embedding(near) - embedding(z), axis=1)
    assert (moved > 1e-9).all()


def test_a_spiral_keeps_norms():
    z = np.random.default_rng(0).standard_normal((100, 5))
    turned = spiral(5, 0.2)(z)
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), np.linalg.norm(z, axis=1))
