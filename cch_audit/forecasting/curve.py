"""The forecast over numbers of labelled rows, and where a gain ends."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats

from cch_audit.results.forecast import CurvePoint
from cch_audit.rows import FloatArray

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Numbers of labelled rows of the curve, times that of the forecast."""
LEAST_ROWS = 20


def draw_curve(
    at: Callable[[float], FloatArray],
    error: Callable[[float, int], float],
    cells: Sequence[tuple[float | None, float]],
    recommended: int,
    labelled_rows: int,
    least: float,
    freedom: float,
    confidence: float,
) -> tuple[CurvePoint, ...]:
    """Return the best cell for several numbers of labelled rows.

    The teacher is that of `labelled_rows` rows throughout.

    Parameters
    ----------
    at : changes of all cells (C,) at n rows
    error : standard error of one cell at n rows
    cells : temperature and weight
    recommended : number of the recommended cell
    least : fewest rows for which the expansion holds; `labelled_rows` is always there
    """
    z = float(stats.t.ppf((1 + confidence) / 2, freedom))
    points = []
    for factor in FACTORS:
        n = round(labelled_rows * factor)
        if n < max(LEAST_ROWS, least) and factor != 1.0:
            continue
        changes = at(n)
        best = int(np.argmin(changes))
        half = z * error(n, best)
        estimate = float(changes[best])
        temperature, weight = cells[best]
        points.append(
            CurvePoint(
                labelled_rows=n,
                estimate=estimate,
                low=estimate - half,
                high=estimate + half,
                temperature=temperature,
                weight=weight,
                recommended=float(changes[recommended]),
            )
        )
    return tuple(points)


def gain_ends(limit: float, second: float, higher: float, n: float) -> int | None:
    """Return from how many rows on limit + second / m + higher / m^2 is no gain any more.

    None where nothing is gained at n rows, or where the gain never ends.
    """
    if limit + second / n + higher / n**2 >= 0 or limit <= 0:
        return None
    root = (-second + np.sqrt(max(second**2 - 4 * limit * higher, 0.0))) / (2 * limit)
    return int(np.ceil(min(root, 1e12)))
