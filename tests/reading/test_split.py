import numpy as np
import pytest

from cch_audit.reading.load import load_sample
from cch_audit.settings import InputSettings

from .conftest import Arrays, N, Refuse, Write

HALF = np.array(["train", "test"] * (N // 2), "O")


def test_held_out_rows_are_the_default(arrays: Arrays, write: Write) -> None:
    sample = load_sample(write(arrays | {"split": HALF}), InputSettings())
    np.testing.assert_array_equal(sample.student, arrays["text"][1::2])
    np.testing.assert_array_equal(sample.labels.values, [0, 1] * (N // 4))
    assert sample.labels.class_names == ("1", "3")
    assert "200 of 400 rows are used: those with 'test'" in sample.source.notes[0]
    assert not any("training" in warning for warning in sample.source.warnings)


def test_training_rows_are_warned_of(arrays: Arrays, write: Write) -> None:
    path = write(arrays | {"split": HALF})
    sample = load_sample(path, InputSettings(rows="train"))
    assert any("inflated" in warning for warning in sample.source.warnings)
    path = write(arrays | {"split": np.array(["train"] * N, "O")})
    sample = load_sample(path, InputSettings())
    assert sample.n_samples == N
    assert any("inflated" in warning for warning in sample.source.warnings)


@pytest.mark.parametrize(
    ("values", "rows"),
    [
        (np.arange(N) % 2, "1"),
        (np.arange(N) % 2 == 1, "True"),
        (np.array([b"a", b"b"] * (N // 2)), "b"),
    ],
)
def test_values_compare_as_text(
    arrays: Arrays, write: Write, values: np.ndarray, rows: str
) -> None:
    path = write(arrays | {"fold": values})
    sample = load_sample(path, InputSettings(split="fold", rows=rows))
    np.testing.assert_array_equal(sample.student, arrays["text"][1::2])


def test_held_out_rows_unknown(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    path = write(arrays | {"fold": np.arange(N) % 4 // 3})
    refuse(path, "'fold'", "'0' (300 rows), '1' (100 rows)", "`rows`", split="fold")
    refuse(path, "'fold'", "has no 'test'", split="fold", rows="test")


def test_rows_without_a_split(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    refuse(write(arrays), "`rows` 'test'", "name one with `split`", rows="test")


def test_too_few_rows_left(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    split = np.array(["test"] * 49 + ["train"] * (N - 49), "O")
    refuse(write(arrays | {"split": split}), "49 rows", "at least 50")
