"""Traces of rows that depend on each other, where nobody has said which: copies and file order.

Both would show up as information between teacher and student. Clips of a speaker in shuffled order
leave no trace, for they look like clusters of the population: that is what groups are for.
"""

from dataclasses import dataclass

import numpy as np

from cch_audit.dependence.units import Dependence, among, independent_rows
from cch_audit.rows import FloatArray, IntArray, is_classes, standardize

QUERIES = 1500
"""Most rows whose neighbours are looked at."""
NEIGHBORS = 32
"""Neighbours of each; copies are sought among the nearer half."""
COLUMNS = 256
"""More columns are projected on so many random directions, which keep what is near."""
IMPROBABLE = 1e-3
"""A jump of distances less likely than this, in both spaces, separates copies from other rows."""
COPIED = 0.04
"""Share of rows with copies from which on there is a doubt."""
LEAST_COPIED = 10
"""Fewer rows with copies may be an accident."""
PARTNERS = 0.1
"""Shared neighbours by which their number falls short of twice that at half the radius."""
SURELY = 5.0
"""Standard errors by which that, or the nearness of rows in file order, must be no accident."""
NEARER = 0.45
"""Mean rank of the next row's distance among other rows', in [0, 1]; .5 is none."""
REFERENCES = 24
"""Rows that the next row in the file is compared with."""
SLOW = 0.1
"""Autocorrelation below which rows count as apart."""


@dataclass(frozen=True)
class Copies:
    """How much rows look like copies of each other, in teacher and student at once."""

    share: float
    """Share of rows that are cut off, with the same few others, from all the rest."""
    rows: int
    """How many of the rows that were looked at those are."""
    partners: float
    """Neighbours that rows share in both spaces beyond what dependence between the two explains."""
    surely: float
    """The same in standard errors."""

    @property
    def found(self) -> bool:
        """Whether they are too many for an accident."""
        many = self.share > COPIED and self.rows >= LEAST_COPIED
        return many or (self.partners > PARTNERS and self.surely > SURELY)


@dataclass(frozen=True)
class Order:
    """How near rows that stand next to each other are, among rows of like labels."""

    rank: float
    """Mean rank in [0, 1] of the distance to the next row; .5 if the order says nothing."""
    surely: float
    """How many standard errors it is below .5."""

    @property
    def found(self) -> bool:
        """Whether it is too near for an accident."""
        return self.rank < NEARER and self.surely > SURELY


