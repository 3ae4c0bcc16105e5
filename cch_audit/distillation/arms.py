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
    True: ("shuffled", "shuffled_within_class", "uniform"),
    False: ("shuffled", "mean", "matched_ridge"),
}
"""Controls for classes (True) and for continuous labels (False)."""
TEACHER_PENALTIES = 5
"""Ridge penalties that a linear teacher of continuous labels is chosen from."""


@dataclass(frozen=True)
class Cells:
    """What each of C heads is trained on."""

    arm: tuple[str, ...]
    temperature: FloatArray
    weight: FloatArray
    penalty: FloatArray
    """Weight decay, or the ridge penalty per row."""

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


def _numbers(text: str, option: str) -> tuple[float, ...]:
    """Return the numbers of a comma-separated list, each once."""
    try:
        return tuple(dict.fromkeys(float(part) for part in text.split(",")))
    except ValueError:
        raise InputError(f"{option} {text!r}: expected numbers separated by commas") from None


def plan_cells(arms: Sequence[str], grid: Grid, classes: bool) -> Cells:
    """Return one cell for the baseline and a whole grid for every other arm.

    Temperatures are for classes only. The matched ridge has as many penalties to choose from as
    there are weights.
    """
    temperatures = grid.temperatures if classes else (1.0,)
    rows: list[tuple[str, float, float, float]] = []
    for arm in arms:
        if arm == BASELINE:
            rows.append((arm, 1.0, 0.0, 0.0))
        elif arm == "matched_ridge":
            rows += [(arm, 1.0, 0.0, penalty) for penalty in ridge_penalties(len(grid.weights))]
        else:
            rows += [(arm, t, weight, 0.0) for t in temperatures for weight in grid.weights]
    names, *numbers = zip(*rows, strict=True)
    return Cells(names, *(np.array(column, dtype=np.float64) for column in numbers))


def teacher_cells(trained: bool) -> Cells:
    """Return the heads that a teacher is chosen from: a trained one, or ridge regressions."""
    penalties = np.zeros(1) if trained else ridge_penalties(TEACHER_PENALTIES)
    ones = np.ones(len(penalties))
    return Cells((BASELINE,) * len(ones), ones, 0 * ones, penalties)


def ridge_penalties(number: int) -> FloatArray:
    """Return penalties per row from hardly any to strong."""
    return np.logspace(-3, 1, number)


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
    if arm == "mean":
        return np.broadcast_to(teacher.mean(axis=0), teacher.shape)
    return teacher


def loss_formula(classes: bool) -> str:
    """Return the loss as a reader would write it."""
    if classes:
        return "(1 - w) CE(labels, student) + w T^2 KL(teacher_T || student_T), mean over the batch"
    return "MSE(labels, student) + w MSE(teacher, student)"
