"""The populations that the tests look at."""

from collections.abc import Callable

import numpy as np

from cch_audit.simulation import families
from cch_audit.simulation.gaussian import JointGaussian


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng([seed, 5])


POPULATIONS: dict[str, Callable[[], JointGaussian]] = {
    "exact": lambda: families.exact(0.5, 0.6, 3, 4, _rng()),
    "calibrated": lambda: families.calibrated(0.5, 0.7, 0.6, 4, 3, _rng()),
    "noise": lambda: families.noise(0.6, 2, 4, _rng()),
    "random 5 to 3": lambda: families.random(5, 3, _rng(1)),
    "random 2 to 4": lambda: families.random(2, 4, _rng(2)),
    "random 1 to 1": lambda: families.random(1, 1, _rng(3)),
}


def random_populations(n: int) -> list[JointGaussian]:
    """Return random populations of random sizes."""
    rng = _rng(9)
    return [families.random(*rng.integers(1, 7, size=2).tolist(), rng) for _ in range(n)]
