"""Populations on which training runs are judged: what a teacher changes there is measured."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cch_audit.rows import FloatArray, IntArray
from cch_audit.sample import Labels, Sample
from cch_audit.settings import ConfirmationSettings
from cch_audit.simulation.families import calibrated
from cch_audit.simulation.world import world

ZEROS = Path(__file__).parent / "outcome_zeros.json"
"""Noise of the teachers that change nothing, by cell; `--calibrate` finds it."""
SHARED = 0.5
"""Share of the variance of what lies behind a row that rows of a group have in common."""
LATENTS, CLASSES = 4, 3
COLUMNS = 30
"""Of the student."""
GAIN_NOISE = 0.3
"""Of a teacher that helps."""


@dataclass(frozen=True)
class Cell:
    """A population, the sizes of a file and how it is judged."""

    family: str
    kind: str
    """`gain`, `zero`, or a teacher of the constructed world."""
    n: int
    train: int
    group: int = 1
    """Rows of a group."""
    metric: str = "auto"
    """What decides."""

    @property
    def name(self) -> str:
        """How results call it."""
        groups = f", groups of {self.group}" if self.group > 1 else ""
        metric = f", {self.metric}" if self.metric != "auto" else ""
        return f"{self.family}, {self.kind}, {self.n} rows, {self.train} train{groups}{metric}"

    @property
    def noise(self) -> float:
        """Standard deviation of the noise of the teacher's columns."""
        if self.kind != "zero":
            return GAIN_NOISE
        known: dict[str, float] = json.loads(ZEROS.read_text(encoding="utf-8"))
        return known[self.name]

    def settings(self, split_seed: int) -> ConfirmationSettings:
        """Return the settings under which a file is judged."""
        return replace(
            ConfirmationSettings(),
            train_size=str(self.train),
            split_seed=split_seed,
            metric=self.metric,  # type: ignore[arg-type]
        )

    def draw(self, n: int, rng: np.random.Generator, noise: float | None = None) -> Sample:
        """Draw n rows, in whole groups."""
        return FAMILIES[self.family](self, n, rng, self.noise if noise is None else noise)


def softmax_world(cell: Cell, n: int, rng: np.random.Generator, noise: float) -> Sample:
    """Labels of a softmax of latent columns, which the student sees dimly, the teacher clearly."""
    fixed = np.random.default_rng(5)
    to_labels = 2 * fixed.standard_normal((LATENTS, CLASSES))
    mixing = fixed.standard_normal((LATENTS, COLUMNS)) / np.sqrt(LATENTS)
    groups = _groups(cell, n)
    latent = _shared(LATENTS, groups, n, rng)
    y = (latent @ to_labels + rng.gumbel(size=(n, CLASSES))).argmax(axis=1)
    student = latent @ mixing + rng.standard_normal((n, COLUMNS))
    teacher = latent + noise * rng.standard_normal((n, LATENTS))
    names = tuple(map(str, range(CLASSES)))
    return Sample(
        {"teacher": teacher}, "student", student, Labels(y, names), "labels", groups=groups
    )


def gaussian_world(cell: Cell, n: int, rng: np.random.Generator, noise: float) -> Sample:
    """Joint Gaussians whose teacher explains most of the labels, but for noise in its columns."""
    population = calibrated(0.5, 0.8, 0.5, 5, COLUMNS, np.random.default_rng(6))
    own = population.sample(n, rng)
    groups = _groups(cell, n)
    student, teacher, y = own.student, own.teachers["teacher"], own.labels.values
    if groups is not None:
        common = population.sample(n // cell.group, rng)
        parts = ((student, common.student), (teacher, common.teachers["teacher"]))
        student, teacher = (_blend(rows, other[groups]) for rows, other in parts)
        y = _blend(y, common.labels.values[groups])
    teacher = teacher + noise * teacher.std(axis=0) * rng.standard_normal(teacher.shape)
    return Sample({"teacher": teacher}, "student", student, Labels(y), "labels", groups=groups)


def constructed_world(cell: Cell, n: int, rng: np.random.Generator, noise: float) -> Sample:
    """Return the constructed world, with one of its teachers."""
    sample = world(n, rng)
    return replace(sample, teachers={"teacher": sample.teachers[cell.kind]})


def _groups(cell: Cell, n: int) -> IntArray | None:
    return None if cell.group == 1 else np.arange(n) // cell.group


def _shared(d: int, groups: IntArray | None, n: int, rng: np.random.Generator) -> FloatArray:
    own = rng.standard_normal((n, d))
    if groups is None:
        return own
    return _blend(own, rng.standard_normal((int(groups.max()) + 1, d))[groups])


def _blend(own: FloatArray, common: FloatArray) -> FloatArray:
    return np.sqrt(1 - SHARED) * own + np.sqrt(SHARED) * common


FAMILIES: dict[str, Callable[[Cell, int, np.random.Generator, float], Sample]] = {
    "softmax": softmax_world,
    "gaussian": gaussian_world,
    "world": constructed_world,
}

CELLS = (
    Cell("softmax", "zero", 300, 75),
    Cell("softmax", "gain", 300, 75),
    Cell("gaussian", "zero", 300, 50),
    Cell("gaussian", "gain", 300, 50),
    Cell("softmax", "zero", 600, 100, 5),
    Cell("softmax", "gain", 600, 100, 5),
    Cell("softmax", "zero", 150, 75),
    Cell("softmax", "gain", 150, 50),
    Cell("gaussian", "zero", 150, 75),
    Cell("gaussian", "gain", 600, 100, 5),
    Cell("gaussian", "zero", 600, 300, 5),
    Cell("softmax", "gain", 1000, 50),
    Cell("softmax", "zero", 1000, 500),
    Cell("gaussian", "zero", 1000, 100),
    Cell("world", "good", 600, 200),
    Cell("world", "copy", 600, 200),
    Cell("world", "weak", 600, 200),
    Cell("world", "nuisance", 600, 200),
    Cell("softmax", "zero", 3000, 200),
    Cell("gaussian", "gain", 3000, 1500),
)
"""What is measured; what tells most comes first."""
