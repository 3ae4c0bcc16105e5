import numpy as np
import pytest

from cch_audit.dependence.traces import (
    _tied_by_chance,
    automatic_window,
    find_copies,
    find_order,
    labels_follow,
)
from cch_audit.dependence.units import Dependence

N = 600


def rng(seed=0):
    return np.random.default_rng(seed)


def pairs(n=N, d=3, seed=0):
    r = rng(seed)
    return r.standard_normal((n, d)), r.standard_normal((n, d))


def copied(times, jitter, n=N, seed=0):
    r = rng(seed)
    source = r.permutation(np.arange(n) // times)
    return tuple(
        side[source] + jitter * r.standard_normal(side.shape) for side in pairs(n, seed=seed)
    )


def series(phi, n=N, d=2, seed=0):
    rows = rng(seed).standard_normal((n, d))
    for i in range(1, n):
        rows[i] = phi * rows[i - 1] + np.sqrt(1 - phi**2) * rows[i]
    return rows


@pytest.mark.parametrize("jitter", [0.0, 1e-6, 0.05])
@pytest.mark.parametrize("times", [2, 4, 9])
def test_copies_are_found(times, jitter):
    for seed in range(5):
        teacher, student = copied(times, jitter, seed=seed)
        assert find_copies(teacher, student, None, rng()).found


def test_copies_of_dependent_rows_are_found():
    # The teacher is the student with noise: only the jump behind the copies tells.
    for seed in range(5):
        student = copied(4, 1e-6, seed=seed)[1]
        teacher = student + 1e-6 * rng(seed).standard_normal(student.shape)
        found = find_copies(teacher, student, None, rng())
        assert found.share > 0.9


def test_copies_within_known_groups_are_no_doubt():
    r = rng(3)
    source = r.permutation(np.arange(N) // 4)
    sides = [side[source] + 0.05 * r.standard_normal(side.shape) for side in pairs()]
    known = Dependence.of(source, None, 0, N)
    assert find_copies(*sides, None, rng()).found
    assert not find_copies(*sides, known, rng()).found


def _free():
    x, s = pairs(seed=7)
    clusters = rng(1).integers(0, 6, N)
    centres = 6 * rng(2).standard_normal((6, 3))
    heavy = rng(3).standard_t(1.5, (N, 3))
    binary = (rng(4).random((N, 5)) < 0.4).astype(float)
    rounded = np.round(s[:, :1], 1)
    return {
        "independent": (x, s),
        "a copy of the student": (s, s.copy()),
        "a stretched copy": (s * [1.0, 5.0, 0.1], s),
        "a bent copy": (s**3 + s, s),
        "a noisy copy": (s + 0.01 * x, s),
        "more columns of the same": (np.maximum(s @ rng(5).standard_normal((3, 40)), 0), s),
        "shared clusters": (centres[clusters] + x, centres[clusters][:, ::-1] + s),
        "heavy tails": (heavy + 0.1 * x, heavy),
        "few values": (binary[:, :3] + binary[:, 1:4], binary),
        "a copy of few values": (2 * rounded, rounded),
    }


@pytest.mark.parametrize("name", _free())
def test_dependence_between_the_sides_is_no_copy(name):
    assert not find_copies(*_free()[name], None, rng()).found


@pytest.mark.parametrize("phi", [0.5, 0.9, 0.98])
def test_series_are_found(phi):
    y = rng().integers(0, 2, N)
    for seed in range(5):
        assert find_order(series(phi, seed=seed), y, np.arange(N), None, rng()).found


def test_a_series_is_found_by_its_places_in_the_file():
    order, y = rng(5).permutation(N), rng().integers(0, 2, N)
    rows = series(0.9)[order]
    assert find_order(rows, y, order, None, rng()).found
    assert not find_order(rows, y, np.arange(N), None, rng()).found


def test_a_series_is_not_found_beyond_its_window():
    y, places = rng().integers(0, 2, N), np.arange(N)
    rows = series(0.9)
    assert find_order(rows, y, places, Dependence.of(None, None, 2, N), rng()).found
    assert not find_order(rows, y, places, Dependence.of(None, None, 40, N), rng()).found


def test_sorting_by_label_is_no_order():
    r = rng(6)
    y = np.sort(r.integers(0, 4, N))
    assert not find_order(
        r.standard_normal((N, 3)) + 3 * y[:, None], y, np.arange(N), None, r
    ).found
    target = np.sort(r.standard_normal((N, 1)), axis=0)
    noisy = target + 0.3 * r.standard_normal((N, 3))
    assert not find_order(noisy, target, np.arange(N), None, r).found


def test_labels_that_follow_each_other():
    r, places = rng(8), np.arange(N)
    assert labels_follow(np.sort(r.integers(0, 3, N)), places)
    assert not labels_follow(r.integers(0, 3, N), places)
    assert labels_follow(series(0.9)[:, :1], places)
    assert not labels_follow(r.standard_normal((N, 1)), places)
    assert not labels_follow(np.sort(r.integers(0, 3, N)), r.permutation(N))


@pytest.mark.parametrize(("phi", "low", "high"), [(0.0, 0, 2), (0.5, 2, 6), (0.9, 12, 35)])
def test_the_window_is_where_a_tenth_is_left(phi, low, high):
    # .5^3.3 and .9^22 are a tenth.
    n = 3000
    y = rng().integers(0, 2, n)
    assert low <= automatic_window([series(phi, n)], y, np.arange(n)) <= high


def test_the_window_is_that_of_the_file():
    n = 3000
    y = rng().integers(0, 2, n)
    near = automatic_window([series(0.9, n)], y, np.arange(n))
    assert automatic_window([series(0.9, n)], y, 5 * np.arange(n)) == 5 * near


def test_sorting_by_class_needs_no_window():
    r = rng(9)
    y = np.sort(r.integers(0, 4, N))
    assert automatic_window([r.standard_normal((N, 3)) + 3 * y[:, None]], y, np.arange(N)) == 0


@pytest.mark.parametrize("decimals", [0, 1, 9])
@pytest.mark.parametrize("d", [1, 2, 6])
def test_rows_that_are_equal_by_chance_are_counted(decimals, d):
    columns = np.round(rng().standard_normal((500, d)), decimals)  # -0 among them
    shuffled = rng(1).permuted(columns, axis=0)
    counts = np.unique(shuffled, axis=0, return_counts=True)[1]
    assert _tied_by_chance(columns, rng(1)) == 1 - (counts == 1).sum() / 500
