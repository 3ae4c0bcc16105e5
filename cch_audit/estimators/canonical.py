"""Canonical coordinates: the linear part of the dependence between two sets of columns."""

from dataclasses import dataclass

import numpy as np

from cch_audit.dependence.units import Dependence, split_rows
from cch_audit.estimators.wide import Reached, is_wide, ledoit_wolf_parts, principal_axes
from cch_audit.rows import FloatArray, IntArray

LARGEST = 1 - 1e-6
"""Cap on a correlation (6.6 nats a pair): copies must not make the log ratio overflow."""

VARIANCE = 0.99
"""Share of the variance that principal components keep."""
FEW_COLUMNS = 8
"""So many columns on both sides are whitened; a few hundred rows settle their covariance."""
FARTHEST = 5.0
"""Coordinates of other rows are cut here: a normal sample of a million reaches it."""


@dataclass(frozen=True)
class Canonical:
    """Whitened, rotated coordinates of x and y in which only equal positions are correlated."""

    x_weights: FloatArray
    """(d, min(d, q))"""
    y_weights: FloatArray
    """(q, min(d, q))"""
    correlations: FloatArray
    """(min(d, q),) correlations, measured on rows that did not choose the directions."""

    @property
    def information(self) -> float:
        """Return the mutual information of Gaussians that are so correlated, in nats."""
        return float(-0.5 * np.log1p(-(self.correlations**2)).sum())

    def coordinates(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the canonical coordinates of any rows, cut where the fit says nothing."""
        u, v = x @ self.x_weights, y @ self.y_weights
        return np.clip(u, -FARTHEST, FARTHEST), np.clip(v, -FARTHEST, FARTHEST)

    def strongest(self, n: int) -> IntArray:
        """Return the positions of the pairs that correlate, the strongest first, n at most."""
        order = np.argsort(-self.correlations, kind="stable")[:n]
        return np.asarray(order[self.correlations[order] > 0])

    def log_ratio_parts(
        self, u: FloatArray, v: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return a(u), b(v), f(u), g(v) of the Gaussian log density ratio a_i + b_j + f_i . g_j.

        For each pair of correlation r it is
        -log(1 - r^2)/2 - (r^2 (u^2 + v^2) - 2 r u v) / (2 (1 - r^2)), and nothing where r is 0.
        """
        pairs = self.correlations > 0
        u, v, r = u[:, pairs], v[:, pairs], self.correlations[pairs]
        quadratic = r**2 / (2 * (1 - r**2))
        a = self.information - u**2 @ quadratic
        scale = np.sqrt(r / (1 - r**2))
        return a, -(v**2) @ quadratic, u * scale, v * scale


def fit_canonical(
    x: FloatArray,
    y: FloatArray,
    directions: IntArray,
    moments: IntArray,
    dependence: Dependence | None = None,
    n_columns: tuple[int | None, int | None] = (None, None),
) -> Canonical:
    """Fit canonical coordinates; directions come from some rows, correlations from others.

    Sample canonical correlations are far too large when the dimension is not small beside n. The
    directions are found with Ledoit-Wolf covariances; the correlation of each pair is then
    measured on fresh rows, and one that could be noise is dropped. Of more columns than rows the
    directions are sought among those that the rows reach: no pair correlates beyond them.

    Parameters
    ----------
    x, y : (n_samples, d) and (n_samples, q) float arrays with columns of mean 0 and variance 1
    directions, moments : row numbers for the two steps
    dependence : which rows depend on each other; None: none do
    n_columns : of which many columns x and y are coordinates; None: of none but their own
    """
    if is_wide(x[directions]) or is_wide(y[directions]):
        return _fit_reached(x, y, directions, moments, dependence)
    known = x[directions], y[directions]
    x_white, y_white = (whitening(side, n) for side, n in zip(known, n_columns))
    white = known[0] @ x_white
    left, _, right = np.linalg.svd(white.T @ (known[1] @ y_white) / len(directions))
    n_pairs = min(x.shape[1], y.shape[1])
    x_weights, y_weights = x_white @ left[:, :n_pairs], y_white @ right.T[:, :n_pairs]
    # Rounding may flip a pair: the sign is the sample's, so that later draws are the same.
    along = white @ left[:, :n_pairs]
    signs = np.where((along * along * along).sum(axis=0) < 0, -1.0, 1.0)
    u, v = x[moments] @ (x_weights * signs), y[moments] @ (y_weights * signs)
    # Unit variance on the fresh rows, so that the density ratio is on the right scale.
    of_u, of_v = _spread(u), _spread(v)
    x_weights, y_weights = x_weights * (signs / of_u), y_weights * (signs / of_v)
    u, v = (u - u.mean(axis=0)) / of_u, (v - v.mean(axis=0)) / of_v
    correlations = (u * v).mean(axis=0)
    # The largest of n_pairs null correlations: the universal threshold, at least one-sided 5 %.
    errors = _standard_errors(u * v, moments, dependence)
    threshold = max(1.64, np.sqrt(2 * np.log(n_pairs))) * errors
    weak = ~(correlations > threshold)
    return Canonical(x_weights, y_weights, np.where(weak, 0.0, np.minimum(correlations, LARGEST)))


def _fit_reached(
    x: FloatArray,
    y: FloatArray,
    directions: IntArray,
    moments: IntArray,
    dependence: Dependence | None,
) -> Canonical:
    """Fit in the coordinates that the rows which find directions reach, as many as these."""
    of_x, of_y = (Reached.in_any_axes(side[directions]) for side in (x, y))
    model = fit_canonical(
        _coordinates(x, of_x, directions, moments),
        _coordinates(y, of_y, directions, moments),
        directions,
        moments,
        dependence,
        (x.shape[1], y.shape[1]),
    )
    weights = of_x.columns(model.x_weights), of_y.columns(model.y_weights)
    return Canonical(*weights, model.correlations)


def _coordinates(
    side: FloatArray, reached: Reached, directions: IntArray, moments: IntArray
) -> FloatArray:
    """Return coordinates of a side's rows; those of rows that nobody asks for are 0."""
    found = np.zeros((len(side), reached.coordinates.shape[1]))
    found[moments], found[directions] = reached.of(side[moments]), reached.coordinates
    return found


def _standard_errors(
    products: FloatArray, rows: IntArray, dependence: Dependence | None
) -> FloatArray | float:
    """Return the standard errors of null correlations: over units, if rows depend on each other."""
    free = 1 / np.sqrt(len(rows))
    if dependence is None:
        return float(free)
    units = np.unique(dependence.units[rows], return_inverse=True)[1]
    sums = np.stack([np.bincount(units, column) for column in products.T], axis=1)
    return np.asarray(np.maximum(np.sqrt((sums**2).sum(axis=0)) / len(rows), free))


def paired_components(
    x: FloatArray, y: FloatArray, rows: IntArray, dependence: Dependence | None = None
) -> tuple[FloatArray, FloatArray, Canonical | None]:
    """Return leading components of x and y, whitened or not as suits the pairs that they share.

    With whitened components the canonical directions are those of least squares; with rotated ones
    shrinkage pulls them towards the large components, which wins where most columns say the same.
    One half of the rows finds pairs, the other half says which are the stronger ones. Few columns
    need no shrinkage, and without it the estimate is that of any linear map of them.

    Returns
    -------
    Components of x and of y, (n_samples, p) and (n_samples, q), and their canonical coordinates as
    the two halves of the rows found and measured them; None for few columns.
    """
    rotated = principal_components(x, rows), principal_components(y, rows)
    whitened = rotated[0] / _spread(rotated[0][rows]), rotated[1] / _spread(rotated[1][rows])
    if max(x.shape[1], y.shape[1]) <= FEW_COLUMNS:
        return *whitened, None
    first, second = split_rows(rows, len(rows) // 2, dependence)
    found = [
        (*sides, fit_canonical(*sides, first, second, dependence)) for sides in (rotated, whitened)
    ]
    return max(found, key=lambda one: one[2].information)


def principal_components(x: FloatArray, rows: IntArray) -> FloatArray:
    """Return the leading principal components on some rows of all, a quarter as many at most.

    They keep their variances, of mean 1.
    """
    known = x[rows]
    centre = known.mean(axis=0)
    known -= centre
    values, axes = principal_axes(known)
    share = np.cumsum(values) / max(values.sum(), 1e-300)
    n = min(int(np.searchsorted(share, VARIANCE)) + 1, len(values), max(1, len(rows) // 4))
    directions = axes(n) / np.sqrt(max(values[:n].mean(), 1e-12))
    return np.asarray(x @ directions - centre @ directions)


def whitening(x: FloatArray, n_columns: int | None = None) -> FloatArray:
    """Return weights (d, d) that give x the identity as its shrunk covariance (Ledoit and Wolf).

    Parameters
    ----------
    x : (n, d)
    n_columns : where x are coordinates of all that rows of more columns reach, how many columns
    """
    centred = x - x.mean(axis=0)
    shrinkage, level = ledoit_wolf_parts(centred, n_columns)
    covariance = (1 - shrinkage) / len(x) * (centred.T @ centred)
    covariance[np.diag_indices_from(covariance)] += shrinkage * level
    values, vectors = np.linalg.eigh(covariance)
    floor = max(values[-1], 1.0) * 1e-8
    return np.asarray(vectors / np.sqrt(np.maximum(values, floor)))


def _spread(u: FloatArray) -> FloatArray:
    """Return column standard deviations, 1 where there is none."""
    spread = u.std(axis=0)
    return np.asarray(np.where(spread > 1e-12, spread, 1.0))