def find_copies(
    teacher: FloatArray,
    student: FloatArray,
    dependence: Dependence | None,
    rng: np.random.Generator,
) -> Copies:
    """Look for rows that are near-copies of each other in both spaces.

    Two signs. Among independent rows with d effective dimensions (r_k / r_(k+1))^(d k) of the k-th
    to the next distance is uniform on [0, 1]; a row counts as copied where, for some k, that is
    improbably small in both spaces and the k nearest rows are the same (which says nothing where
    columns hold so few values that rows are equal by chance). And the number s(k) of rows that are
    among the k nearest in both spaces grows at least in proportion to k where teacher and student
    depend on each other, however strongly; of copies it stops growing: 2 s(k) - s(2 k).

    Parameters
    ----------
    teacher, student : (n_samples, d)
    dependence : of rows that are known to depend on each other one is taken
    rng : chooses rows and directions, and the order of equal distances
    """
    free = independent_rows(np.arange(len(teacher)), dependence, rng)
    teacher, student, dependence = teacher[free], student[free], among(dependence, free)
    n = len(teacher)
    queries = np.sort(rng.permutation(n)[:QUERIES])
    n_neighbors = min(NEIGHBORS, (n - 1) // 2)
    found = [_neighbors(side, queries, n_neighbors, dependence, rng) for side in (teacher, student)]
    (rows_t, far_t), (rows_s, far_s) = found
    half = n_neighbors // 2
    copied = np.zeros(len(queries), dtype=bool)
    improbable = np.maximum(_jumps(far_t, half), _jumps(far_s, half)) < IMPROBABLE
    has_steps = min(_tied_by_chance(side, rng) for side in (teacher, student)) > COPIED
    for k in () if has_steps else range(1, half):
        same = (np.sort(rows_t[:, :k], axis=1) == np.sort(rows_s[:, :k], axis=1)).all(axis=1)
        copied |= same & improbable[:, k - 1]
    partners, surely = 0.0, 0.0
    for k in (1, 2, 4, 8, 16):
        if 2 * k > n_neighbors:
            break
        missing = 2 * _shared(rows_t, rows_s, k) - _shared(rows_t, rows_s, 2 * k)
        mean = float(missing.mean())
        error = float(missing.std()) / np.sqrt(len(missing))
        if mean > partners and mean > SURELY * error:
            partners, surely = mean, mean / max(error, 1e-12)
    return Copies(float(copied.mean()), int(copied.sum()), partners, surely)


def _neighbors(
    columns: FloatArray,
    queries: IntArray,
    n_neighbors: int,
    dependence: Dependence | None,
    rng: np.random.Generator,
) -> tuple[IntArray, FloatArray]:
    """Return the nearest rows of some rows, (n_queries, k), and their distances; ties at random."""
    x = standardize(columns)
    if x.shape[1] > COLUMNS:
        x = x @ rng.standard_normal((x.shape[1], COLUMNS)) / np.sqrt(COLUMNS)
    order = rng.permutation(len(x))
    shuffled = x[order]
    squared = (shuffled**2).sum(axis=1)
    rows = np.empty((len(queries), n_neighbors), dtype=np.int64)
    distances = np.empty((len(queries), n_neighbors))
    block = max(1, 2**22 // len(x))
    for start in range(0, len(queries), block):
        some = queries[start : start + block]
        apart = squared - 2 * x[some] @ shuffled.T
        apart[some[:, None] == order] = np.inf
        if dependence is not None:
            groups, places = dependence.groups, dependence.positions
            near = groups[some][:, None] == groups[order]
            near |= np.abs(places[some][:, None] - places[order]) <= dependence.window
            apart[near] = np.inf
        nearest = np.argpartition(apart, n_neighbors - 1, axis=1)[:, :n_neighbors]
        # Differences, for products of coordinates lose what is left between near-copies.
        exact = np.sqrt(((shuffled[nearest] - x[some][:, None]) ** 2).sum(axis=2))
        exact[~np.isfinite(np.take_along_axis(apart, nearest, axis=1))] = np.inf
        sequence = np.argsort(exact, axis=1, kind="stable")
        rows[start : start + block] = np.take_along_axis(order[nearest], sequence, axis=1)
        distances[start : start + block] = np.take_along_axis(exact, sequence, axis=1)
    return rows, distances


def _jumps(distances: FloatArray, half: int) -> FloatArray:
    """Return how improbable the step behind the k-th neighbour is, (n_queries, half - 1)."""
    outer = np.log(np.maximum(distances[:, half:-1], 1e-300))
    last = np.log(np.maximum(distances[:, -1:], 1e-300))
    reached = np.isfinite(last[:, 0])
    steps = last[reached] - outer[reached]
    # log(r_m / r_j) is (psi(m) - psi(j)) / d on average (Levina and Bickel 2004).
    last_rank = distances.shape[1]
    expected = np.array([(1 / np.arange(j, last_rank)).sum() for j in range(half + 1, last_rank)])
    dimensions = float(expected.mean() / max(steps.mean(), 1e-3)) if len(steps) else 1.0
    near, far = distances[:, : half - 1], distances[:, 1:half]
    ratio = np.ones(near.shape)
    np.divide(near, far, out=ratio, where=(far > 0) & np.isfinite(far))
    return np.asarray(ratio ** (dimensions * np.arange(1, half)))


def _tied_by_chance(columns: FloatArray, rng: np.random.Generator) -> float:
    """Return the share of rows that equal another one when every column is shuffled."""
    shuffled = rng.permuted(columns.T, axis=1)
    shuffled += 0.0  # -0 is 0
    # Sums of the bits, each column's times a number of its own, are equal where rows are, and else
    # by chance about once in 2^60 times: they overflow, so that high bits must be low ones as well.
    bits = shuffled.view(np.uint64)
    for step in (32, 16):
        bits ^= bits >> np.uint64(step)
    weights = np.random.default_rng(0).integers(2**64, size=len(bits), dtype=np.uint64) | 1
    counts = np.unique(weights @ bits, return_counts=True)[1]
    return 1 - float((counts == 1).sum()) / len(columns)


def _shared(left: IntArray, right: IntArray, k: int) -> FloatArray:
    """Return how many of the first k rows are the same on both sides, (n_queries,)."""
    return np.asarray((left[:, :k, None] == right[:, None, :k]).sum(axis=(1, 2)), dtype=np.float64)


def find_order(
    columns: FloatArray,
    y: FloatArray | IntArray,
    positions: IntArray,
    dependence: Dependence | None,
    rng: np.random.Generator,
) -> Order:
    """Look whether rows next to each other in the file are nearer than others with like labels.

    The next row is the first one that is not known to depend on a row. Its distance is ranked among
    those of rows of its class, or with the nearest labels, so that a file sorted by label has no
    order.

    Parameters
    ----------
    columns : (n_samples, d)
    y : (n_samples, q) targets, or (n_samples,) class codes
    positions : (n_samples,) place of each row in the file
    """
    x = standardize(columns)
    if x.shape[1] > COLUMNS:
        x = x @ rng.standard_normal((x.shape[1], COLUMNS)) / np.sqrt(COLUMNS)
    order = np.argsort(positions, kind="stable")
    first, second = _next_apart(order, positions, dependence)
    chosen = rng.permutation(len(first))[: 4 * QUERIES]
    first, second = first[chosen], second[chosen]
    others = _like(y, second, rng)
    valid = (others != first[:, None]) & (others != second[:, None])
    own = ((x[first] - x[second]) ** 2).sum(axis=1)
    nearer, counted = np.zeros(len(first)), valid.sum(axis=1)
    for number in range(others.shape[1]):
        distance = ((x[first] - x[others[:, number]]) ** 2).sum(axis=1)
        nearer += valid[:, number] * ((distance < own) + 0.5 * (distance == own))
    kept = counted >= 4
    if kept.sum() < 2:
        return Order(0.5, 0.0)
    ranks = nearer[kept] / counted[kept]
    error = max(float(ranks.std()), 1e-9) / np.sqrt(kept.sum())
    return Order(float(ranks.mean()), float((0.5 - ranks.mean()) / error))


def _next_apart(
    order: IntArray, positions: IntArray, dependence: Dependence | None
) -> tuple[IntArray, IntArray]:
    """Return pairs of rows that follow each other in the file and are not known to depend."""
    if dependence is None:
        return order[:-1], order[1:]
    places, groups = positions[order], dependence.groups[order]
    after = np.searchsorted(places, places + dependence.window, side="right")
    inside = np.flatnonzero(after < len(order))
    inside = inside[groups[inside] != groups[after[inside]]]
    return order[inside], order[after[inside]]


def _like(y: FloatArray | IntArray, rows: IntArray, rng: np.random.Generator) -> IntArray:
    """Return rows whose labels are like those of some rows, (n_rows, REFERENCES)."""
    others = np.empty((len(rows), REFERENCES), dtype=np.int64)
    if is_classes(y):
        for code in np.unique(y[rows]):
            members, wanted = np.flatnonzero(y == code), y[rows] == code
            others[wanted] = rng.choice(members, size=(int(wanted.sum()), REFERENCES))
        return others
    by_label = np.argsort(y[:, 0] if y.shape[1] == 1 else _leading(np.asarray(y)), kind="stable")
    place = np.empty(len(y), dtype=np.int64)
    place[by_label] = np.arange(len(y))
    steps = np.concatenate([np.arange(-REFERENCES, 0), np.arange(1, REFERENCES + 1)])
    drawn = rng.choice(steps, size=(len(rows), REFERENCES))
    return np.asarray(by_label[np.clip(place[rows][:, None] + drawn, 0, len(y) - 1)])


def _leading(columns: FloatArray) -> FloatArray:
    """Return the first principal component of standardised columns."""
    x = standardize(columns)
    return np.asarray(x @ np.linalg.eigh(x.T @ x)[1][:, -1])


def labels_follow(y: FloatArray | IntArray, positions: IntArray) -> bool:
    """Return whether labels next to each other in the file are more alike than at random."""
    order = np.argsort(positions, kind="stable")
    values = y[order]
    if is_classes(values):
        chance = np.bincount(values) / len(values)
        expected = float((chance**2).sum())
        same = float((values[1:] == values[:-1]).mean())
        error = np.sqrt(max(expected * (1 - expected), 1e-12) / (len(values) - 1))
        return bool(same - expected > SURELY * error)
    ranks = standardize(values.argsort(axis=0).argsort(axis=0))
    return bool(np.max((ranks[1:] * ranks[:-1]).mean(axis=0)) * np.sqrt(len(values)) > SURELY)


def automatic_window(sides: list[FloatArray], y: FloatArray | IntArray, positions: IntArray) -> int:
    """Return the lag from which on the rows' autocorrelation stays unseen, 0 if there is none.

    The largest over the leading principal components of every side, less its class means, at the
    first lag where it falls below a tenth, or three standard errors of independent rows.
    """
    order = np.argsort(positions, kind="stable")
    step = max(1.0, float(np.diff(positions[order]).mean()))
    n, longest = len(order), 0
    for side in sides:
        x = standardize(side)
        if is_classes(y):
            sums = np.stack([np.bincount(y, column) for column in x.T], axis=1)
            x = x - (sums / np.maximum(np.bincount(y), 1)[:, None])[y]
        if x.shape[1] > COLUMNS:
            x = x @ np.random.default_rng(0).standard_normal((x.shape[1], COLUMNS))
        leading = x @ np.linalg.eigh(x.T @ x)[1][:, -8:]
        spectrum = np.fft.rfft(leading[order], 2 * n, axis=0)
        covariance = np.fft.irfft(np.abs(spectrum) ** 2, axis=0)[: n // 2]
        correlation = covariance / np.maximum(covariance[0], 1e-300)
        apart = (correlation < max(SLOW, 3 / np.sqrt(n))).all(axis=1)
        longest = max(longest, int(np.argmax(apart)) if apart.any() else n // 2)
    # At lag 1 it is unseen already where the order says nothing.
    return 0 if longest <= 1 else int(np.ceil(longest * step))
