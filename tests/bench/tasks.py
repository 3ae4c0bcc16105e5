"""The tasks that estimators may be tuned on, by family; `held_out.py` has the others."""

from collections.abc import Callable

import numpy as np

from cch_audit.rows import FloatArray
from tests.bench.embeddings import (
    Embedding,
    linear,
    relu,
    signed_power,
    spiral,
    swiss_roll,
    weights,
)
from tests.bench.populations import (
    Clusters,
    additive_uniform,
    correlated,
    factor_covariance,
    gaussian,
    independent,
    labelled,
    paired_covariance,
    random_signs,
    shared_clusters,
    student,
)
from tests.bench.task import Task

HIGH_DIMENSIONAL = ("latents", "clusters", "shared and private", "heavy tails")
"""Families that look like a pair of neural representations: most have 64 to 512 columns."""
LATENTS = (0.9, 0.8, 0.6, 0.4)
"""Correlations of the four latents that most embedded tasks share."""


def dense(d: int, correlation: float = 0.5) -> FloatArray:
    """Return a covariance (2d, 2d) with every correlation equal."""
    return np.asarray((1 - correlation) * np.eye(2 * d) + correlation)


def balanced(n_classes: int) -> FloatArray:
    """Return equal chances."""
    return np.full(n_classes, 1 / n_classes)


def unbalanced(n_classes: int, ratio: float) -> FloatArray:
    """Return chances that fall geometrically; the first is `ratio` times the last."""
    chances = np.geomspace(ratio, 1.0, n_classes)
    return np.asarray(chances / chances.sum())


def both(
    make: Callable[[int, int, int], Embedding], latent: int, columns: int
) -> dict[str, Embedding]:
    """Return an embedding for each side, with weights of their own."""
    return {"of_x": make(latent, columns, 1), "of_y": make(latent, columns, 2)}


def views(distance: float, n_classes: int, columns: int) -> tuple[Clusters, Clusters]:
    """Return the clusters of two views, with centres of their own."""
    return (
        Clusters.drawn(distance, balanced(n_classes), columns, 1),
        Clusters.drawn(distance, balanced(n_classes), columns, 2),
    )


def _low_dimensional() -> list[Task]:
    family = "low dimensional"
    grid = [Task(f"Gaussian {r}", family, correlated((r,))) for r in (0.3, 0.75, 0.95)]
    return [
        *grid,
        Task(
            "half cube", family, correlated((0.75,)), of_x=signed_power(1.5), of_y=signed_power(1.5)
        ),
        Task("asinh Student 1", family, student(np.eye(2), 1, 1.0), np.arcsinh, np.arcsinh),
        Task("swiss roll", family, correlated((0.75,)), of_x=swiss_roll),
        Task("uniform additive 0.1", family, additive_uniform(0.1)),
        Task("uniform additive 0.75", family, additive_uniform(0.75)),
    ]


def _multivariate_normal() -> list[Task]:
    family = "multivariate normal"
    sizes = (5, 25, 50)
    return [
        *(Task(f"dense {d}", family, gaussian(dense(d), d)) for d in sizes),
        *(Task(f"sparse {d}", family, correlated((0.8, 0.8), d - 2)) for d in sizes),
    ]


def _curved() -> list[Task]:
    family = "spiral and Student"
    return [
        Task("spiral 3", family, correlated((0.8, 0.8), 1), spiral(3, 1 / 3), spiral(3, 1 / 3)),
        Task("spiral 25", family, correlated((0.8, 0.8), 23), spiral(25, 1 / 25)),
        Task("Student 5, 5 columns", family, student(dense(5), 5, 5.0)),
    ]


def _latents() -> list[Task]:
    family = "latents"
    pairs = correlated(LATENTS)
    noisy = factor_covariance(weights(4, 128, 1), weights(4, 128, 2), LATENTS, 0.5)
    return [
        Task("linear 128", family, pairs, **both(linear, 4, 128)),
        Task("linear 512", family, pairs, **both(linear, 4, 512)),
        Task("linear 128 with noise", family, gaussian(noisy, 128)),
        Task("relu 128", family, pairs, **both(relu, 4, 128)),
        Task("relu 512", family, pairs, **both(relu, 4, 512)),
        Task("relu 512 and 64", family, pairs, of_x=relu(4, 512, 1), of_y=relu(4, 64, 2)),
    ]


def _clusters() -> list[Task]:
    family = "clusters"
    return [
        Task(
            "weak clusters, relu 128",
            family,
            shared_clusters(*views(2.0, 10, 8)),
            **both(relu, 8, 128),
        ),
        Task(
            "strong clusters, relu 128",
            family,
            shared_clusters(*views(5.0, 10, 8)),
            **both(relu, 8, 128),
        ),
        Task("weak clusters, noise in 64", family, shared_clusters(*views(2.2, 10, 64))),
        Task("strong clusters, noise in 128", family, shared_clusters(*views(4.5, 10, 128))),
        Task(
            "strong clusters, relu 512",
            family,
            shared_clusters(*views(4.0, 5, 16)),
            **both(relu, 16, 512),
        ),
    ]


