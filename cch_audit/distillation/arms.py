"""The arms of the experiment: what each head learns from, with the teacher's content or without."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cch_audit.errors import InputError
from cch_audit.rows import FloatArray, IntArray
from cch_audit.settings import ConfirmationSettings

BASELINE, DISTILLED = "baseline", "distilled"
CONTROLS: Mapping[bool, tuple[str, ...]] = {
    True: ("uniform", "shuffled", "shuffled_within_class", "class_means"),
    False: ("shuffled", "mean", "matched_ridge"),
}
"""Controls for classes (True) and for continuous labels (False)."""
LEAST_TRAIN = 10
"""Of fewer training rows nothing is learnt."""
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Of the squared weights of a linear head on standardised columns; validation rows choose."""
RIDGE_SPAN = 10.0
"""The matched ridge chooses among penalties from the baseline's up to so many times more."""


@dataclass(frozen=True)
class Cells:
    """What each of C heads is trained on."""

    arm: tuple[str, ...]
    temperature: FloatArray
    weight: FloatArray
    penalty: FloatArray
    """Of half the squared weights, beside the mean loss of the rows."""

    def __len__(self) -> int:
        """Number of heads."""
        return len(self.arm)

    def of(self, arm: str) -> IntArray:
        """Return the numbers of an arm's cells."""
        return np.flatnonzero(np.array(self.arm) == arm)


@dataclass(frozen=True)
class Grid:
    """What the distilled arm and its controls choose from."""

    temperatures: tuple[float, ...]
    weights: tuple[float, ...]


def parse_grid(settings: ConfirmationSettings) -> Grid:
    """Read the temperatures and weights that the options list.

    Raises
    ------
    InputError
        For a temperature that is not positive, a weight outside [0, 1), or no number at all.
    """
    temperatures = _numbers(settings.temperature, "`temperature`")
    weights = _numbers(settings.weight, "`weight`")
    for temperature in temperatures:
        if not 0 < temperature < math.inf:
            raise InputError(
                f"`temperature` {temperature:g}: logits are divided by it, so it must be above 0"
            )
    for weight in weights:
        if not 0 <= weight < 1:
            raise InputError(
                f"`weight` {weight:g}: it is the share of the teacher's term in the loss, so it "
                "must be at least 0 and below 1, where the labels would not count"
            )
    return Grid(temperatures, weights)


def parse_sizes(settings: ConfirmationSettings) -> tuple[int, ...] | None:
    """Read the numbers of training rows, in ascending order; None where they are not given.

    Raises
    ------
    InputError
        For what is no whole number, or too small to train on.
    """
    if settings.train_size is None:
        return None
    sizes = _numbers(settings.train_size, "`train_size`")
    for size in sizes:
        if not LEAST_TRAIN <= size < math.inf or size % 1:
            raise InputError(
                f"`train_size` {size:g}: expected whole numbers of at least {LEAST_TRAIN} rows"
            )
    return tuple(sorted(int(size) for size in sizes))


def _numbers(text: str, option: str) -> tuple[float, ...]:
    """Return the numbers of a comma-separated list, each once."""
    try:
        return tuple(dict.fromkeys(float(part) for part in text.split(",")))
    except ValueError:
        raise InputError(f"{option} {text!r}: expected numbers separated by commas") from None


def plan_cells(arms: Sequence[str], grid: Grid, classes: bool, penalty: float) -> Cells:
    """Return one cell for the baseline and a whole grid for every other arm.

    Temperatures are for classes only. The matched ridge has as many penalties to choose from as
    there are weights, where all others have that of the baseline.
    """
    temperatures = grid.temperatures if classes else (1.0,)
    rows: list[tuple[str, float, float, float]] = []
    for arm in arms:
        if arm == BASELINE:
            rows.append((arm, 1.0, 0.0, penalty))
        elif arm == "matched_ridge":
            stronger = penalty * np.geomspace(1.0, RIDGE_SPAN, len(grid.weights) + 1)[1:]
            rows += [(arm, 1.0, 0.0, float(one)) for one in stronger]
        else:
            rows += [(arm, t, weight, penalty) for t in temperatures for weight in grid.weights]
    names, *numbers = zip(*rows, strict=True)
    return Cells(names, *(np.array(column, dtype=np.float64) for column in numbers))


def baseline_cells(penalties: Sequence[float]) -> Cells:
    """Return heads that learn from labels alone, one for each penalty."""
    ones = np.ones(len(penalties))
    return Cells((BASELINE,) * len(penalties), ones, 0 * ones, np.array(penalties))


def soft_targets(
    arm: str, teacher: FloatArray, y: FloatArray | IntArray, rng: np.random.Generator
) -> FloatArray:
    """Return what an arm takes for the teacher's outputs (n, K) on the training rows."""
    if arm == "shuffled":
        return teacher[rng.permutation(len(teacher))]
    if arm == "shuffled_within_class":
        shuffled = teacher.copy()
        for label in np.unique(y):
            members = np.flatnonzero(y == label)
            shuffled[members] = teacher[rng.permutation(members)]
        return shuffled
    if arm == "uniform":
        return np.zeros_like(teacher)
    if arm == "class_means":
        means = teacher.copy()
        for label in np.unique(y):
            means[y == label] = teacher[y == label].mean(axis=0)
        return means
    if arm == "mean":
        return np.broadcast_to(teacher.mean(axis=0), teacher.shape)
    return teacher


def loss_formula(classes: bool) -> str:
    """Return the loss as a reader would write it."""
    if classes:
        return "(1 - w) CE(labels, student) + w T^2 KL(teacher_T || student_T), mean over rows"
    return "MSE(labels, student) + w MSE(teacher, student)"
