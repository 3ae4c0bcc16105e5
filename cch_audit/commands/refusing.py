"""Options that are refused before anything is read."""

import math
from typing import TYPE_CHECKING, get_args

from cch_audit.errors import InputError
from cch_audit.settings import AuditSettings, ConfirmationSettings, EstimatorName

if TYPE_CHECKING:
    from cch_audit.distillation.arms import Grid


def check_audit(settings: AuditSettings) -> None:
    """Refuse options that contradict each other."""
    if not settings.estimator:
        raise InputError("no estimator is named; name one with --estimator")
    if not math.isfinite(settings.margin):
        raise InputError(f"--margin is {settings.margin}; it must be a finite number")
    if len(set(settings.estimator)) < len(settings.estimator):
        raise InputError("--estimator names the same estimator twice; name each once")
    if settings.rule in get_args(EstimatorName) and settings.rule not in settings.estimator:
        raise InputError(
            f"--rule {settings.rule} needs that estimator; add --estimator {settings.rule} "
            "or choose another rule"
        )


def check_training(training: ConfirmationSettings) -> "Grid":
    """Return the grid of a training run; refuse one that could not show anything.

    Raises
    ------
    InputError
        For a single seed, a temperature that is not positive, or a weight outside [0, 1).
    """
    from cch_audit.distillation.arms import parse_grid

    if training.seeds < 2:
        raise InputError(
            f"--seeds {training.seeds}: one run shows no spread, so nothing can be said of chance; "
            "use 6 or more, the fewest with which p can fall below 0.05"
        )
    return parse_grid(training)
