"""Rows that depend on each other: which may inform which, and what counts as one unit.

What is meant by an information is always that between the variables of a row from a *new* group.
So no two rows of one group, and none closer in the file than a window (Theiler 1986), may inform
each other: not as neighbours, not as training and held-out rows, not as a product pair.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cch_audit.rows import BoolArray, FloatArray, IntArray, is_classes

STRETCHES = 12
"""Stretches a file is cut into for folds under a window, unless they would be too long or short."""
LONGEST_STRETCH = 10
"""Most windows in a stretch: what is left out at its borders is then a fifth of it at most."""
LEAST_APART = 20
"""Fewer rows to learn from are none; no verdict rests on so few units anyway."""


@dataclass(frozen=True)
class Likeness:
    """How alike dependent rows are, for each of some columns."""

    within: FloatArray
    """(d,) correlation of two rows of one group, from 0 to 1 (the intraclass correlation)."""
    serial: FloatArray
    """(d,) correlation of neighbours in the file, from 0 to below 1, beyond that of groups."""

    def take(self, columns: Any) -> "Likeness":
        """Return the likeness of some columns."""
        return Likeness(self.within[columns], self.serial[columns])

    def passes(self, other: "Likeness") -> FloatArray:
        """Return what share of a correlation of their noise two blended columns have.

        With w the correlations within groups and p those along the file it is
        sqrt(w w') + sqrt((1 - w) (1 - w')) sqrt((1 - p^2) (1 - p'^2)) / (1 - p p'): 1 for columns
        that are equally alike. A column that is constant within groups cannot follow what varies
        there.

        Returns
        -------
        (d,) array
        """
        moving = np.sqrt((1 - self.serial**2) * (1 - other.serial**2))
        moving /= 1 - self.serial * other.serial
        still = np.sqrt(self.within * other.within)
        return np.asarray(still + np.sqrt((1 - self.within) * (1 - other.within)) * moving)

    def passes_between(self) -> FloatArray:
        """Return that share for every pair of these columns, (d, d)."""
        return self.take(np.s_[:, None]).passes(self)


@dataclass(frozen=True)
class Noise:
    """What dependent rows are blended from."""

    own: FloatArray
    """(n_samples, d), of each row."""
    shared: FloatArray
    """(n_groups, d), of each group."""

    def times(self, matrix: FloatArray) -> "Noise":
        """Return columns that are mixed."""
        return Noise(self.own @ matrix, self.shared @ matrix)


@dataclass(frozen=True)
class Dependence:
    """Which rows depend on each other. Where none do, there is None in its place."""

    groups: IntArray
    """(n_samples,) codes from 0 of rows that belong together; a row alone has its own code."""
    positions: IntArray
    """(n_samples,) place of each row in the file."""
    window: int = 0
    """Rows so near in the file depend on each other; 0: the order says nothing."""

    @classmethod
    def of(
        cls, groups: IntArray | None, positions: IntArray | None, window: int, n_samples: int
    ) -> "Dependence | None":
        """Return the dependence of rows, None if every row is on its own."""
        rows = np.arange(n_samples)
        codes = rows if groups is None else np.unique(groups, return_inverse=True)[1]
        if window == 0 and len(np.unique(codes)) == n_samples:
            return None
        return cls(codes, rows if positions is None else positions, window)

    def take(self, rows: IntArray) -> "Dependence | None":
        """Return the dependence among some rows, row numbers or a mask."""
        groups = self.groups[rows]
        return Dependence.of(groups, self.positions[rows], self.window, len(groups))

    @cached_property
    def units(self) -> IntArray:
        """(n_samples,) codes from 0 of what is resampled: groups, in blocks of a window or more."""
        return self._blocks(self.window)

    @cached_property
    def stretches(self) -> IntArray:
        """(n_samples,) codes from 0 of what shares a fold: units, or longer parts of the file."""
        if self.window == 0:
            return self.units
        span = int(np.ptp(self.positions)) + 1
        length = min(span // STRETCHES, LONGEST_STRETCH * self.window)
        return self._blocks(max(length, self.window))

    def _blocks(self, length: int) -> IntArray:
        """Cut the file in blocks; a group belongs to the block of its first row."""
        if length == 0:
            return np.unique(self.groups, return_inverse=True)[1]
        first = np.full(int(self.groups.max()) + 1, np.iinfo(np.int64).max)
        np.minimum.at(first, self.groups, self.positions)
        start = first[self.groups] - self.positions.min()
        # What is left at the end is too short for a block of its own.
        last = max(0, (int(np.ptp(self.positions)) + 1) // length - 1)
        blocks = np.minimum(start // length, last)
        return np.unique(blocks, return_inverse=True)[1]

    @cached_property
    def n_units(self) -> float:
        """How many units of equal size count as much as these: (sum s)^2 / sum s^2 (Kish 1965)."""
        sizes = np.bincount(self.units).astype(np.float64)
        return float(sizes.sum() ** 2 / (sizes**2).sum())

    def apart(self, rows: IntArray, others: IntArray) -> IntArray:
        """Return those of some rows that share no group and no window with other rows.

        Where next to none would be left, all are returned.
        """
        is_apart = ~np.isin(self.groups[rows], self.groups[others])
        if self.window and len(others):
            known, places = np.sort(self.positions[others]), self.positions[rows]
            after = np.searchsorted(known, places)
            to_left = np.abs(places - known[np.maximum(after - 1, 0)])
            to_right = np.abs(known[np.minimum(after, len(known) - 1)] - places)
            is_apart &= np.minimum(to_left, to_right) > self.window
        left = rows[is_apart]
        return left if len(left) >= min(LEAST_APART, len(rows)) else rows

    def arranged(self, rows: IntArray, rng: np.random.Generator | None = None) -> IntArray:
        """Return rows by stretch, the stretches in random order or in that of the rows."""
        codes = self.stretches[rows]
        found, first, place = np.unique(codes, return_index=True, return_inverse=True)
        order = first if rng is None else rng.permutation(len(found))
        return rows[np.argsort(order[place], kind="stable")]

    def split(
        self, rows: IntArray, n_first: int, rng: np.random.Generator | None = None
    ) -> tuple[IntArray, IntArray]:
        """Split rows between stretches, about so many first; neither part can inform the other.

        Rows of a single stretch are split like independent ones.
        """
        rows = self.arranged(rows, rng)
        borders = np.flatnonzero(np.diff(self.stretches[rows])) + 1
        if len(borders):
            n_first = int(borders[np.argmin(np.abs(borders - n_first))])
        first, second = rows[:n_first], rows[n_first:]
        return first, self.apart(second, first)

    def one_of_each(self, rows: IntArray, rng: np.random.Generator) -> IntArray:
        """Return one row of each unit among some rows, in ascending order: independent rows.

        Of next to no units all rows are returned.
        """
        shuffled = rng.permutation(rows)
        chosen = shuffled[np.unique(self.units[shuffled], return_index=True)[1]]
        return np.sort(chosen) if len(chosen) >= LEAST_APART else rows

    def likeness(self, columns: FloatArray) -> Likeness:
        """Measure how alike dependent rows are in each of some columns (n_samples, d)."""
        within, residual = _intraclass(columns, self.groups)
        serial = np.zeros(columns.shape[1])
        if self.window:
            order = np.argsort(self.positions, kind="stable")
            ordered = residual[order] - residual.mean(axis=0)
            step = max(1.0, float(np.diff(self.positions[order]).mean()))
            variance = np.maximum((ordered**2).mean(axis=0), 1e-300)
            lagged = (ordered[1:] * ordered[:-1]).mean(axis=0) / variance
            serial = np.clip(lagged, 0.0, 0.9999) ** (1 / step)
        return Likeness(within, serial)

    def design_effect(self, likeness: Likeness, other: Likeness) -> float:
        """Return by how much a mean of products of two columns varies more than over free rows.

        1 + (m - 1) r r' over groups, with m = sum s^2 / n, times (1 + f f') / (1 - f f') along the
        file, for the average columns of both sides (Kish 1965; Bartlett 1946).
        """
        sizes = np.bincount(self.groups)
        size = float((sizes**2).sum() / sizes.sum())
        grouped = 1 + (size - 1) * likeness.within.mean() * other.within.mean()
        serial = min(float(likeness.serial.mean() * other.serial.mean()), 0.9999)
        return float(grouped * (1 + serial) / (1 - serial))

    def white(self, d: int, rng: np.random.Generator) -> Noise:
        """Draw standard normal columns, (n_samples, d) and (n_groups, d)."""
        own = rng.standard_normal((len(self.groups), d))
        return Noise(own, rng.standard_normal((int(self.groups.max()) + 1, d)))

    def alike(self, likeness: Likeness, noise: Noise) -> FloatArray:
        """Blend noise into standard normal columns whose dependent rows are so alike."""
        own = self._along_file(noise.own, likeness.serial)
        shared = noise.shared[self.groups]
        return np.sqrt(likeness.within) * shared + np.sqrt(1 - likeness.within) * own

    def _along_file(self, noise: FloatArray, serial: FloatArray) -> FloatArray:
        """Turn white rows into a first-order autoregression over the places in the file."""
        if self.window == 0:
            return noise
        order = np.argsort(self.positions, kind="stable")
        steps = np.diff(self.positions[order])
        series = noise[order]
        for row, step in enumerate(steps, start=1):
            kept = serial**step
            series[row] = kept * series[row - 1] + np.sqrt(1 - kept**2) * series[row]
        noise = np.empty_like(series)
        noise[order] = series
        return noise


def _intraclass(columns: FloatArray, groups: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the intraclass correlation of each column, and the columns less their group means.

    One-way analysis of variance (Fisher 1925). Where no group has two rows nothing is taken off.
    """
    n, d = columns.shape
    sizes = np.bincount(groups)
    present = sizes > 0
    n_groups = int(present.sum())
    if n_groups in (1, n):
        return np.zeros(d), columns
    sums = np.stack([np.bincount(groups, column) for column in columns.T], axis=1)
    means = sums / np.maximum(sizes, 1)[:, None]
    residual = columns - means[groups]
    within = (residual**2).sum(axis=0) / (n - n_groups)
    deviations = means[present] - columns.mean(axis=0)
    between = (sizes[present, None] * deviations**2).sum(axis=0) / (n_groups - 1)
    size = (n - (sizes**2).sum() / n) / (n_groups - 1)
    total = np.maximum(between + (size - 1) * within, 1e-300)
    return np.clip((between - within) / total, 0.0, 1.0), residual


def split_rows(
    rows: IntArray,
    n_first: int,
    dependence: Dependence | None,
    rng: np.random.Generator | None = None,
) -> tuple[IntArray, IntArray]:
    """Split rows in two, at random or in their order; neither part can inform the other."""
    if dependence is not None:
        return dependence.split(rows, n_first, rng)
    rows = rows if rng is None else rng.permutation(rows)
    return rows[:n_first], rows[n_first:]


def apart(rows: IntArray, others: IntArray, dependence: Dependence | None) -> IntArray:
    """Return those of some rows that may inform the other ones."""
    return rows if dependence is None else dependence.apart(rows, others)


def independent_rows(
    rows: IntArray, dependence: Dependence | None, rng: np.random.Generator
) -> IntArray:
    """Return rows of which none depend on each other: all, or one of each unit."""
    return rows if dependence is None else dependence.one_of_each(rows, rng)


def among(dependence: Dependence | None, rows: IntArray) -> Dependence | None:
    """Return the dependence among some rows."""
    return None if dependence is None else dependence.take(rows)


def usable_rows(
    y: FloatArray | IntArray, n_neighbors: int, dependence: Dependence | None
) -> tuple[BoolArray, int]:
    """Return which rows have neighbours enough that may inform them, and the k that is used.

    k is lowered so that, without one row, a row still has k neighbours and a next one; of classes,
    the one with the most room decides, and those with too little are left out whole.
    """
    codes = np.unique(y, return_inverse=True)[1] if is_classes(y) else np.zeros(len(y), np.int64)
    room = np.full(int(codes.max()) + 1, len(y))
    np.minimum.at(room, codes, _others(codes, dependence))
    n_neighbors = min(n_neighbors, int(room.max()) - 1)
    return (room >= max(n_neighbors, 1) + 1)[codes], n_neighbors


def _others(codes: IntArray, dependence: Dependence | None) -> IntArray:
    """Return at least how many rows of its class may inform each row."""
    others = np.bincount(codes)[codes] - 1
    if dependence is None:
        return others
    together = np.unique(np.stack([codes, dependence.groups]), axis=1, return_inverse=True)[1]
    others = others + 1 - np.bincount(together)[together]
    if dependence.window:
        for code in np.unique(codes):
            rows = np.flatnonzero(codes == code)
            places = dependence.positions[rows]
            known = np.sort(places)
            first = np.searchsorted(known, places - dependence.window)
            last = np.searchsorted(known, places + dependence.window, side="right")
            others[rows] -= last - first - 1
    return others
