"""Worlds of classes for the forecast, and what distillation truly does there, by retraining."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from cch_audit.forecasting import sums
from cch_audit.forecasting.options import Options
from cch_audit.forecasting.softmax import ROUGH, Lesson, Rows, fit, softmax
from cch_audit.forecasting.teachers import teacher_logits
from cch_audit.rows import FloatArray, IntArray, in_proportion, standardize
from cch_audit.sample import Labels, Sample

HIDDEN = 4
"""Directions that the teacher sees and the student does not."""
POOL = 10
"""Times as many rows among which those that train keep the classes in proportion."""
TEST_ROWS = 4_000
"""Fresh rows that each repetition is tested on: what they happen to be averages out."""
TRAINED = ("good", "noisy", "weak", "copied", "nuisance")
"""Teachers that are heads on a representation, trained on the student's rows."""
GIVEN = ("over-confident", "permuted", "biased")
"""Teachers whose predictions are given."""


@dataclass(frozen=True)
class Retrained:
    """A population of teacher, student and classes, and a number of labelled rows."""

    n_classes: int
    n_columns: int
    labelled_rows: int
    teacher: str
    group_size: int = 1
    imbalance: float = 0.0
    """How far the log-odds of the last class lie below those of the first."""
    heavy: bool = False
    """Whether the student's columns have heavy tails (Student t with five degrees of freedom)."""
    family: int = 0
    """Seed of the population's directions."""

    @property
    def name(self) -> str:
        """What tells the world apart."""
        parts = [f"K {self.n_classes}", f"d {self.n_columns}", f"n {self.labelled_rows}"]
        if self.group_size > 1:
            parts.append(f"groups of {self.group_size}")
        if self.imbalance:
            parts.append(f"imbalance {self.imbalance:g}")
        if self.heavy:
            parts.append("heavy tails")
        return ", ".join([*parts, self.teacher])

    @property
    def n_parameters(self) -> int:
        """(d + 1) (K - 1)."""
        return (self.n_columns + 1) * (self.n_classes - 1)

    @property
    def rows_in_hand(self) -> int:
        """Rows that a forecast is made from."""
        return max(500, 5 * self.labelled_rows // 2)

    @property
    def spread(self) -> float:
        """Standard deviation of the student's columns."""
        return float(np.sqrt(5 / 3)) if self.heavy else 1.0

    def sample(self, n: int, rng: np.random.Generator) -> Sample:
        """Draw paired rows."""
        return self.draw(n, rng)[0]

    def labelled(self, rng: np.random.Generator) -> Sample:
        """Draw the rows that train: classes in proportion, unless groups are drawn whole."""
        n = self.labelled_rows
        if self.group_size > 1:
            return self.sample(n, rng)
        pool = self.sample(POOL * n, rng)
        y = np.asarray(pool.labels.values, dtype=np.int64)
        rows = np.argsort(in_proportion(y, rng))[:n]
        return replace(
            pool,
            teachers={name: one[rows] for name, one in pool.teachers.items()},
            student=pool.student[rows],
            labels=replace(pool.labels, values=y[rows]),
            predictions={name: one[rows] for name, one in pool.predictions.items()},
        )

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Sample, FloatArray]:
        """Draw paired rows, and the chances of the classes (n, K) that their labels come from."""
        fixed = np.random.default_rng([self.family, self.n_classes, self.n_columns])
        k, d = self.n_classes, self.n_columns
        of_student = 2 * fixed.standard_normal((d, k)) / np.sqrt(d)
        of_hidden, misleading = fixed.standard_normal((HIDDEN, k)), fixed.standard_normal((d, 8))
        bias = 1.5 * fixed.standard_normal(k)
        unit = np.arange(n) // self.group_size
        x, hidden, noise = (self._columns(unit, width, rng) for width in (d, HIDDEN, d + HIDDEN))
        if self.heavy:
            x = x / np.sqrt(rng.chisquare(5, (n, 1)) / 5)
        level = -self.imbalance * np.arange(k) / max(k - 1, 1)
        logits = x @ of_student + hidden @ of_hidden + level
        chances = softmax(logits)[0]
        y = np.minimum((chances.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1), k - 1)
        both = np.hstack([x, hidden])
        views = {
            "good": both,
            "noisy": both + noise,
            "weak": hidden + noise[:, :HIDDEN],
            "copied": x,
            "nuisance": x @ misleading + noise[:, :1],
        }
        said = {
            "over-confident": 4 * logits,
            "permuted": np.roll(logits, 1, axis=1),
            "biased": logits + bias,
        }
        given = self.teacher in said
        sample = Sample(
            teachers={"teacher": both if given else views[self.teacher]},
            student_name="student",
            student=x,
            labels=Labels(y, tuple(map(str, range(k)))),
            labels_name="labels",
            predictions={"teacher": said[self.teacher]} if given else {},
            groups=unit if self.group_size > 1 else None,
        )
        return sample, chances

    def _columns(self, unit: IntArray, width: int, rng: np.random.Generator) -> FloatArray:
        """Draw standard normal columns, half of whose variance rows of a group share."""
        own = rng.standard_normal((len(unit), width))
        if self.group_size == 1:
            return own
        shared = rng.standard_normal((int(unit.max()) + 1, width))[unit]
        return np.sqrt(0.5) * (own + shared)


