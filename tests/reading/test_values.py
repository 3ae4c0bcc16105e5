import h5py
import numpy as np
import pytest

from cch_audit.reading.column import open_column
from cch_audit.reading.open import open_file
from cch_audit.reading.values import as_text, factorize, read_values

from .conftest import Arrays, N, Refuse, Write


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.array([3, 1, 3]), ["3", "1", "3"]),
        (np.array([True, False, True]), ["True", "False", "True"]),
        (np.array(["b", "", "a"], dtype=object), ["b", "", "a"]),
        (np.array([b"b", b"a", b"b"]), ["b", "a", "b"]),
        (np.array(["\u00e9", "e", "e"], dtype=object), ["\u00e9", "e", "e"]),
        (np.array([[1], [2], [3]]), ["1", "2", "3"]),
    ],
)
def test_values_as_text(arrays: Arrays, write: Write, value: np.ndarray, text: list[str]) -> None:
    with open_file(write(arrays | {"v": value}), 10**9) as opened:
        assert as_text(read_values(open_column(opened, "v", "test"))) == text


def test_bytes_that_are_not_utf8_stay_distinct(arrays: Arrays, write: Write) -> None:
    path = write(arrays | {"v": np.array([b"\xe9", b"\xe8"])})
    with open_file(path, 10**9) as opened:
        names = as_text(read_values(open_column(opened, "v", "test")))
    assert names == ["\\xe9", "\\xe8"]


def test_factorize_sorts_by_value() -> None:
    for values, names in (
        (np.array([10, 9, 10]), [9, 10]),
        (np.array(["b", "a", "b"], "O"), ["a", "b"]),
    ):
        found, codes = factorize(values)
        assert found == names
        assert codes.tolist() == [1, 0, 1]


def categorical(path: str, codes: object, categories: object, arrays: Arrays) -> Arrays:
    return arrays | {f"{path}/codes": codes, f"{path}/categories": categories}


@pytest.fixture
def mark() -> object:
    def set_encoding(path: object, name: str, encoding: str) -> None:
        with h5py.File(path, "a") as file:
            file[name].attrs["encoding-type"] = encoding

    return set_encoding


def test_categorical_without_a_value(arrays: Arrays, write: Write, refuse: Refuse, mark) -> None:
    codes = np.arange(N) % 3
    codes[[5, 9]] = -1
    path = write(categorical("kind", codes, np.array(["a", "b", "c"], "O"), arrays))
    mark(path, "kind", "categorical")
    refuse(path, "'kind'", "missing or NaN in 2 of the 400", "row 5", labels="kind")


def test_categorical_that_points_outside(
    arrays: Arrays, write: Write, refuse: Refuse, mark
) -> None:
    path = write(categorical("kind", np.arange(N) % 3, np.array(["a", "b"], "O"), arrays))
    mark(path, "kind", "categorical")
    refuse(path, "'kind'", "the code 2 but only 2 categories", labels="kind")


def test_categorical_with_float_codes(arrays: Arrays, write: Write, refuse: Refuse, mark) -> None:
    path = write(categorical("kind", np.zeros(N), np.array(["a", "b"], "O"), arrays))
    mark(path, "kind", "categorical")
    refuse(path, "'kind'", "codes that are not integers", labels="kind")


def test_nullable_with_a_gap(arrays: Arrays, write: Write, refuse: Refuse, mark) -> None:
    mask = np.arange(N) == 3
    path = write(arrays | {"kind/values": np.arange(N) % 3, "kind/mask": mask})
    mark(path, "kind", "nullable-integer")
    refuse(path, "'kind'", "missing or NaN in 1 of the 400", "row 3", labels="kind")


def test_nullable_with_another_mask(arrays: Arrays, write: Write, refuse: Refuse, mark) -> None:
    path = write(arrays | {"kind/values": np.arange(N) % 3, "kind/mask": np.zeros(3, bool)})
    mark(path, "kind", "nullable-integer")
    refuse(path, "'kind'", "mask of another length", labels="kind")


def test_legacy_categorical(arrays: Arrays, write: Write) -> None:
    names = np.array(["a", "b", "c"], "O")
    path = write(arrays | {"obs/kind": np.arange(3), "obs/__categories/kind": names})
    with h5py.File(path, "a") as file:
        file["obs/kind"].attrs["categories"] = file["obs/__categories/kind"].ref
    with open_file(path, 10**9) as opened:
        values = read_values(open_column(opened, "obs/kind", "test"))
    assert values.is_categorical
    assert as_text(values) == ["a", "b", "c"]


def test_matrix_where_a_vector_is_needed(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    path = write(arrays | {"groups": np.zeros((N, 2), int)})
    refuse(path, "'groups'", "shape (400, 2)", "shape (n,)")


def test_missing_only_counts_in_rows_that_are_used(arrays: Arrays, write: Write) -> None:
    arrays["kind"] = np.array([np.nan, 1.0, 2.0])
    with open_file(write(arrays), 10**9) as opened:
        values = read_values(open_column(opened, "kind", "test"))
    assert values.take(np.array([2, 1])).values.tolist() == [2, 1]
