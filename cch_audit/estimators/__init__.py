"""Mutual-information estimators with one contract: `estimate(name, x, y, rng, settings)`."""

from importlib import import_module

import numpy as np

from cch_audit.arrays import FloatArray, IntArray
from cch_audit.dependence import Dependence
from cch_audit.estimators.contract import Estimate
from cch_audit.settings import EstimatorSettings

__all__ = ["Estimate", "estimate"]


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
