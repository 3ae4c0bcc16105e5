"""Mutual information from nearest neighbours (Kraskov 2004; Ross 2014; Gao 2017)."""

import numpy as np

from cch_audit.estimators.contract import Estimate, is_classes, standardize
from cch_audit.estimators.knn import local_informations
from cch_audit.sample import FloatArray, IntArray


def from_neighbors(x: FloatArray, y: FloatArray | IntArray, n_neighbors: int) -> Estimate:
    """Estimate I(x; y) in nats by KSG-1 on standardised columns.

    The estimate is psi(k) + psi(n) - <psi(nx + 1) + psi(ny + 1)> (Kraskov et al. 2004, eq. 8), with
    the Euclidean norm inside x and inside y, each divided by the root of its dimension; its
    variants for classes and ties are those of `local_informations`. The pseudo-value of row i is
    n I - (n - 1) I(without i), shifted so that the mean is the estimate. It is deterministic.

    Rows of classes too small for k are left out. k is lowered to what the rows, or the largest
    class, allow. Where even one neighbour is too many the estimate is 0.
    """
    n_samples = len(x)
    used, largest = np.ones(n_samples, dtype=bool), n_samples
    if is_classes(y):
        codes = np.unique(y, return_inverse=True)[1]
        counts = np.bincount(codes)
        largest = int(counts.max())
    # Without one row, a row must still have k neighbours and a next one.
    n_neighbors = min(n_neighbors, largest - 2)
    if n_neighbors < 1:
        return Estimate(value=0.0, pseudo_values=np.zeros(n_samples))
    if is_classes(y):
        used = (counts >= n_neighbors + 2)[codes]
    columns = y[used] if is_classes(y) else _unit(y)
    terms, without = local_informations(_unit(x[used]), columns, n_neighbors)
    n, value = len(terms), float(terms.mean())
    pseudo_values = np.full(n_samples, value)
    # n I - (n - 1) I(without i), with the common part replaced by the estimate.
    pseudo_values[used] = value - (n - 1) * (without - without.mean())
    return Estimate(value=value, pseudo_values=pseudo_values)


def _unit(x: FloatArray | IntArray) -> FloatArray:
    """Standardise columns and bring every space to the same mean squared norm, 1.

    The joint norm is a maximum: of 64 and 8 standardised columns only the 64 would ever decide it,
    and the estimate would be exactly 0. Any scale of a whole space is allowed.
    """
    return np.asarray(standardize(x) / np.sqrt(x.shape[1]))


def conditional_on_classes(
    x: FloatArray, y: FloatArray, classes: IntArray, n_neighbors: int
) -> Estimate:
    """Estimate I(x; y | classes) in nats: the average within classes, weighted by their sizes."""
    value, pseudo_values = 0.0, np.zeros(len(x))
    for code in np.unique(classes):
        rows = classes == code
        within = from_neighbors(x[rows], y[rows], n_neighbors)
        value += within.value * float(rows.mean())
        pseudo_values[rows] = within.pseudo_values
    return Estimate(value=value, pseudo_values=pseudo_values)
