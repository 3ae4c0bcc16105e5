"""Samples whose rows depend on each other, with a teacher that shares nothing, or much."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from cch_audit.rows import FloatArray, IntArray
from cch_audit.sample import Sample
from tests.samplers import audited

COLUMNS = 3
SHARED = 0.9
"""Correlation of teacher and student in each column, where they share anything: 2.49 nats."""
NOISE = 0.7
"""Of the labels; I(student; labels) is about .28 nats."""

Rows = tuple[FloatArray, FloatArray, IntArray]
"""Teacher, student and labels."""


@dataclass(frozen=True)
class Pattern:
    """A way in which rows depend on each other."""

    draw: Callable[[int, np.random.Generator, bool], tuple[Rows, IntArray | None]]
    """Rows, stream and whether teacher and student share anything, to rows and their groups."""
    window: int = 0
    """What a user who knows the series would give."""
    trace: bool = True
    """Whether the pattern can be seen in the rows when nobody names groups or window."""

    def sample(self, n: int, seed: int, shared: bool, known: bool) -> Sample:
        """Draw a sample; with groups and window if they are known."""
        rng = np.random.default_rng([seed, n, 11])
        (teacher, student, y), groups = self.draw(n, rng, shared)
        found = audited({"teacher": teacher}, student, y, groups if known else None)
        return _with_window(found, self.window if known else 0)

    def one_of_each(self, n: int, seed: int, shared: bool) -> Sample:
        """Draw the same sample and keep one row of each group: independent rows."""
        rng = np.random.default_rng([seed, n, 11])
        (teacher, student, y), groups = self.draw(n, rng, shared)
        assert groups is not None
        kept = np.sort(np.unique(groups, return_index=True)[1])
        return audited({"teacher": teacher[kept]}, student[kept], y[kept])


def _with_window(sample: Sample, window: int) -> Sample:
    return replace(sample, window=window)


def _labels(student: FloatArray, noise: FloatArray) -> IntArray:
    return np.asarray(student[:, 0] + NOISE * noise > 0, dtype=np.int64)


def _sources(m: int, rng: np.random.Generator, shared: bool) -> Rows:
    """Draw independent rows."""
    student = rng.standard_normal((m, COLUMNS))
    teacher = rng.standard_normal((m, COLUMNS))
    if shared:
        teacher = SHARED * student + np.sqrt(1 - SHARED**2) * teacher
    return teacher, student, _labels(student, rng.standard_normal(m))


def _shuffled(rows: Rows, groups: IntArray, rng: np.random.Generator) -> tuple[Rows, IntArray]:
    order = rng.permutation(len(groups))
    teacher, student, y = (side[order] for side in rows)
    return (teacher, student, y), groups[order]


def copies(number: int, jitter: float, in_order: bool = False) -> Pattern:
    """Every row so many times, with noise; shuffled ones with much noise look like clusters."""

    def draw(n: int, rng: np.random.Generator, shared: bool) -> tuple[Rows, IntArray]:
        teacher, student, y = _sources(-(-n // number), rng, shared)
        source = np.repeat(np.arange(len(y)), number)[:n]
        teacher, student = (
            side[source] + jitter * rng.standard_normal((n, COLUMNS)) for side in (teacher, student)
        )
        if in_order:
            return (teacher, student, y[source]), source
        return _shuffled((teacher, student, y[source]), source, rng)

    return Pattern(draw, trace=in_order or jitter < 0.3)


def captions(number: int, jitter: float) -> Pattern:
    """So many captions to every image: the student's rows are the same, the teacher's nearly."""

    def draw(n: int, rng: np.random.Generator, shared: bool) -> tuple[Rows, IntArray]:
        teacher, student, y = _sources(-(-n // number), rng, shared)
        image = np.repeat(np.arange(len(y)), number)[:n]
        teacher = teacher[image] + jitter * rng.standard_normal((n, COLUMNS))
        return _shuffled((teacher, student[image], y[image]), image, rng)

    return Pattern(draw)


def oversampled(times: int, jitter: float) -> Pattern:
    """Rows of a class of a tenth are repeated so often, with noise, and shuffled."""

    def draw(n: int, rng: np.random.Generator, shared: bool) -> tuple[Rows, IntArray]:
        teacher, student, _ = _sources(n, rng, shared)
        y = np.asarray(student[:, 0] + NOISE * rng.standard_normal(n) > 1.56, dtype=np.int64)
        source = np.repeat(np.arange(n), np.where(y == 1, times, 1))
        source = source[np.sort(rng.permutation(len(source))[:n])]
        again = np.flatnonzero(np.diff(source, prepend=-1) == 0)
        rows = []
        for side in (teacher, student):
            part = side[source]
            part[again] += jitter * rng.standard_normal((len(again), COLUMNS))
            rows.append(part)
        return _shuffled((rows[0], rows[1], y[source]), source, rng)

    return Pattern(draw)


def _series(n: int, columns: int, phi: float, rng: np.random.Generator) -> FloatArray:
    rows = rng.standard_normal((n, columns))
    for i in range(1, n):
        rows[i] = phi * rows[i - 1] + np.sqrt(1 - phi**2) * rows[i]
    return rows


def _of_series(make: Callable[[int, int, np.random.Generator], FloatArray], window: int) -> Pattern:
    def draw(n: int, rng: np.random.Generator, shared: bool) -> tuple[Rows, None]:
        teacher, student, noise = (make(n, d, rng) for d in (COLUMNS, COLUMNS, 1))
        if shared:
            teacher = SHARED * student + np.sqrt(1 - SHARED**2) * teacher
        return (teacher, student, _labels(student, noise[:, 0])), None

    return Pattern(draw, window)


def autoregression(phi: float) -> Pattern:
    """First-order autoregressions; a window at which a tenth is left."""
    return _of_series(
        lambda n, d, rng: _series(n, d, phi, rng), int(np.ceil(np.log(0.1) / np.log(phi)))
    )


def random_walk() -> Pattern:
    """Random walks, which no window makes independent."""

    def make(n: int, columns: int, rng: np.random.Generator) -> FloatArray:
        walk = np.cumsum(rng.standard_normal((n, columns)), axis=0)
        return np.asarray((walk - walk.mean(axis=0)) / walk.std(axis=0))

    return _of_series(make, window=300)


def moving_windows(length: int) -> Pattern:
    """Means over overlapping windows of white noise."""

    def make(n: int, columns: int, rng: np.random.Generator) -> FloatArray:
        noise = rng.standard_normal((n + length, columns))
        sums = np.cumsum(noise, axis=0)
        return np.asarray((sums[length:] - sums[:-length]) / np.sqrt(length))

    return _of_series(make, window=length)


def speakers(number: int, spread: float, in_order: bool = False, phi: float = 0.0) -> Pattern:
    """So many speakers of equally many clips, within a speaker spread or serial."""

    def draw(n: int, rng: np.random.Generator, shared: bool) -> tuple[Rows, IntArray]:
        teacher, student, _ = _sources(number, rng, shared=False)
        who = np.sort(np.arange(n) % number)
        teacher, student = (
            side[who] + spread * _series(n, COLUMNS, phi, rng) for side in (teacher, student)
        )
        if shared:  # of speakers and of clips alike
            teacher = SHARED * student + np.sqrt(1 - SHARED**2) * teacher
        y = _labels(student, rng.standard_normal(n))
        if in_order:
            return (teacher, student, y), who
        return _shuffled((teacher, student, y), who, rng)

    return Pattern(draw, trace=in_order)


def copied_series(number: int, phi: float) -> Pattern:
    """Copies of the rows of a series, next to each other: groups and a window."""

    def draw(n: int, rng: np.random.Generator, shared: bool) -> tuple[Rows, IntArray]:
        m = -(-n // number)
        (teacher, student, y), _ = autoregression(phi).draw(m, rng, shared)
        source = np.repeat(np.arange(m), number)[:n]
        teacher, student = (
            side[source] + 0.05 * rng.standard_normal((n, COLUMNS)) for side in (teacher, student)
        )
        return (teacher, student, y[source]), source

    return Pattern(draw, window=number * autoregression(phi).window)


def sorted_by_label() -> Pattern:
    """Independent rows, sorted by their labels: nothing is wrong with them."""

    def draw(n: int, rng: np.random.Generator, shared: bool) -> tuple[Rows, None]:
        teacher, student, y = _sources(n, rng, shared)
        order = np.argsort(y, kind="stable")
        return (teacher[order], student[order], y[order]), None

    return Pattern(draw, trace=False)


def speakers_sorted_by_label(number: int) -> Pattern:
    """Speakers who each have one label, in the order of the labels."""

    def draw(n: int, rng: np.random.Generator, shared: bool) -> tuple[Rows, IntArray]:
        teacher, student, y = _sources(number, rng, shared)
        who = np.sort(np.arange(n) % number)
        who = who[np.argsort(y[who], kind="stable")]
        teacher, student = (
            side[who] + 0.2 * rng.standard_normal((n, COLUMNS)) for side in (teacher, student)
        )
        return (teacher, student, y[who]), who

    return Pattern(draw)


PATTERNS: dict[str, Pattern] = {
    **{
        f"copies {number}, jitter {jitter:g}": copies(number, jitter)
        for number in (2, 4, 9)
        for jitter in (0.0, 1e-6, 0.05, 0.3)
    },
    **{f"copies {k}, jitter 0.3, in order": copies(k, 0.3, in_order=True) for k in (2, 4, 9)},
    **{f"4 captions, jitter {jitter:g}": captions(4, jitter) for jitter in (0.01, 0.3, 1.0)},
    "oversampled 5": oversampled(5, 0.0),
    "oversampled 5, jitter 0.05": oversampled(5, 0.05),
    **{f"AR({phi:g})": autoregression(phi) for phi in (0.5, 0.9, 0.98)},
    "random walk": random_walk(),
    "moving windows of 10": moving_windows(10),
    **{f"{number} speakers": speakers(number, 0.2) for number in (5, 10, 20, 50, 200)},
    "50 speakers, in order": speakers(50, 0.2, in_order=True),
    "200 speakers, mixed": speakers(200, 1.0),
    "50 speakers, each a series": speakers(50, 1.0, in_order=True, phi=0.9),
    "4 copies of AR(0.5)": copied_series(4, 0.5),
    "100 speakers, sorted by label": speakers_sorted_by_label(100),
    "sorted by label": sorted_by_label(),
}
