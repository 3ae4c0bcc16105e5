"""The student of targets whose risk is forecast: its columns, its penalty and its parts."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from cch_audit.dependence.units import Dependence
from cch_audit.errors import InputError
from cch_audit.forecasting.draws import draw_part, needed_units
from cch_audit.forecasting.moments import assign_blocks
from cch_audit.forecasting.options import Options
from cch_audit.forecasting.ridge import Part, choose_penalty
from cch_audit.forecasting.student import LARGEST_SHARE, labelled_rows
from cch_audit.randomness import stream
from cch_audit.rows import FloatArray, IntArray, standardize

MOST_COLUMNS = 200
"""Columns beyond which the student is reduced to its first principal components."""
ROWS_PER_COLUMN = 3.0
"""Labelled rows for each component that least squares is left with beside the ridge student."""
PENALTIES = tuple(float(one) for one in np.geomspace(1e-4, 10.0, 16))
"""Tried for the student: of its squared slopes on standardised columns, beside the mean error."""
LEAST_PARTS, MOST_PARTS = 8, 64
"""Parts that are drawn."""
PART_NUMBERS = 3_000_000
"""Rows times columns of all parts, about; it bounds what refits, and their teachers, cost."""
RANK_TOLERANCE = 1e-6
"""Smaller singular values, as a share of the largest, are rounding."""


@dataclass(frozen=True, eq=False)
class RidgeStudent:
    """All that the teachers of one student of targets share."""

    x: FloatArray
    """(n_samples, d) standardised columns in their principal coordinates."""
    whitened: FloatArray
    """(n_samples, p) the first of them with variance one: those of least squares."""
    y: FloatArray
    """(n_samples, q)."""
    blocks: IntArray
    dependence: Dependence | None
    labelled_rows: int
    refit_rows: int
    """Rows of each part: those that are labelled, or half of those in hand."""
    parts: tuple[Part, ...]
    """Rows that train a teacher and a student, each."""
    penalty: float
    at_edge: bool
    """Whether the penalty is the least that was tried."""
    is_few: bool
    """Whether labelled rows are few for the columns."""
    n_columns: int
    """Columns before they were reduced."""


def prepare_ridge(
    x: FloatArray, y: FloatArray, dependence: Dependence | None, options: Options
) -> RidgeStudent:
    """Reduce the columns, draw the parts and choose the penalty without a teacher.

    Parameters
    ----------
    x : (n_samples, d) representation
    y : (n_samples, q) targets
    dependence : which rows depend on each other; None: none do

    Raises
    ------
    InputError
        If all targets are constant, n is too small, or all rows are of one group.
    """
    if not np.ptp(y, axis=0).any():
        raise InputError("a forecast needs labels that vary")
    n_samples, n = len(x), labelled_rows(len(x), options)
    left, sizes, _ = scipy.linalg.svd(standardize(x), full_matrices=False, check_finite=False)
    rank = int((sizes > RANK_TOLERANCE * sizes[0]).sum()) if sizes[0] > 0 else 1
    units = needed_units(dependence)
    blocks = assign_blocks(n_samples, units, stream(options.seed, "forecast", "blocks"))
    used = min(rank, MOST_COLUMNS)
    # The jackknife has to fit least squares to what is left without the largest block.
    left_over = n_samples - int(np.bincount(blocks).max())
    p = min(used, max(1, int(min(n, left_over) / ROWS_PER_COLUMN)))
    columns = np.ascontiguousarray(left[:, :used] * sizes[:used])
    refit_rows = n if n <= LARGEST_SHARE * n_samples else n_samples // 2
    n_refits = options.refits
    if n_refits is None:
        n_refits = min(MOST_PARTS, max(LEAST_PARTS, PART_NUMBERS // (refit_rows * used)))
    rng = stream(options.seed, "forecast", "parts")
    drawn = [draw_part(n_samples, refit_rows, units, rng) for _ in range(n_refits)]
    parts = tuple(Part.of(columns, rows) for rows in drawn)
    tried = PENALTIES if options.penalty is None else (options.penalty,)
    centred = y - y.mean(axis=0)
    penalty = choose_penalty(columns, centred / np.abs(centred).max(), parts, tried)
    return RidgeStudent(
        x=columns,
        whitened=left[:, :p] * np.sqrt(n_samples),
        y=y,
        blocks=blocks,
        dependence=dependence,
        labelled_rows=n,
        refit_rows=refit_rows,
        parts=parts,
        penalty=penalty,
        at_edge=len(tried) > 1 and penalty == tried[0],
        is_few=n < options.few_rows * used,
        n_columns=rank,
    )
