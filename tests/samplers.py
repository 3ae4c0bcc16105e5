"""Distributions that know their own mutual information, in nats."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import log_softmax

from cch_audit.dependence.units import Dependence
from cch_audit.rows import FloatArray, IntArray
from cch_audit.sample import Labels, Sample

MONTE_CARLO_ROWS = 200_000
"""The standard error of a class mixture's information is below .8 / sqrt(200 000) = .002 nats."""


def gaussian_information(correlations: FloatArray | tuple[float, ...]) -> float:
    """Information of a joint Gaussian with these canonical correlations."""
    return float(-0.5 * np.log1p(-np.square(correlations)).sum())


@dataclass(frozen=True)
class Gaussian:
    """A joint Gaussian: pairs of correlated coordinates, padded with noise, each side rotated."""

    correlations: tuple[float, ...]
    x_columns: int = 0
    y_columns: int = 0

    @property
    def information(self) -> float:
        return gaussian_information(self.correlations)

    def sample(self, n: int, seed: int = 0) -> tuple[FloatArray, FloatArray]:
        rng = np.random.default_rng([seed, 1])
        r = np.array(self.correlations)
        d, q = max(self.x_columns, len(r)), max(self.y_columns, len(r))
        x, y = rng.standard_normal((n, d)), rng.standard_normal((n, q))
        y[:, : len(r)] = r * x[:, : len(r)] + np.sqrt(1 - r**2) * y[:, : len(r)]
        return x @ rotation(d, rng), y @ rotation(q, rng)


@dataclass(frozen=True)
class Mixture:
    """Gaussian classes of unit variance with centres on the axes, `distance` from the origin."""

    distance: float
    chances: tuple[float, ...]
    columns: int

    @cached_property
    def information(self) -> float:
        x, y = self.sample(MONTE_CARLO_ROWS, seed=987)
        # log p(x | c) up to a term without c.
        scores = x @ self._centres.T - (self._centres**2).sum(axis=1) / 2 + np.log(self.chances)
        posterior = log_softmax(scores, axis=1)[np.arange(len(y)), y]
        return float((posterior - np.log(self.chances)[y]).mean())

    @property
    def _centres(self) -> FloatArray:
        return self.distance * np.eye(len(self.chances), self.columns)

    def sample(self, n: int, seed: int = 0) -> tuple[FloatArray, IntArray]:
        rng = np.random.default_rng([seed, 2])
        y = rng.choice(len(self.chances), size=n, p=self.chances)
        return self._centres[y] + rng.standard_normal((n, self.columns)), y


@dataclass(frozen=True)
class Independent:
    """Two sides that share nothing; `relu` makes half of each column zero."""

    x_columns: int
    y_columns: int
    """0 for four equally likely classes."""
    relu: bool = False
    information: float = 0.0

    def sample(self, n: int, seed: int = 0) -> tuple[FloatArray, FloatArray | IntArray]:
        rng = np.random.default_rng([seed, 3])
        x, y = rng.standard_normal((n, self.x_columns)), rng.standard_normal((n, self.y_columns))
        if self.relu:
            x, y = np.maximum(x, 0), np.maximum(y, 0)
        return x, y if self.y_columns else rng.integers(4, size=n)


@dataclass(frozen=True)
class Copies:
    """Two equal sides; their information is infinite."""

    columns: int
    information: float = np.inf

    def sample(self, n: int, seed: int = 0) -> tuple[FloatArray, FloatArray]:
        x = np.random.default_rng([seed, 4]).standard_normal((n, self.columns))
        return x, x.copy()


@dataclass(frozen=True)
class Family:
    """y = s + e and t = s + k e: the criterion holds exactly when k < 1."""

    k: float
    signal: float = 0.6
    """Var(s); Var(e) is 1 less that."""

    @property
    def teacher_student(self) -> float:
        return float(0.5 * np.log1p(self.signal / (self.k**2 * (1 - self.signal))))

    @property
    def student_labels(self) -> float:
        return float(-0.5 * np.log1p(-self.signal))

    @property
    def gap(self) -> float:
        return self.teacher_student - self.student_labels

    def sample(self, n: int, seed: int = 0) -> Sample:
        rng = np.random.default_rng([seed, 5])
        s = np.sqrt(self.signal) * rng.standard_normal((n, 1))
        e = np.sqrt(1 - self.signal) * rng.standard_normal((n, 1))
        return audited({"teacher": s + self.k * e}, s, s + e)


def audited(
    teachers: dict[str, FloatArray],
    student: FloatArray,
    y: FloatArray | IntArray,
    groups: IntArray | None = None,
    predictions: dict[str, FloatArray] | None = None,
) -> Sample:
    """Return a sample ready for an audit."""
    names = tuple(str(code) for code in np.unique(y)) if y.ndim == 1 else ()
    return Sample(
        teachers=teachers,
        student_name="student",
        student=student,
        labels=Labels(y, names),
        labels_name="labels",
        predictions=predictions or {},
        groups=groups,
    )


def in_groups(groups: IntArray | None) -> Dependence | None:
    """Return the dependence of rows that belong together by these codes; None: of free rows."""
    return None if groups is None else Dependence.of(groups, None, 0, len(groups))


def rotation(d: int, rng: np.random.Generator) -> FloatArray:
    """Return a random orthogonal matrix."""
    return np.linalg.qr(rng.standard_normal((d, d)))[0]
