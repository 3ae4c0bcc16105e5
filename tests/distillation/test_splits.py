import numpy as np
import pytest
from samplers import in_groups

from cch_audit.distillation.arms import LEAST_TRAIN
from cch_audit.distillation.splits import LEAST_OTHER, draw_split, training_sizes
from cch_audit.errors import InputError

N = 400


def labels(kind, n=N, seed=0):
    rng = np.random.default_rng([seed, 10])
    if kind == "numbers":
        return rng.standard_normal((n, 2))
    return rng.choice(3, size=n, p=[0.6, 0.3, 0.1])


def grouped(n_groups, n=N, seed=0):
    """Groups of unequal size, none empty."""
    rng = np.random.default_rng([seed, 11])
    codes = np.append(np.arange(n_groups), rng.integers(n_groups, size=n - n_groups))
    return rng.permutation(codes)


def split(y, groups=None, train_size=100, seed=0):
    return draw_split(y, in_groups(groups), train_size, np.random.default_rng(seed))


def parts(one):
    return one.train, one.validation, one.test


@pytest.mark.parametrize("kind", ["classes", "numbers"])
@pytest.mark.parametrize("n_groups", [None, 30, 100])
def test_every_row_has_one_part_and_groups_do_not_straddle(kind, n_groups):
    groups = np.arange(N) if n_groups is None else grouped(n_groups)
    found = split(labels(kind), None if n_groups is None else groups)
    assert sorted(np.concatenate(parts(found))) == list(range(N))
    train, validation, test = (set(groups[rows]) for rows in parts(found))
    assert len(train | validation | test) == len(train) + len(validation) + len(test)


@pytest.mark.parametrize("seed", range(20))
def test_any_sample_is_split_soundly_or_refused(seed):
    rng = np.random.default_rng([seed, 12])
    n = int(rng.integers(30, 300))
    y = labels("classes" if rng.random() < 0.5 else "numbers", n, seed)
    groups = grouped(int(rng.integers(2, 25)), n, seed) if rng.random() < 0.7 else None
    try:
        found = split(y, groups, int(rng.integers(10, n // 2)), seed)
    except InputError:
        return
    units = np.arange(n) if groups is None else groups
    train, validation, test = (set(units[rows]) for rows in parts(found))
    assert len(train | validation | test) == len(train) + len(validation) + len(test)
    assert len(found.train) >= LEAST_TRAIN
    assert min(len(found.validation), len(found.test)) >= LEAST_OTHER


@pytest.mark.parametrize("train_size", [10, 30, 100])
def test_classes_are_in_proportion_everywhere(train_size):
    y = labels("classes")
    share = np.bincount(y) / N
    for rows in parts(split(y, train_size=train_size)):
        # Each class is dealt out evenly: off by two rows at most, one at each end of a part.
        counts = np.bincount(y[rows], minlength=3)
        np.testing.assert_allclose(counts, share * len(rows), atol=2)


def test_sizes():
    assert [len(rows) for rows in parts(split(labels("classes"), train_size=20))] == [20, 20, 360]
    assert [len(rows) for rows in parts(split(labels("classes"), train_size=200))] == [
        200,
        100,
        100,
    ]
    many = labels("numbers", n=10_000)
    assert [len(rows) for rows in parts(split(many, train_size=4000))] == [4000, 1000, 5000]


def test_groups_round_the_sizes_up():
    groups = np.arange(N) // 7
    found = split(labels("numbers"), groups, train_size=100)
    assert 100 <= len(found.train) < 107
    assert 93 < len(found.validation) < 107


def test_repetitions_train_on_different_rows():
    y = labels("classes")
    first, second = split(y), split(y, seed=1)
    # 100 of 400 rows twice: 25 in common expected, five standard deviations of 3.8 above that.
    assert len(np.intersect1d(first.train, second.train)) < 44
    for a, b in zip(parts(first), parts(split(y)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("n", "train_size", "part"),
    [
        (60, 9, "9 of 60 rows for training"),
        (60, 54, "3 of 60 rows for validation"),
        (60, 60, "0 of 60 rows for validation"),
    ],
)
def test_refusals_name_the_numbers(n, train_size, part):
    with pytest.raises(InputError, match=f"`train_size` {train_size} leaves {part}"):
        split(labels("numbers", n), None, train_size)


@pytest.mark.parametrize("n_groups", [1, 2])
def test_too_few_groups_are_refused(n_groups):
    with pytest.raises(InputError, match=r"leaves 0 of 400 rows for .*add rows or groups"):
        split(labels("numbers"), grouped(n_groups))


@pytest.mark.parametrize(
    ("n", "columns", "classes", "expected"),
    [
        (10_000, 100, 10, (200, 585, 1710, 5000)),
        (1400, 8, 10, (20, 65, 214, 700)),
        (400, 2, 2, (10, 27, 74, 200)),
        (300, 64, 0, (37, 59, 94, 150)),
        (60, 4, 0, (10, 17, 30)),
        (50, 500, 10, (25,)),
    ],
)
def test_default_sizes_run_from_two_rows_a_column_to_half_of_the_rows(
    n, columns, classes, expected
):
    assert training_sizes(n, columns, classes) == expected
