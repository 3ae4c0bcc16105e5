"""Small worlds of classes: student rows, labels drawn from a softmax, and what a teacher says."""

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from cch_audit.forecasting.softmax import Lesson, Rows
from cch_audit.rows import FloatArray, IntArray


@dataclass(frozen=True)
class Rowed:
    """Rows of a world."""

    x: FloatArray
    """(n_samples, d + 1), the intercept first."""
    y: IntArray
    teacher: FloatArray
    """Logits (n_samples, K)."""
    units: IntArray | None

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return self.teacher.shape[1]

    @property
    def rows(self) -> Rows:
        """The student."""
        return Rows.of(self.x)

    def lesson(self, temperature: float, weight: float) -> Lesson:
        """Return what a student learns from at one cell."""
        if weight == 0:
            return Lesson(self.y, self.n_classes)
        soft = softmax(self.teacher / temperature, axis=1)
        return Lesson(self.y, self.n_classes, soft, temperature, weight)


def draw_world(
    n: int, d: int, n_classes: int, seed: int, group_size: int = 1, noise: float = 0.8
) -> Rowed:
    """Draw rows whose teacher knows the logits, sharpened by half and with noise."""
    rng = np.random.default_rng([seed, 21])
    slopes = rng.standard_normal((n_classes, d))
    unit = np.arange(n) // group_size
    shared = np.sqrt(0.5) if group_size > 1 else 0.0
    x = shared * rng.standard_normal((n, d))[unit]
    x = x + np.sqrt(1 - shared**2) * rng.standard_normal((n, d))
    logits = x @ slopes.T + shared * rng.standard_normal((n, n_classes))[unit]
    y = (softmax(logits, axis=1).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    teacher = 1.5 * logits + noise * rng.standard_normal((n, n_classes))
    x = np.hstack([np.ones((n, 1)), x])
    return Rowed(x, np.minimum(y, n_classes - 1), teacher, unit if group_size > 1 else None)