def _shared_private() -> list[Task]:
    family = "shared and private"
    return [
        Task("4 of 12, linear 128", family, correlated(LATENTS, 8), **both(linear, 12, 128)),
        Task("4 of 12, relu 128", family, correlated(LATENTS, 8), **both(relu, 12, 128)),
        Task("4 of 32, relu 512", family, correlated(LATENTS, 28), **both(relu, 32, 512)),
        Task("8 of 16, relu 128", family, correlated((0.7,) * 8, 8), **both(relu, 16, 128)),
    ]


def _heavy_tails() -> list[Task]:
    family = "heavy tails"
    student_3 = student(paired_covariance(LATENTS), 4, 3.0)
    cubes = {"of_x": signed_power(3.0), "of_y": signed_power(3.0)}
    return [
        Task("Student 3, linear 128", family, student_3, **both(linear, 4, 128)),
        Task("Student 3, relu 128", family, student_3, **both(relu, 4, 128)),
        Task("cubes, 16 columns", family, correlated((0.7,) * 4, 12), **cubes),
        Task("exponentials, 64 columns", family, correlated((0.8,) * 2, 62), np.exp, np.exp),
    ]


def _uncorrelated() -> list[Task]:
    family = "uncorrelated"
    signs = random_signs(0.9, 4)
    return [
        Task("random sign", family, random_signs(0.9, 1)),
        Task("4 random signs, linear 64", family, signs, **both(linear, 4, 64)),
        Task("4 random signs, relu 128", family, signs, **both(relu, 4, 128)),
        Task("Student 2, nothing correlated", family, student(np.eye(6), 3, 2.0)),
    ]


def _copies() -> list[Task]:
    family = "copies with noise"

    def copy(d: int, noise: float) -> tuple[float, ...]:
        return (float(1 / np.sqrt(1 + noise**2)),) * d

    return [
        Task("4 columns, noise 0.1", family, correlated(copy(4, 0.1))),
        Task("16 columns, noise 0.5", family, correlated(copy(16, 0.5))),
        Task(
            "4 latents, noise 0.3, relu 128", family, correlated(copy(4, 0.3)), **both(relu, 4, 128)
        ),
    ]


def _independent() -> list[Task]:
    family = "independent"
    tailed = signed_power(4.0)

    def half(x: FloatArray) -> FloatArray:
        return np.maximum(x, 0)

    return [
        Task("normal 128", family, independent(128, 128)),
        Task("normal 128 and 4", family, independent(128, 4)),
        Task("relu of 128 normals", family, independent(128, 128), half, half),
        Task("relu 128 of 8 latents", family, independent(8, 8), **both(relu, 8, 128)),
        Task("relu 512 of 32 latents", family, independent(32, 32), **both(relu, 32, 512)),
        Task("fourth powers, 16 columns", family, independent(16, 16), tailed, tailed),
        Task("10 classes, relu 128", family, independent(8, 0, classes=10), of_x=relu(8, 128, 1)),
    ]


def _classes() -> list[Task]:
    family = "classes"

    def task(name: str, distance: float, chances: FloatArray, latent: int, columns: int) -> Task:
        population = labelled(Clusters.drawn(distance, chances, latent, 3))
        if columns == latent:
            return Task(name, family, population)
        return Task(name, family, population, of_x=relu(latent, columns, 4))

    return [
        task("2 classes, 1 column", 1.0, balanced(2), 1, 1),
        task("2 classes, 10 columns", 1.0, balanced(2), 10, 10),
        task("2 unbalanced classes, 128 columns", 2.0, unbalanced(2, 9.0), 128, 128),
        task("4 classes, relu 128", 2.0, balanced(4), 8, 128),
        task("4 unbalanced classes, 64 columns", 2.0, unbalanced(4, 8.0), 64, 64),
        task("10 classes, 128 columns", 2.5, balanced(10), 128, 128),
        task("10 classes, relu 512", 2.5, balanced(10), 16, 512),
        task("10 unbalanced classes, relu 128", 2.0, unbalanced(10, 10.0), 16, 128),
        task("100 classes, 128 columns", 3.5, balanced(100), 128, 128),
        task("100 unbalanced classes, relu 128", 3.0, unbalanced(100, 10.0), 32, 128),
    ]


TASKS: tuple[Task, ...] = (
    *_low_dimensional(),
    *_multivariate_normal(),
    *_curved(),
    *_latents(),
    *_clusters(),
    *_shared_private(),
    *_heavy_tails(),
    *_uncorrelated(),
    *_copies(),
    *_independent(),
    *_classes(),
)
