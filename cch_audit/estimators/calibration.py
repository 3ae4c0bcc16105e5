"""Calibration: what a mixture of known information says about the error of nearest neighbours.

In many columns nearest neighbours see a fraction of the information. Both sides are therefore
projected on a few canonical pairs, found on other rows. A Gaussian mixture that resembles the
projected rows has a known information, and the error of the same estimate on rows drawn from it is
taken off. Where no mixture resembles the rows (they lie on a curved surface, say), its error would
say nothing about theirs; fewer pairs are taken then, down to none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cch_audit.dependence.units import Dependence, among, independent_rows
from cch_audit.estimators.canonical import (
    fit_canonical,
    paired_components,
    principal_components,
    whitening,
)
from cch_audit.estimators.compiled import kernel
from cch_audit.estimators.contract import Estimate, is_classes, standardize
from cch_audit.estimators.distances import ROWS, insert, squared_distances
from cch_audit.estimators.mixtures import ClassMixture, ColumnMixture
from cch_audit.estimators.neighbors import from_neighbors
from cch_audit.rows import FloatArray, IntArray

MISFIT = 0.1
"""Nats by which a mixture may be wider than the rows, and two standard errors more."""
MISFIT_ROWS = 700
"""Most rows on which that is measured."""
LEAST_UNITS = 80
"""Fewest units of dependent rows that settle a mixture."""
DRAWN_ROWS = 2000
"""Rows drawn from a mixture in all, in at least one sample: the error is then about .02 nats."""


@dataclass(frozen=True)
class Calibrated:
    """A calibrated estimate on some rows, nats."""

    pseudo_values: FloatArray
    """(n_rows,), the allowance included; their mean is the estimate."""
    allowance: float
    """What was added to the estimate from neighbours."""


def calibrate(
    x: FloatArray,
    y: FloatArray | IntArray,
    others: IntArray,
    rows: IntArray,
    n_neighbors: int,
    n_pairs: int,
    rng: np.random.Generator,
    dependence: Dependence | None = None,
) -> Calibrated | None:
    """Estimate I(x; y) on some rows, in a projection found on others, less the error found there.

    The most pairs are taken, the strongest first, with which a fitted mixture resembles the rows;
    the estimate is KSG(rows) + I(mixture) - KSG(rows drawn from it).

    Parameters
    ----------
    x, y : (n_samples, d), and (n_samples, q) or (n_samples,) class codes; columns of variance 1
    others, rows : row numbers
    n_neighbors : k
    n_pairs : most canonical pairs, or discriminants
    rng : fits and draws mixtures
    dependence : which rows depend on each other; None: none do

    Returns
    -------
    None where no pair correlates beyond chance, the other rows hold one class, no mixture
    resembles even the first pair, or dependent rows come from too few units.
    """
    mixture: ClassMixture | ColumnMixture
    v: FloatArray | IntArray
    if is_classes(y):
        u, v = _discriminants(x, y, others, n_pairs)[rows], y[rows]
    else:
        u, v = _canonical_pairs(x, np.asarray(y), others, rows, n_pairs, dependence)
    if u.shape[1] == 0:
        return None
    inside = among(dependence, rows)
    if inside is not None and inside.n_units < LEAST_UNITS:
        return None  # a mixture fitted to so few would have what information it likes
    if is_classes(v):
        mixture = ClassMixture.fit(u, v, inside)
    else:
        mixture = ColumnMixture.fit(u, np.asarray(v), rng, inside)
    kept = rng.permutation(independent_rows(np.arange(len(u)), inside, rng))[:MISFIT_ROWS]
    for n in range(u.shape[1], 0, -1):
        mixture = mixture.leading(n)
        u, v = u[:, :n], v if is_classes(v) else v[:, :n]
        drawn = mixture.draw(rng)
        if max(_wider(drawn[0], u, kept), _wider(drawn[1], v, kept)) <= MISFIT:
            break
    else:
        return None
    information = mixture.information(rng)
    n_draws = max(1, DRAWN_ROWS // len(rows))
    draws = [drawn, *(mixture.draw(rng) for _ in range(n_draws - 1))]
    found = np.mean(
        [_found(mixture, information, left, right, n_neighbors, inside) for left, right in draws]
    )
    allowance = information - float(found)
    # On another sample the mixture would have another information, and the allowance, a share of
    # it, would move too: the fitted information moves with the mean of the rows' log ratios.
    share = np.clip(allowance / information, 0.0, 1.0) if information > 0 else 0.0
    ratios = _log_ratios(mixture, u, v)
    pseudo_values = from_neighbors(u, v, n_neighbors, inside).pseudo_values + allowance
    return Calibrated(pseudo_values + share * (ratios - ratios.mean()), allowance)


def _log_ratios(
    mixture: ClassMixture | ColumnMixture, u: FloatArray, v: FloatArray | IntArray
) -> FloatArray:
    """Return the log density ratio of each row by a mixture, (n_rows,)."""
    if isinstance(mixture, ClassMixture):
        return mixture.log_ratio(u, mixture.y)
    return mixture.log_ratio(u, np.asarray(v, dtype=np.float64))


def _found(
    mixture: ClassMixture | ColumnMixture,
    information: float,
    u: FloatArray,
    v: FloatArray | IntArray,
    n_neighbors: int,
    dependence: Dependence | None,
) -> float:
    """Return the estimate from rows drawn from a mixture, less what their chance adds to it.

    As with surrogates the mean of their log ratios is the control variate; it takes about half of
    the variance, so that one sample says as much as two.
    """
    found = from_neighbors(u, v, n_neighbors, dependence)
    ratios = _log_ratios(mixture, u, v)
    deviations = ratios - ratios.mean()
    slope = float(deviations @ found.pseudo_values) / max(float(deviations @ deviations), 1e-300)
    return found.value - slope * (float(ratios.mean()) - information)


def from_parts(parts: Sequence[Calibrated], folds: IntArray) -> Estimate:
    """Return one estimate from those of all folds; their allowances differ by chance.

    Parameters
    ----------
    parts : one for each fold
    folds : (n_samples,) fold of each row
    """
    pseudo_values = np.empty(len(folds))
    for fold, part in enumerate(parts):
        pseudo_values[folds == fold] = part.pseudo_values
    allowances = np.array([part.allowance for part in parts])
    variance = float(allowances.var(ddof=1) / len(parts))
    return Estimate(float(pseudo_values.mean()), pseudo_values, variance)


def _wider(drawn: FloatArray | IntArray, rows: FloatArray | IntArray, kept: IntArray) -> float:
    """Return by how many nats drawn rows surely have more entropy than the sample's.

    From the mean log distance to the third neighbour (Kozachenko and Leonenko 1987), whose bias is
    common to both, less two standard errors; class codes are the sample's own.
    """
    if is_classes(rows):
        return 0.0
    wide, narrow = _log_radii(drawn[kept]), _log_radii(rows[kept])
    error = np.sqrt((wide.var() + narrow.var()) / len(wide))
    return float(rows.shape[1] * (wide.mean() - narrow.mean() - 2 * error))


def _log_radii(rows: FloatArray | IntArray) -> FloatArray:
    """Return the log distance of each row to its third neighbour."""
    squared = _third_nearest(np.ascontiguousarray(rows, dtype=np.float64))
    return np.asarray(np.log(np.maximum(np.sqrt(squared), 1e-12)))


@kernel()
def _third_nearest(x):  # type: ignore[no-untyped-def]
    """Return the squared distance of each row to its third neighbour."""
    n = len(x)
    block, nearest, found = np.empty((ROWS, n)), np.empty(3), np.empty(n)
    for i in range(n):
        if i % ROWS == 0:
            squared_distances(x, i, block)
        nearest[:] = np.inf
        for j in range(n):
            if j != i:
                insert(block[i % ROWS, j], nearest)
        found[i] = nearest[2]
    return found


def _canonical_pairs(
    x: FloatArray,
    y: FloatArray,
    others: IntArray,
    rows: IntArray,
    n_pairs: int,
    dependence: Dependence | None,
) -> tuple[FloatArray, FloatArray]:
    """Return the rows' canonical coordinates that correlate beyond chance, the strongest first."""
    x, y, _ = paired_components(x, y, others, dependence)
    model = fit_canonical(x, y, others, rows, dependence)
    order = model.strongest(n_pairs)
    u, v = x[rows] @ model.x_weights[:, order], y[rows] @ model.y_weights[:, order]
    return standardize(u), standardize(v)


def _discriminants(x: FloatArray, y: IntArray, others: IntArray, n: int) -> FloatArray:
    """Return the leading linear discriminants of all rows, (n_samples, min(K - 1, n)) or fewer."""
    x = principal_components(x, others)
    codes, place, counts = np.unique(y[others], return_inverse=True, return_counts=True)
    means = np.stack([x[others][place == number].mean(axis=0) for number in range(len(codes))])
    white = whitening(x[others] - means[place])
    weighted = np.sqrt(counts)[:, None] * (means - x[others].mean(axis=0)) @ white
    _, _, directions = np.linalg.svd(weighted, full_matrices=False)
    return np.asarray(x @ white @ directions[: min(n, len(codes) - 1)].T)
