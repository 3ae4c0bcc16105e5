import numpy as np
import pytest

from cch_audit.errors import InputError
from cch_audit.randomness import stream
from cch_audit.reading.load import load_sample
from cch_audit.reading.subsample import choose_rows
from cch_audit.settings import InputSettings

from .conftest import Arrays, N, Refuse, Write


def rng(seed: int = 0) -> np.random.Generator:
    return stream(seed, "subsample")


def test_all_rows_if_they_fit() -> None:
    np.testing.assert_array_equal(choose_rows(100, 100, None, None, rng()), np.arange(100))


@pytest.mark.parametrize("n_classes", [2, 7, 90])
def test_shares_hold_to_within_one_row(n_classes: int) -> None:
    strata = np.random.default_rng(0).geometric(0.2, 5000) % n_classes
    kept = choose_rows(5000, 333, strata, None, rng())
    assert len(kept) == 333
    assert np.all(np.diff(kept) > 0)
    counts = np.bincount(strata[kept], minlength=strata.max() + 1)
    assert np.all(np.abs(counts - np.bincount(strata) * 333 / 5000) < 1)


def test_every_row_is_as_likely() -> None:
    # 2000 draws of 50 from 100: a row's count is binomial(2000, 1/2), standard deviation 22.4; the
    # largest of 100 deviations stays under 5 of them with probability 0.9999.
    counts = np.zeros(100)
    generator = np.random.default_rng(0)
    for _ in range(2000):
        counts[choose_rows(100, 50, None, None, generator)] += 1
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(500)


def test_groups_stay_whole() -> None:
    generator = np.random.default_rng(0)
    groups = generator.integers(0, 300, 6000)
    strata = generator.integers(0, 3, 300)[groups]
    kept = choose_rows(6000, 1000, strata, groups, rng())
    sizes = np.bincount(groups)
    kept_sizes = np.bincount(groups[kept], minlength=len(sizes))
    assert np.all((kept_sizes == 0) | (kept_sizes == sizes))
    assert 1000 - sizes.max() < len(kept) <= 1000
    # Shares hold as closely as groups allow: to about one group in each stratum.
    shares = np.bincount(strata[kept]) / len(kept) - np.bincount(strata) / 6000
    assert np.abs(shares).max() < 2 * sizes.max() / 1000


def test_a_group_counts_to_the_stratum_of_most_of_its_rows() -> None:
    groups = np.repeat(np.arange(100), 10)
    strata = np.where(np.arange(1000) % 10 < 8, groups % 2, 1 - groups % 2)
    kept = choose_rows(1000, 200, strata, groups, rng())
    majority = np.bincount(np.unique(groups[kept]) % 2)
    assert majority.tolist() == [10, 10]


def test_group_larger_than_the_limit() -> None:
    groups = np.repeat([0, 1], [900, 100])
    with pytest.raises(InputError, match=r"900 rows.*`max_samples` 500.*finer `groups`"):
        choose_rows(1000, 500, None, groups, rng())


def test_the_seed_decides() -> None:
    first = choose_rows(1000, 100, None, None, rng())
    np.testing.assert_array_equal(first, choose_rows(1000, 100, None, None, rng()))
    assert not np.array_equal(first, choose_rows(1000, 100, None, None, rng(1)))


def test_adding_a_teacher_changes_no_row(arrays: Arrays, write: Write) -> None:
    arrays["audio"] = arrays["image"] * 2
    path = write(arrays)
    one = load_sample(path, InputSettings(max_samples=100))
    two = load_sample(path, InputSettings(teachers="audio,image", max_samples=100))
    np.testing.assert_array_equal(one.student, two.student)
    np.testing.assert_array_equal(one.teachers["image"], two.teachers["image"])


def test_rows_stay_paired(arrays: Arrays, write: Write) -> None:
    arrays["image"] = np.arange(N * 3.0).reshape(N, 3)
    arrays["text"] = np.arange(N * 1.0)
    arrays["groups"] = np.arange(N) // 4
    arrays["predictions/text"] = np.arange(N * 4.0).reshape(N, 4)
    sample = load_sample(write(arrays), InputSettings(max_samples=100))
    rows = sample.student[:, 0].astype(int)
    np.testing.assert_array_equal(sample.teachers["image"], arrays["image"][rows])
    np.testing.assert_array_equal(sample.labels.values, rows % 4)
    np.testing.assert_array_equal(sample.predictions["text"], arrays["predictions/text"][rows])
    assert sample.groups is not None
    np.testing.assert_array_equal(sample.groups, np.repeat(np.arange(25), 4))
    assert sample.source.n_rows == N
    (note,) = sample.source.notes
    assert "100 of 400 rows" in note
    assert "25 groups kept whole" in note


def test_class_lost_in_the_subsample(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    arrays["labels"] = (np.arange(N) < 20).astype(int)
    path = write(arrays)
    refuse(path, "'1' (5)", "in the subsample of 100 rows", "`max_samples`", max_samples=100)


def test_one_group_left_in_the_subsample(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    arrays["groups"] = np.arange(N) // 200
    refuse(write(arrays), "'groups'", "all 200 rows in one group", max_samples=200)


def test_not_finite_outside_the_subsample_goes_unseen(
    arrays: Arrays, write: Write, refuse: Refuse
) -> None:
    sample = load_sample(write(arrays), InputSettings(max_samples=100))
    is_kept = np.isin(arrays["text"][:, 0], sample.student[:, 0])
    arrays["text"][np.flatnonzero(~is_kept)[0]] = np.nan
    load_sample(write(arrays), InputSettings(max_samples=100))
    row = int(np.flatnonzero(is_kept)[3])
    arrays["text"][row, 1] = np.inf
    words = ("in 1 of 400 values in the subsample of 100 rows", f"row {row}")
    refuse(write(arrays), "'text'", *words, max_samples=100)
