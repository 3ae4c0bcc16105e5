"""Mutual-information estimators with one contract: `estimate(name, x, y, rng, settings)`."""

from importlib import import_module

import numpy as np

from cch_audit.arrays import FloatArray, IntArray
from cch_audit.dependence.units import Dependence
from cch_audit.estimators.contract import Estimate
from cch_audit.settings import EstimatorSettings

__all__ = ["Estimate", "estimate", "memory"]

COPIES = 5
"""Copies of its columns that an estimator holds at the same time."""


def estimate(
    name: str,
    x: FloatArray,
    y: FloatArray | IntArray,
    rng: np.random.Generator,
    settings: EstimatorSettings,
    dependence: Dependence | None = None,
) -> Estimate:
    """Estimate I(x; y) in nats with the estimator of that name.

    Parameters
    ----------
    name : `ksg`, `mine`, `lmi` or `gaussian`
    x : (n_samples, d) float array
    y : (n_samples, q) float array, or (n_samples,) integer class codes
    rng : the only source of randomness
    settings : settings of all estimators; each reads its own
    dependence : which rows depend on each other; None: none do
    """
    # Imported by name so that `ksg` alone never loads torch.
    module = import_module(f"cch_audit.estimators.{name}")
    result: Estimate = module.estimate(x, y, rng, getattr(settings, name), dependence)
    return result


def memory(name: str, n_samples: int, n_columns: int, settings: EstimatorSettings) -> float:
    """Return about how many bytes the estimator of that name takes, its columns in float64."""
    copies = 8.0 * COPIES * n_samples * n_columns
    if name != "mine":
        return copies
    from cch_audit.estimators import mine

    return max(copies, mine.memory(n_samples, n_columns, settings.mine))
