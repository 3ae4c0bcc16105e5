"""What a forecast is asked."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Settings of a forecast."""

    temperatures: tuple[float, ...] = (1.0, 2.0, 3.0, 4.0)
    """Of classes; targets have none."""
    weights: tuple[float, ...] = (0.2, 0.3, 0.5, 0.7, 0.8)
    """Weights of the teacher's term: w of (1 - w) CE + w T^2 KL, or of MSE(y) + w MSE(t)."""
    labelled_rows: int | None = None
    """Rows n that will train the student; None: half of those in hand, at most 400."""
    confidence: float = 0.95
    penalty: float | None = None
    """Of the student's mean loss; None: chosen once per student."""
    refits: int | None = None
    """Parts of n rows that teachers are trained on, and students refitted to; None: what so many
    rows, columns and classes leave time for."""
    few_rows: float = 15.0
    """Rows for each parameter below which students are refitted."""
    min_effect: float = 0.01
    """Smallest gain that matters, as a share of the labels' entropy or variance."""
    hidden: int = 0
    """Width of the hidden layer of the networks whose heads are forecast; 0: linear heads."""
    epochs: int = 1000
    """Most passes of those networks over their rows."""
    seed: int = 0

    @property
    def cells(self) -> tuple[tuple[float, float], ...]:
        """Every temperature with every weight above zero."""
        weights = [weight for weight in self.weights if weight > 0]
        return tuple((t, w) for t in self.temperatures for w in weights)