@dataclass(frozen=True, eq=False)
class Truth:
    """Mean change of test log-loss over retrained students, for every cell."""

    change: FloatArray
    standard_error: FloatArray
    baseline: float


def retrain(
    world: Retrained, options: Options, penalty: float, repetitions: int, seed: int
) -> Truth:
    """Train teacher and student on fresh rows again and again, and test on other fresh rows.

    The test loss of a row is its mean over labels, with their chances known. Columns are divided by
    their standard deviation in the population, as a forecast standardises by the rows in hand.
    """
    rng = np.random.default_rng([seed, 31])
    basis = sums.contrasts(world.n_classes)
    loss = np.empty((repetitions, 1 + len(options.cells)))
    for repetition in range(repetitions):
        drawn = world.labelled(rng)
        test, chances = world.draw(TEST_ROWS, rng)
        rows, x_test = (_with_intercept(one.student / world.spread) for one in (drawn, test))
        thetas = _train(world, options, penalty, drawn, Rows.of(rows), rng)
        for place, theta in enumerate(thetas):
            outputs = x_test @ (basis @ theta).T
            expected = softmax(outputs)[1].sum() - np.vdot(chances, outputs)
            loss[repetition, place] = expected / TEST_ROWS
    change = loss[:, 1:] - loss[:, :1]
    error = change.std(axis=0, ddof=1) / np.sqrt(repetitions)
    return Truth(change.mean(axis=0), error, float(loss[:, 0].mean()))


def _train(
    world: Retrained,
    options: Options,
    penalty: float,
    drawn: Sample,
    rows: Rows,
    rng: np.random.Generator,
) -> list[FloatArray]:
    """Return the parameters without a teacher, then those at every cell."""
    k, y = world.n_classes, np.asarray(drawn.labels.values, dtype=np.int64)
    logits = drawn.predictions.get("teacher")
    if logits is None:
        x, whole = standardize(drawn.teachers["teacher"]), np.arange(len(y))
        (logits,), _ = teacher_logits(x, y, k, [whole], drawn.dependence, rng)
    fitted = fit(rows, Lesson(y, k), penalty, accuracy=ROUGH)
    thetas = [fitted.theta]
    for temperature, weight in options.cells:
        lesson = Lesson(y, k, softmax(logits / temperature)[0], temperature, weight)
        fitted = fit(rows, lesson, penalty, fitted.theta, fitted.factor, ROUGH)
        thetas.append(fitted.theta)
    return thetas


def _with_intercept(x: FloatArray) -> FloatArray:
    return np.hstack([np.ones((len(x), 1)), x])


def worlds() -> Iterator[Retrained]:
    """Yield the worlds of the bench, from many rows for each column to few."""
    everyone = (
        "good",
        "over-confident",
        "weak",
        "biased",
        "noisy",
        "permuted",
        "nuisance",
        "copied",
    )
    sizes = {
        (2, 8): (40, 120, 400, 2000),
        (2, 32): (160, 480, 1600),
        (5, 8): (40, 120, 400, 1200),
        (10, 8): (80, 240, 800),
        (10, 24): (225, 480),
    }
    shapes = [(*shape, n) for shape, rows in sizes.items() for n in rows]
    for teacher in everyone:
        # By teacher, so that a part of the worlds is a fair part of them.
        yield from (Retrained(*shape, teacher) for shape in shapes)
        if teacher in ("good", "weak", "nuisance", "over-confident"):
            yield from (Retrained(3, 6, n, teacher, group_size=5) for n in (200, 600))
            yield from (Retrained(2, 8, n, teacher, imbalance=2.5) for n in (120, 400))
            yield from (Retrained(5, 8, n, teacher, imbalance=2.5) for n in (200, 800))
    for teacher in ("good", "weak", "permuted"):
        yield from (Retrained(50, 6, n, teacher) for n in (400, 1000))


def held_out() -> Iterator[Retrained]:
    """Yield worlds of other shapes and tails, which took no part in any choice."""
    for world in (
        Retrained(3, 12, 180, "good", heavy=True, family=1),
        Retrained(3, 12, 720, "good", heavy=True, family=1),
        Retrained(7, 10, 140, "good", family=1),
        Retrained(7, 10, 700, "good", family=1),
        Retrained(20, 5, 300, "good", family=1),
        Retrained(4, 16, 300, "good", group_size=3, family=1),
        Retrained(2, 20, 300, "good", imbalance=1.5, heavy=True, family=1),
    ):
        for teacher in ("good", "noisy", "weak", "copied", "over-confident", "biased"):
            yield replace(world, teacher=teacher)
