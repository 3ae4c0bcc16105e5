"""Tasks that took no part in any tuning: other populations, other maps, run once at the end."""

import numpy as np
from scipy.linalg import toeplitz

from cch_audit.rows import FloatArray
from tests.bench.embeddings import leaky, linear, tanh
from tests.bench.populations import (
    Clusters,
    correlated,
    correlated_clusters,
    doubled_angle,
    gaussian,
    labelled,
    labelled_student,
    random_signs,
    unrelated_clusters,
)
from tests.bench.task import Task

FAMILY = "held out"


def _clusters(distance: float, chances: list[float], columns: int, seed: int) -> Clusters:
    shares: FloatArray = np.array(chances) / np.sum(chances)
    return Clusters.drawn(distance, shares, columns, seed)


def _two_sides(*, columns: int, distance: float, n_classes: int) -> tuple[Clusters, Clusters]:
    chances = [1.0] * n_classes
    return _clusters(distance, chances, columns, 21), _clusters(distance, chances, columns, 22)


HELD_OUT: tuple[Task, ...] = (
    Task("decaying correlations 30", FAMILY, gaussian(toeplitz(0.9 ** np.arange(60)), 30)),
    Task(
        "5 of 14, tanh 256",
        FAMILY,
        correlated((0.95, 0.7, 0.7, 0.5, 0.3), 9),
        tanh(14, 256, 31),
        tanh(14, 256, 32),
    ),
    Task(
        "clusters with more in common, leaky 200",
        FAMILY,
        correlated_clusters(*_two_sides(columns=6, distance=2.5, n_classes=6), 0.5),
        leaky(6, 200, 33),
        leaky(6, 200, 35),
    ),
    Task(
        "doubled angle, linear 100",
        FAMILY,
        doubled_angle(6.0),
        linear(2, 100, 37),
        linear(2, 100, 38),
    ),
    Task("6 random signs, tanh 96", FAMILY, random_signs(0.8, 6), tanh(6, 96, 39), tanh(6, 96, 40)),
    Task(
        "copy with noise, leaky 96",
        FAMILY,
        correlated((0.93,) * 6),
        leaky(6, 96, 41),
        leaky(6, 96, 43),
    ),
    Task(
        "independent clusters, tanh 128",
        FAMILY,
        unrelated_clusters(*_two_sides(columns=8, distance=4.0, n_classes=7)),
        tanh(8, 128, 45),
        tanh(8, 128, 46),
    ),
    Task(
        "7 classes, Student noise, linear 128",
        FAMILY,
        labelled_student(_clusters(3.0, [4, 3, 2, 2, 2, 1, 1], 12, 47), 3.0),
        linear(12, 128, 48),
    ),
    Task(
        "3 classes, leaky 300",
        FAMILY,
        labelled(_clusters(1.5, [5, 3, 2], 10, 49)),
        leaky(10, 300, 50),
    ),
)
