import hashlib

import numpy as np
import pytest

from cch_audit.reading.checks import column_weights, row_hashes
from cch_audit.reading.load import load_sample
from cch_audit.settings import InputSettings

from .conftest import Arrays, N, Refuse, Write


def test_plain_file(arrays: Arrays, write: Write) -> None:
    path = write(arrays)
    sample = load_sample(path, InputSettings())
    np.testing.assert_array_equal(sample.teachers["image"], arrays["image"].astype(float))
    np.testing.assert_array_equal(sample.student, arrays["text"])
    assert sample.teachers["image"].dtype == np.float64
    assert sample.groups is None
    assert sample.source.path == str(path)
    assert sample.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert sample.source.n_rows == N
    assert sample.source.notes == sample.source.warnings == ()


def test_vector_is_a_representation_of_one_column(arrays: Arrays, write: Write) -> None:
    arrays["image"] = np.arange(N)
    sample = load_sample(write(arrays), InputSettings())
    np.testing.assert_array_equal(sample.teachers["image"], np.arange(float(N))[:, None])


def test_few_rows(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    few = {name: values[:49] for name, values in arrays.items()}
    refuse(write(few), "'text'", "49 rows", "at least 50", "add rows")
    few = {name: values[:60] for name, values in arrays.items()}
    (warning,) = load_sample(write(few), InputSettings()).source.warnings
    assert "Only 60 rows" in warning


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(
    arrays: Arrays, write: Write, refuse: Refuse, bad: float
) -> None:
    arrays["image"][17, 2] = arrays["image"][30, 0] = bad
    refuse(write(arrays), "'image'", "NaN or infinite in 2 of 2,000 values", "row 17", "remove")


def test_constant_columns(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    arrays["image"][:, [1, 3]] = 7
    sample = load_sample(write(arrays), InputSettings())
    np.testing.assert_array_equal(sample.teachers["image"], arrays["image"][:, [0, 2, 4]])
    assert any("'image': 2 of 5 columns are constant" in w for w in sample.source.warnings)
    arrays["image"][:] = 7
    refuse(write(arrays), "'image'", "every row is the same", "name another")


def test_repeated_rows(arrays: Arrays, write: Write) -> None:
    arrays["image"][100:120] = arrays["image"][0]
    assert load_sample(write(arrays), InputSettings()).source.warnings == ()
    arrays["image"][120] = arrays["image"][0]
    (warning,) = load_sample(write(arrays), InputSettings()).source.warnings
    assert "'image': 21 of 400 rows repeat" in warning


def test_row_hashes_can_be_summed_over_blocks() -> None:
    values = np.random.default_rng(0).normal(size=(50, 9))
    values[3, 2], values[4, 2] = 0.0, -0.0
    parts = row_hashes(values[:, :4]) + row_hashes(values[:, 4:], first_column=4)
    np.testing.assert_array_equal(parts, row_hashes(values))
    assert len(np.unique(row_hashes(values))) == 50
    # Small integers differ in few bits, and so do permuted rows.
    grid = np.stack(np.meshgrid(*[np.arange(20.0)] * 4), axis=-1).reshape(-1, 4)
    assert len(np.unique(row_hashes(grid))) == len(grid)


def test_the_weights_of_many_columns_differ_and_warn_of_nothing() -> None:
    with np.errstate(all="raise"):
        weights = column_weights(0, 20_000)
    assert len(np.unique(weights)) == 20_000


@pytest.mark.parametrize(
    ("n_groups", "rule"),
    [
        (5, "below 20 neither pass nor fail is said."),
        (19, "below 20 neither pass nor fail is said."),
        (20, "below 50 every interval and every bias allowance is rough."),
        (40, "below 50 every interval and every bias allowance is rough."),
        (50, None),
    ],
)
def test_groups(arrays: Arrays, write: Write, n_groups: int, rule: str | None) -> None:
    names = np.array([f"speaker {i % n_groups:02}" for i in range(N)], "O")
    sample = load_sample(write(arrays | {"groups": names}), InputSettings())
    np.testing.assert_array_equal(sample.groups, np.arange(N) % n_groups)
    start = f"Only {n_groups} groups (of {n_groups}) count as independent: "
    assert sample.source.warnings == (() if rule is None else (start + rule,))


def test_groups_of_unequal_size_count_less(arrays: Arrays, write: Write) -> None:
    # One group of half the rows, 40 of five: (sum s)^2 / sum s^2 = 400^2 / (200^2 + 40 * 5^2).
    groups = np.where(np.arange(N) < 200, 0, np.arange(N) // 5)
    sample = load_sample(write(arrays | {"groups": groups}), InputSettings())
    assert sample.dependence is not None
    assert sample.dependence.n_units == pytest.approx(160_000 / 41_000)
    (warning,) = sample.source.warnings
    assert warning.startswith("Only 4 groups (of 41) count as independent: below 20 neither")


def test_one_group(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    path = write(arrays | {"speaker": np.zeros(N)})
    refuse(path, "'speaker' (option `groups`)", "in one group", "several", groups="speaker")


def test_groups_with_a_gap(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    groups = np.arange(N) / 10
    groups[6] = np.nan
    refuse(write(arrays | {"groups": groups}), "'groups'", "missing or NaN in 1", "row 6")


@pytest.mark.parametrize(("n_columns", "is_fine"), [(4, True), (1, False), (3, False)])
def test_prediction_columns(
    arrays: Arrays, write: Write, refuse: Refuse, n_columns: int, is_fine: bool
) -> None:
    path = write(arrays | {"predictions/text": np.random.default_rng(0).random((N, n_columns))})
    if is_fine:
        assert load_sample(path, InputSettings()).predictions["text"].shape == (N, n_columns)
    else:
        refuse(path, "'predictions/text'", f"{n_columns} columns", "4 classes", "sorted")


def test_one_score_for_two_classes(arrays: Arrays, write: Write) -> None:
    arrays |= {"labels": np.arange(N) % 2, "predictions/text": np.linspace(0, 1, N)}
    assert load_sample(write(arrays), InputSettings()).predictions["text"].shape == (N, 1)


def test_predictions_of_outputs(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    arrays |= {"labels": arrays["text"][:, :2], "predictions/text": arrays["text"][:, :3]}
    refuse(write(arrays), "'predictions/text'", "3 columns", "labels have 2", "each output")


def test_predictions_that_cannot_be_used(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    scores = np.random.default_rng(0).random((N, 4))
    refuse(write(arrays | {"predictions/text": scores[:-1]}), "'predictions/text'", "399 rows")
    scores[8, 1] = np.nan
    refuse(write(arrays | {"predictions/text": scores}), "'predictions/text'", "NaN", "row 8")


def test_a_group_that_leaves_next_to_none_is_refused(
    arrays: Arrays, write: Write, refuse: Refuse
) -> None:
    groups = np.minimum(np.arange(N), 19)
    refuse(write(arrays | {"groups": groups}), "puts 381 of 400 rows in one group", "at least 20")
    load_sample(write(arrays | {"groups": np.minimum(np.arange(N), 20)}), InputSettings())


def test_a_window_across_all_rows_is_refused(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    path = write(arrays)
    refuse(path, "a window of 201 rows reaches across the 400 rows", window="201")
    assert load_sample(path, InputSettings(window="200")).window == 200


def test_lists_and_ids_that_name_nothing_are_refused(
    arrays: Arrays, write: Write, refuse: Refuse
) -> None:
    path = write(arrays)
    refuse(path, "`teachers` ','", "names no teacher", teachers=",")
    refuse(path, "`ids` is '/'", "names no dataset", ids="/")
