import h5py
import numpy as np
import pytest

from cch_audit.reading.load import load_sample
from cch_audit.sample import Labels
from cch_audit.settings import InputSettings

from .conftest import Arrays, N, Refuse, Write

CODES = np.arange(N) % 3


def labels_of(write: Write, arrays: Arrays, values: object, **settings) -> Labels:
    return load_sample(write(arrays | {"labels": values}), InputSettings(**settings)).labels


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (CODES * 10 - 10, ("-10", "0", "10")),
        (CODES.astype("u1"), ("0", "1", "2")),
        (CODES[:, None], ("0", "1", "2")),
        (CODES == 1, ("False", "True")),
        (np.array(["b", "a", "B"], "O")[CODES], ("B", "a", "b")),
        (np.array([b"b", b"a", b"c"])[CODES], ("a", "b", "c")),
    ],
)
def test_classes(arrays: Arrays, write: Write, values: np.ndarray, names: tuple[str, ...]) -> None:
    labels = labels_of(write, arrays, values)
    assert labels.class_names == names
    assert labels.values.dtype == np.int64
    decoded = np.array(names, "O")[labels.values]
    original = [v.decode() if isinstance(v, bytes) else str(v) for v in values.ravel().tolist()]
    assert decoded.tolist() == original


def test_floats_are_continuous(arrays: Arrays, write: Write) -> None:
    values = np.random.default_rng(0).normal(size=N).astype("f4")
    labels = labels_of(write, arrays, values)
    assert labels.kind == "continuous"
    np.testing.assert_array_equal(labels.values, values[:, None].astype(float))


def test_floats_that_may_be_classes(arrays: Arrays, write: Write) -> None:
    path = write(arrays | {"labels": CODES * 1.0})
    sample = load_sample(path, InputSettings())
    assert sample.labels.kind == "continuous"
    assert any("--task classification" in warning for warning in sample.source.warnings)
    sample = load_sample(path, InputSettings(task="regression"))
    assert not any("--task" in warning for warning in sample.source.warnings)
    labels = load_sample(path, InputSettings(task="classification")).labels
    assert labels.class_names == ("0", "1", "2")


def test_floats_that_are_no_classes(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    path = write(arrays | {"labels": CODES + 0.5})
    refuse(path, "'labels'", "not integral", "`task` regression", task="classification")


def test_integers_for_regression(arrays: Arrays, write: Write) -> None:
    labels = labels_of(write, arrays, np.arange(N), task="regression")
    np.testing.assert_array_equal(labels.values, np.arange(float(N))[:, None])


def test_strings_for_regression(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    path = write(arrays | {"labels": np.array(["a", "b"] * (N // 2), "O")})
    refuse(path, "'labels'", "strings", "`task` classification", task="regression")


def test_many_integers(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    refuse(write(arrays | {"labels": np.arange(N) % 200}), "200 distinct values", "`task`")


def test_a_value_for_each_row(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    names = np.array([f"patient {i}" for i in range(N)], "O")
    refuse(write(arrays | {"labels": names}), "different value in each", "identifiers", "`labels`")
    path = write(arrays | {"labels": np.arange(N)})
    refuse(path, "identifiers", "`task` regression", task="classification")


def test_one_class(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    refuse(write(arrays | {"labels": np.zeros(N, int)}), "'labels'", "one class only, '0'", "name")


def test_small_classes(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    values = np.zeros(N, int)
    values[:9], values[9:19], values[19] = 1, 2, 3
    path = write(arrays | {"labels": values})
    message = refuse(path, "fewer than 10 members", "'1' (9), '3' (1)", "merge")
    assert "'2'" not in message


@pytest.mark.parametrize(
    ("bad", "found"), [(np.nan, "missing or NaN in 2"), (np.inf, "infinite in 2 of 400")]
)
def test_labels_that_are_not_finite(
    arrays: Arrays, write: Write, refuse: Refuse, bad: float, found: str
) -> None:
    values = np.random.default_rng(0).normal(size=N)
    values[[4, 8]] = bad
    refuse(write(arrays | {"labels": values}), "'labels'", found)


def test_constant_target(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    refuse(write(arrays | {"labels": np.ones(N)}), "'labels'", "same value in all rows")


def test_several_outputs(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    values = np.random.default_rng(0).normal(size=(N, 3))
    np.testing.assert_array_equal(labels_of(write, arrays, values).values, values)
    values[:, 2] = 1
    refuse(write(arrays | {"labels": values}), "same value in all rows in column 2")
    values[7, 1] = np.nan
    refuse(write(arrays | {"labels": values}), "'labels'", "NaN or infinite", "row 7")


@pytest.mark.parametrize("dtype", [int, float, bool])
def test_one_hot(arrays: Arrays, write: Write, refuse: Refuse, dtype: type) -> None:
    values = np.eye(3)[CODES].astype(dtype)
    path = write(arrays | {"labels": values})
    refuse(path, "'labels'", "one-hot", "argmax", "`task` regression")
    refuse(path, "one-hot", task="classification")
    assert load_sample(path, InputSettings(task="regression")).labels.values.shape == (N, 3)


def test_columns_of_integers(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    values = np.random.default_rng(0).integers(0, 9, (N, 2))
    path = write(arrays | {"labels": values})
    refuse(path, "2 columns of integers", "`task` regression")
    assert load_sample(path, InputSettings(task="regression")).labels.values.shape == (N, 2)


def test_three_axes(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    refuse(write(arrays | {"labels": np.zeros((N, 2, 2))}), "'labels'", "(400, 2, 2)")


def test_numeric_categories_are_classes(arrays: Arrays, write: Write) -> None:
    arrays |= {"kind/codes": CODES.astype("i1"), "kind/categories": np.array([0.5, 1.5, 2.5])}
    path = write(arrays)
    with h5py.File(path, "a") as file:
        file["kind"].attrs["encoding-type"] = "categorical"
    labels = load_sample(path, InputSettings(labels="kind")).labels
    assert labels.class_names == ("0.5", "1.5", "2.5")


def test_infinite_class(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    values = CODES * 1.0
    values[0] = np.inf
    refuse(write(arrays | {"labels": values}), "'labels'", "integral", task="classification")
