"""What a forecast says. Changes are of the expected test loss: below zero is a gain.

The loss is log-loss in nats for classes, and for targets squared error in units of the labels'
summed variance.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ForecastOutcome = Literal["helps", "hurts", "no_change", "undecided"]
"""No change: neither, and a gain that matters is excluded."""
Source = Literal["transfer", "regularisation", "open"]
"""What a gain comes from: beyond every control, one that a control has too, or neither is shown."""
Method = Literal["expansion", "refits", "closed form"]
"""Expansion; expansion corrected by refits; the closed form of squared loss."""


@dataclass(frozen=True)
class Parts:
    """A change in three parts that add up to it."""

    bias: float
    """Change of the risk with any number of rows: what the teacher teaches wrongly, or rightly."""
    noise: float
    """Change of what the variance of the estimate costs."""
    shrinkage: float
    """Change of what the bias of the estimate costs: distillation pulls back what is too large."""


@dataclass(frozen=True)
class ForecastCell:
    """The change at one temperature and weight, with an interval of its own."""

    temperature: float | None
    """None for targets."""
    weight: float
    estimate: float
    low: float
    high: float
    standard_error: float


@dataclass(frozen=True)
class ForecastControl:
    """The change with the teacher's content removed, at the best weight of the control."""

    temperature: float | None
    weight: float
    estimate: float
    low: float
    high: float
    advantage: float
    """Change with the teacher less change with the control: below zero the teacher gains more."""
    advantage_low: float
    advantage_high: float


@dataclass(frozen=True)
class CurvePoint:
    """The best cell for one number of labelled rows."""

    labelled_rows: int
    estimate: float
    low: float
    high: float
    temperature: float | None
    weight: float
    recommended: float
    """The change at the recommended cell of the forecast."""


@dataclass(frozen=True)
class Forecast:
    """What distillation from one teacher is forecast to change."""

    estimate: float
    """Change of the expected test loss at the recommended cell."""
    low: float
    high: float
    """Interval that allows for the choice among cells, where the outcome speaks of one and not, as
    hurts and no change do, of all."""
    standard_error: float
    probability: float
    """P(helps): that the change at the recommended cell is below zero."""
    temperature: float | None
    weight: float
    """The recommended cell: that of the least estimate."""
    labelled_rows: int
    metric: Literal["log_loss", "mse"]
    baseline: float
    """Expected test loss without distillation."""
    relative_change: float
    """The change over the baseline."""
    parts: Parts
    controls: Mapping[str, ForecastControl]
    cells: tuple[ForecastCell, ...]
    curve: tuple[CurvePoint, ...]
    ends_at: int | None
    """Labelled rows from which on the recommended cell gains nothing; None: no such number."""
    outcome: ForecastOutcome
    source: Source | None
    """None unless it helps."""
    reasons: tuple[str, ...]
    """Why it is undecided, or what its gain may come from, in sentences."""
    notes: tuple[str, ...]
    """What a reader must know of the student and of how it was forecast, in sentences."""
    method: Method
    penalty: float
    n_parameters: int
    n_columns: int
    """Columns of the student that were used, principal components where they are fewer."""
    seconds: float
