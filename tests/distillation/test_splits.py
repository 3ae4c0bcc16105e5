import numpy as np
import pytest
from samplers import in_groups

from cch_audit.distillation.splits import LEAST_OTHER, LEAST_TRAIN, make_splits
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


def split(y, groups=None, n_splits=8, train_size=100, seed=0):
    return make_splits(y, in_groups(groups), n_splits, train_size, np.random.default_rng(seed))


def times_tested(splits, n=N):
    return np.bincount(np.concatenate([one.test for one in splits]), minlength=n)


def parts(one):
    return one.train, one.validation, one.test


@pytest.mark.parametrize("kind", ["classes", "numbers"])
@pytest.mark.parametrize("n_groups", [None, 8, 50])
@pytest.mark.parametrize("n_splits", [2, 5, 8])
def test_every_row_is_tested_once_and_parts_are_disjoint(kind, n_groups, n_splits):
    groups = None if n_groups is None else grouped(n_groups)
    splits = split(labels(kind), groups, n_splits)
    assert len(splits) == n_splits
    assert (times_tested(splits) == 1).all()
    for one in splits:
        together = np.concatenate(parts(one))
        assert len(np.unique(together)) == len(together)


@pytest.mark.parametrize("kind", ["classes", "numbers"])
@pytest.mark.parametrize("n_groups", [6, 8, 30, 100])
def test_groups_never_straddle(kind, n_groups):
    groups = grouped(n_groups)
    for one in split(labels(kind), groups):
        train, validation, test = (set(groups[rows]) for rows in parts(one))
        assert not train & validation
        assert not train & test
        assert not validation & test


@pytest.mark.filterwarnings("ignore:The least populated class")
@pytest.mark.parametrize("seed", range(30))
def test_any_sample_is_split_soundly_or_refused(seed):
    rng = np.random.default_rng([seed, 12])
    n, n_splits = int(rng.integers(50, 300)), int(rng.integers(2, 12))
    y = labels("classes" if rng.random() < 0.5 else "numbers", n, seed)
    groups = grouped(int(rng.integers(2, 40)), n, seed) if rng.random() < 0.7 else None
    try:
        splits = split(y, groups, n_splits, int(rng.integers(20, n // 2)), seed)
    except InputError:
        return
    units = np.arange(n) if groups is None else groups
    if len(np.unique(units)) >= n_splits:
        assert (times_tested(splits, n) == 1).all()
    for one in splits:
        train, validation, test = (set(units[rows]) for rows in parts(one))
        assert len(train | validation | test) == len(train) + len(validation) + len(test)
        assert len(one.train) >= LEAST_TRAIN
        assert min(len(one.validation), len(one.test)) >= LEAST_OTHER


@pytest.mark.parametrize("train_size", [30, 100])
def test_classes_are_in_proportion_everywhere(train_size):
    y = labels("classes")
    share = np.bincount(y) / N
    for one in split(y, train_size=train_size):
        for rows in parts(one):
            # Each class is dealt out evenly: off by two rows at most, one at each end of a part.
            counts = np.bincount(y[rows], minlength=3)
            np.testing.assert_allclose(counts, share * len(rows), atol=2)


def test_sizes():
    for one in split(labels("classes"), train_size=100):
        assert [len(rows) for rows in parts(one)] == [100, 100, 50]
    # 350 rows are left beside the test rows: the validation rows are what remains of them.
    for one in split(labels("classes"), train_size=200):
        assert [len(rows) for rows in parts(one)] == [200, 150, 50]


def test_groups_round_the_sizes_up():
    groups = np.arange(N) // 7
    for one in split(labels("numbers"), groups, train_size=100):
        assert 100 <= len(one.train) < 107
        assert 93 < len(one.validation) < 107


def test_fewer_groups_than_repetitions_are_dealt_out_again():
    groups = grouped(5)
    splits = split(labels("classes"), groups, n_splits=8)
    assert len(splits) == 8
    # Five folds test every row once; three of another deal follow.
    assert (times_tested(splits[:5]) == 1).all()
    assert times_tested(splits).max() == 2
    for one in splits:
        assert not set(groups[one.train]) & set(groups[one.test])


def test_repetitions_train_on_different_rows():
    splits = split(labels("classes"))
    for one in splits[1:]:
        shared = len(np.intersect1d(one.train, splits[0].train))
        # 100 of 350 rows twice: 25 in common expected (the test rows differ), five standard
        # deviations of 3.7 above that.
        assert shared < 44


def test_same_generator_same_splits():
    y = labels("classes")
    for first, second in zip(split(y), split(y)):
        for a, b in zip(parts(first), parts(second)):
            np.testing.assert_array_equal(a, b)
    assert (split(y)[0].test != split(y, seed=1)[0].test).any()


@pytest.mark.parametrize(
    ("n", "n_splits", "train_size", "part"),
    [
        (60, 2, 10, "10 of 60 rows for training"),
        (60, 2, 30, "0 of 60 rows for validation"),
        (60, 2, 27, "3 of 60 rows for validation"),
        (60, 20, 30, "3 of 60 rows for test"),
        (60, 70, 30, "1 of 60 rows for test"),
        (1200, 2, 900, "0 of 1,200 rows for validation"),
    ],
)
def test_refusals_name_the_numbers(n, n_splits, train_size, part):
    expected = f"`train_size` {train_size} and `seeds` {n_splits} leaves {part}"
    with pytest.raises(InputError, match=expected):
        split(labels("numbers", n), None, n_splits, train_size)


@pytest.mark.parametrize("n_groups", [1, 2])
def test_too_few_groups_are_refused(n_groups):
    with pytest.raises(
        InputError, match=r"leaves 0 of 400 rows for validation.*add rows or groups"
    ):
        split(labels("numbers"), grouped(n_groups))


def test_classes_smaller_than_the_number_of_repetitions():
    y = np.arange(100) % 20  # five rows of each class
    splits = split(y, n_splits=10, train_size=40)
    assert (times_tested(splits, 100) == 1).all()
