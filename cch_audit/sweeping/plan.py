"""What a sweep changes, and its steps, and how they are written."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cch_audit.errors import InputError
from cch_audit.results import Varied
from cch_audit.settings import SweepSettings

if TYPE_CHECKING:
    from cch_audit.distillation.arms import Grid

MOST_NOISE = 1000.0


@dataclass(frozen=True)
class SweepPlan:
    """What is changed, step by step."""

    varied: Varied
    steps: tuple[float, ...]
    """In ascending order."""

    @property
    def keeps_teacher(self) -> bool:
        """Whether the steps differ in how the student is trained, and not in its teacher."""
        return self.varied in ("temperature", "weight")


def plan_sweep(swept: SweepSettings, grid: "Grid") -> SweepPlan:
    """Return what is changed, and its steps in ascending order.

    Parameters
    ----------
    swept : exactly one of them given
    grid : the temperatures and weights of `temperature` and `weight`

    Raises
    ------
    InputError
        If not exactly one thing is swept, or not over two or more values that can be.
    """
    listed: dict[Varied, str | None] = {
        "noise": swept.noise,
        "drop_columns": swept.drop_columns,
        "shuffle_rows": swept.shuffle_rows,
        "flip_labels": swept.flip_labels,
    }
    degrees = {name: text for name, text in listed.items() if text is not None}
    given = [*map(_name, degrees), *(["`over`"] if swept.over else [])]
    if len(given) != 1:
        found = f"{', '.join(given)} are given" if given else "none is given"
        raise InputError(
            "a sweep changes one thing: give one of `noise`, `drop_columns`, `shuffle_rows`, "
            f"`flip_labels` and `over`; {found}"
        )
    if swept.over:
        values = grid.temperatures if swept.over == "temperature" else grid.weights
        return SweepPlan(swept.over, _ascending(values, _name(swept.over)))
    ((varied, text),) = degrees.items()
    return SweepPlan(varied, _ascending(_degrees(text, varied), _name(varied)))


def _degrees(text: str, varied: Varied) -> list[float]:
    """Return how much worse the teacher is made, as listed."""
    name = _name(varied)
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{name} {text!r}: expected numbers separated by commas") from None
    most = MOST_NOISE if varied == "noise" else 1.0
    for value in values:
        if not (math.isfinite(value) and 0 <= value <= most):
            what = "standard deviations" if varied == "noise" else "shares"
            raise InputError(f"{name} {value:g}: expected {what} from 0 to {most:g}")
    return [value + 0.0 for value in values]  # the sum turns -0.0 into 0.0


def _ascending(values: Sequence[float], name: str) -> tuple[float, ...]:
    """Return different values in ascending order."""
    steps = tuple(sorted(set(values)))
    if len(steps) < 2:
        raise InputError(
            f"{name} lists one value, and a sweep needs two or more; separate them by commas"
        )
    return steps


def _name(varied: str) -> str:
    return f"`{varied}`"


def step_text(step: float) -> str:
    """Return a step as it was typed; different numbers never look the same."""
    return repr(float(step)).removesuffix(".0")


def step_title(teacher: str, varied: Varied, step: float) -> str:
    """Return the name of a teacher at a step of a sweep."""
    return f"{teacher}, {varied.replace('_', ' ')} {step_text(step)}"
