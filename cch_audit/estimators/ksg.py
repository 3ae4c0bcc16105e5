"""KSG: mutual information from nearest neighbours, calibrated (Kraskov 2004; Ross 2014)."""

from dataclasses import replace

import numpy as np

from cch_audit.dependence.units import Dependence
from cch_audit.estimators import KsgSettings
from cch_audit.estimators.calibration import calibrate, from_parts
from cch_audit.estimators.contract import Estimate, is_classes
from cch_audit.estimators.folds import assign_folds, outside
from cch_audit.estimators.neighbors import from_neighbors
from cch_audit.estimators.scores import reached_scores
from cch_audit.rows import FloatArray, IntArray

MIN_ROWS = 200
"""Halves of fewer rows, or units of rows, settle neither a projection nor a mixture."""


def estimate(
    x: FloatArray,
    y: FloatArray | IntArray,
    rng: np.random.Generator,
    settings: KsgSettings,
    dependence: Dependence | None = None,
) -> Estimate:
    """Estimate I(x; y) in nats by nearest neighbours, on all columns or calibrated.

    The raw estimate is that of `from_neighbors`. The calibrated one projects each half of the rows
    on canonical pairs (or discriminants) found on the other half, and adds what `calibrate`
    finds that neighbours miss. Both are biased downward where they fail, so the larger is taken.

    Parameters
    ----------
    x, y, dependence : as `cch_audit.estimators.estimate` takes them
    rng : cuts the halves, fits and draws mixtures
    settings : number of neighbours, and of pairs; with 0 pairs the estimate is the raw one
    """
    raw = from_neighbors(x, y, settings.n_neighbors, dependence)
    return larger(raw, x, y, rng, settings, dependence)


def larger(
    raw: Estimate,
    x: FloatArray,
    y: FloatArray | IntArray,
    rng: np.random.Generator,
    settings: KsgSettings,
    dependence: Dependence | None = None,
) -> Estimate:
    """Return the raw estimate, which others may have made, or the calibrated one if it is larger.

    The parameters are those of `estimate`.
    """
    found = _calibrated(x, y, rng, settings, dependence)
    chosen = raw if found is None or found.value <= raw.value else found
    return replace(chosen, raw=raw.value)


def _calibrated(
    x: FloatArray,
    y: FloatArray | IntArray,
    rng: np.random.Generator,
    settings: KsgSettings,
    dependence: Dependence | None,
) -> Estimate | None:
    """Return the calibrated estimate, if there is one; few columns need none."""
    n_columns = x.shape[1] + (1 if is_classes(y) else y.shape[1])
    n_units = len(x) if dependence is None else dependence.n_units
    if settings.n_pairs == 0 or n_columns <= 2 or n_units < MIN_ROWS:
        return None
    x = reached_scores(x)  # calibration knows columns by their principal components alone
    y = y if is_classes(y) else reached_scores(y)
    folds = assign_folds(len(x), 2, y, dependence, rng)
    parts = []
    for half in (0, 1):
        others, rows = outside(folds, half, dependence), np.flatnonzero(folds == half)
        part = calibrate(
            x, y, others, rows, settings.n_neighbors, settings.n_pairs, rng, dependence
        )
        if part is None:
            return None
        parts.append(part)
    return from_parts(parts, folds)
