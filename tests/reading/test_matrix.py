from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.sparse

from cch_audit.reading import matrix
from cch_audit.reading.column import open_column
from cch_audit.reading.matrix import read_rows
from cch_audit.reading.open import open_file
from cch_audit.reading.statistics import matrix_statistics

from .conftest import Arrays, Refuse, Write

N, D = 501, 37


@pytest.fixture
def expected() -> np.ndarray:
    values = np.random.default_rng(0).normal(size=(N, D))
    return np.where(values > 1, values, 0)


def write_matrix(path: Path, layout: str, values: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        if layout in ("csr", "csc"):
            made = getattr(scipy.sparse, f"{layout}_matrix")(values)
            for part in ("data", "indices", "indptr"):
                file[f"m/{part}"] = getattr(made, part)
            file["m"].attrs.update({"encoding-type": f"{layout}_matrix", "shape": values.shape})
        else:
            chunks = {"contiguous": None, "rows": (16, D), "columns": (N, 2), "tiles": (7, 5)}
            file.create_dataset("m", data=values, chunks=chunks[layout])


@pytest.mark.parametrize("block_values", [50, 1000, 2**22])
@pytest.mark.parametrize("layout", ["contiguous", "rows", "columns", "tiles", "csr", "csc"])
def test_rows_come_in_the_order_asked_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    expected: np.ndarray,
    layout: str,
    block_values: int,
) -> None:
    monkeypatch.setattr(matrix, "BLOCK_VALUES", block_values)
    write_matrix(tmp_path / "m.h5", layout, expected)
    rng = np.random.default_rng(1)
    with open_file(tmp_path / "m.h5", 10**9) as opened:
        column = open_column(opened, "m", "test")
        for rows in (np.arange(N), rng.permutation(N)[:40], np.array([N - 1]), np.array([3, 0])):
            np.testing.assert_array_equal(read_rows(column, rows), expected[rows])


@pytest.mark.parametrize("layout", ["contiguous", "columns", "csr", "csc"])
def test_statistics_do_not_depend_on_the_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: np.ndarray, layout: str
) -> None:
    monkeypatch.setattr(matrix, "BLOCK_VALUES", 1000)
    expected[:, 4] = 0
    expected[7] = expected[300]
    expected[8] = expected[300]
    expected[9, 9] = np.nan
    expected[10, 9] = np.inf
    unique = np.unique(expected, axis=0, equal_nan=True)
    write_matrix(tmp_path / "m.h5", layout, expected)
    with open_file(tmp_path / "m.h5", 10**9) as opened:
        found = matrix_statistics(open_column(opened, "m", "test"))
    assert found is not None
    assert found.missing == 2
    assert found.constant_columns == 1
    assert found.duplicate_rows == N - len(unique)
    assert found.minimum == 0
    assert found.maximum == expected[np.isfinite(expected)].max()


def test_statistics_of_negative_sparse_columns(tmp_path: Path) -> None:
    values = np.array([[-1.0, -2.0], [-3.0, 0.0]])
    write_matrix(tmp_path / "m.h5", "csr", values)
    with open_file(tmp_path / "m.h5", 10**9) as opened:
        found = matrix_statistics(open_column(opened, "m", "test"))
    assert found is not None
    assert (found.minimum, found.maximum) == (-3, 0)


def test_entries_stored_twice_are_summed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["m/data"] = [1.0, 2.0, 4.0]
        file["m/indices"] = [1, 1, 0]
        file["m/indptr"] = [0, 2, 3]
        file["m"].attrs.update({"encoding-type": "csr_matrix", "shape": [2, 2]})
    with open_file(tmp_path / "m.h5", 10**9) as opened:
        values = read_rows(open_column(opened, "m", "test"), np.arange(2))
    np.testing.assert_array_equal(values, [[0, 3], [4, 0]])


@pytest.mark.parametrize("dtype", ["f2", ">f4", "f8", "i1", "u2", "i8", "?", "longdouble"])
def test_numbers_are_read_as_float64(tmp_path: Path, dtype: str) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["m"] = np.array([0, 1, 1], dtype=dtype)
    with open_file(tmp_path / "m.h5", 10**9) as opened:
        values = read_rows(open_column(opened, "m", "test"), np.arange(3))
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, [[0], [1], [1]])


def test_sparse_too_wide_to_be_made_dense(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    path = write(arrays)
    n = len(arrays["labels"])
    with h5py.File(path, "a") as file:
        file["wide/data"] = np.ones(n)
        file["wide/indices"] = np.arange(n)
        file["wide/indptr"] = np.arange(n + 1)
        file["wide"].attrs.update({"encoding-type": "csr_matrix", "shape": [n, 10**8]})
    refuse(path, "'wide'", "bytes of memory", "PCA", teacher=("wide",))
