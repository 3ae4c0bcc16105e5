"""Teacher, student and labels with a known gap, for the coverage of intervals and verdicts."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cch_audit.rows import FloatArray, IntArray
from cch_audit.sample import Sample
from tests.bench.embeddings import Embedding, linear
from tests.bench.populations import (
    Clusters,
    Draw,
    Population,
    labelled,
    shared_clusters,
    student,
)
from tests.bench.task import monte_carlo
from tests.samplers import Gaussian, Mixture, audited, gaussian_information

ROWS = 400_000
"""For informations without a closed form; the error of a gap is at most .003 nats."""


@dataclass(frozen=True)
class World:
    """A population of teacher, student and labels."""

    sample: Callable[[int, int], Sample]
    """Rows and seed to a sample."""
    teacher_student: float | Population
    student_labels: float | Population
    """The informations, or populations that know them."""
    zero: bool = False
    """Whether the gap is zero by construction."""

    @cached_property
    def gap(self) -> float:
        """I(teacher; student) - I(student; labels), nats."""
        if self.zero:
            return 0.0
        return _information(self.teacher_student) - _information(self.student_labels)


def _information(of: float | Population) -> float:
    if isinstance(of, float):
        return of
    return monte_carlo(of, ROWS, seed=3).information if of.information is None else of.information


def _linear(
    correlation: float, labels: float, columns: int, embed: int = 0, zero: bool = False
) -> World:
    """Teacher and student share equal canonical pairs; labels are linear in the student.

    `embed` shows teacher and student as so many linear columns of their latents.
    """
    of_teacher, of_student = (_shown(columns, embed, seed) for seed in (1, 2))

    def sample(n: int, seed: int) -> Sample:
        rng = np.random.default_rng([seed, 6])
        teacher, own = Gaussian((correlation,) * columns).sample(n, seed)
        direction = np.full((columns, 1), columns**-0.5)
        y = labels * own @ direction + np.sqrt(1 - labels**2) * rng.standard_normal((n, 1))
        return audited({"teacher": of_teacher(teacher)}, of_student(own), y)

    shared = gaussian_information((correlation,) * columns)
    return World(sample, shared, gaussian_information((labels,)), zero)


def _shown(columns: int, embed: int, seed: int) -> Embedding:
    return linear(columns, embed, seed) if embed else lambda x: x


def _balanced(correlation: float, embed: int = 0) -> World:
    """Five canonical pairs carry as much as one label: 1 - labels^2 = (1 - correlation^2)^5."""
    labels = float(np.sqrt(1 - (1 - correlation**2) ** 5))
    return _linear(correlation, labels, 5, embed, zero=True)


def _noisy_teacher(distance: float, chances: tuple[float, ...], noise: float) -> World:
    """Teacher: the student, which is clustered by class, with noise."""
    columns = len(chances)
    mixture = Mixture(distance, chances, columns)

    def draw(n: int, seed: int) -> tuple[FloatArray, FloatArray, IntArray]:
        own, y = mixture.sample(n, seed)
        added = np.random.default_rng([seed, 7]).standard_normal(own.shape)
        return own + noise * added, own, y

    def sample(n: int, seed: int) -> Sample:
        teacher, own, y = draw(n, seed)
        return audited({"teacher": teacher}, own, y)

    def log_ratio(teacher: FloatArray, own: FloatArray | IntArray) -> FloatArray:
        # log N(teacher; own, noise^2) less the log of the teacher's own mixture.
        total = 1 + noise**2
        centres = distance * np.eye(columns)
        distances = ((teacher[:, None] - centres) ** 2).sum(axis=2)
        marginal = np.logaddexp.reduce(np.log(chances) - distances / (2 * total), axis=1)
        given = -((teacher - own) ** 2).sum(axis=1) / (2 * noise**2)
        return np.asarray(given - marginal + columns * np.log(total / noise**2) / 2)

    def pairs(n: int, rng: np.random.Generator) -> Draw:
        return draw(n, int(rng.integers(2**31)))[:2]

    return World(sample, Population(pairs, log_ratio), mixture.information)


def _heavy_tails(freedom: float, shared: float, labels: float) -> World:
    """Teacher, student and labels are one Student t: three, three and one column."""
    covariance = np.eye(7)
    for place in range(3):
        covariance[place, 3 + place] = covariance[3 + place, place] = shared
    # y is a combination of the student's columns and of noise, so its covariances follow.
    weights = np.full(3, labels / np.sqrt(3))
    covariance[6, 3:6] = covariance[3:6, 6] = weights
    covariance[6, :3] = covariance[:3, 6] = shared * weights
    everything = student(covariance, 3, freedom)

    def sample(n: int, seed: int) -> Sample:
        teacher, rest = everything.sample(n, np.random.default_rng([seed, 14]))
        return audited({"teacher": teacher}, rest[:, :3], np.asarray(rest[:, 3:], dtype=float))

    return World(
        sample,
        student(covariance[:6, :6], 3, freedom),
        student(covariance[3:, 3:], 3, freedom),
    )


def _same_classes(of_teacher: Clusters, of_student: Clusters, zero: bool = False) -> World:
    """Teacher and student share the class and nothing else, so the gap is at most zero.

    It is zero when the teacher's clusters lie apart, as the teacher then is the class.
    """

    def sample(n: int, seed: int) -> Sample:
        rng = np.random.default_rng([seed, 15])
        y = of_student.classes(n, rng)
        return audited({"teacher": of_teacher.around(y, rng)}, of_student.around(y, rng), y)

    return World(sample, shared_clusters(of_teacher, of_student), labelled(of_student), zero)


_FIVE = np.full(5, 0.2)

WORLDS = {
    "joint Gaussian": _linear(0.6, 0.5, 2),
    "class mixture": _noisy_teacher(2.0, (0.5, 0.3, 0.2), 2.0),
    "heavy tails": _heavy_tails(3.0, 0.7, 0.5),
    "shared clusters": _same_classes(
        Clusters.drawn(2.0, _FIVE, 8, 16), Clusters.drawn(2.0, _FIVE, 8, 17)
    ),
    "zero, weak": _balanced(0.4),
    "zero, strong": _balanced(0.65),
    "zero, 2 nats": _balanced(0.75),
    "zero, 64 columns": _balanced(0.65, embed=64),
    "zero, clusters": _same_classes(
        Clusters(12.0 * np.eye(5, 16), _FIVE), Clusters.drawn(2.0, _FIVE, 3, 17), zero=True
    ),
}
"""By name. The zero gaps have unequal dimensions: five or more columns against one label."""
