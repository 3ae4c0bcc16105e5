"""A task of the accuracy bench: a population, what its two sides look like, and the truth."""

import json
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from cch_audit.rows import FloatArray, IntArray
from tests.bench.embeddings import Embedding
from tests.bench.populations import Population

TRUTHS = Path(__file__).parent / "truths.json"
"""Informations that have no closed form, by Monte Carlo; `python -m tests.bench.truths`."""


@dataclass(frozen=True)
class Truth:
    """The mutual information of a population, nats."""

    information: float
    standard_error: float
    """0 for a closed form."""


@dataclass(frozen=True)
class Task:
    """Two variables with a known mutual information, as an estimator sees them."""

    name: str
    family: str
    population: Population
    of_x: Embedding = lambda x: x
    of_y: Embedding = lambda y: y
    """Injective maps of either side: the truth is that of the population. Classes stay as is."""

    def sample(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray | IntArray]:
        """Draw rows (n, d) and rows (n, q) or class codes (n,)."""
        x, y = self.population.sample(n, rng)
        return self.of_x(x), y if y.ndim == 1 else self.of_y(np.asarray(y, dtype=np.float64))

    @property
    def truth(self) -> Truth:
        """The information of the population, in closed form or as it was computed once."""
        if self.population.information is not None:
            return Truth(self.population.information, 0.0)
        return Truth(**_computed()[self.name])

    @property
    def seed(self) -> int:
        """A number of the task's own, for its random streams."""
        return zlib.crc32(self.name.encode())

    @property
    def has_classes(self) -> bool:
        """Whether the second variable is class codes."""
        return self.population.sample(2, np.random.default_rng(0))[1].ndim == 1


def monte_carlo(population: Population, n: int, seed: int, block: int = 20_000) -> Truth:
    """Return the mean of the log density ratio over n rows, and its standard error."""
    rng = np.random.default_rng([seed, 12])
    blocks = [population.log_ratio(*population.sample(block, rng)) for _ in range(n // block)]
    values = np.concatenate(blocks)
    return Truth(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))))


@cache
def _computed() -> dict[str, dict[str, float]]:
    """Read the informations computed by Monte Carlo, by the name of the task."""
    return dict(json.loads(TRUTHS.read_text(encoding="utf-8")))
