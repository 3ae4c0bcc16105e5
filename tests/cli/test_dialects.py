"""Files of other programs, through the real command line."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from .process import QUICK, run

N = 300


def write(path: Path, **changed: object) -> str:
    """Write a file whose teacher and student share more than the labels, with some changes."""
    rng = np.random.default_rng(0)
    labels = np.arange(N) % 2
    shared = rng.normal(size=(N, 2)) + labels[:, None]
    arrays: dict[str, object] = {
        "t": shared + 0.2 * rng.normal(size=(N, 2)),
        "s": np.c_[shared, rng.normal(size=N)],
        "labels": labels,
    }
    with h5py.File(path, "w") as file:
        for name, values in (arrays | changed).items():
            file[name] = values
        file.attrs.update({"teacher": "t", "student": "s"})
    return str(path)


def check(path: str, *options: str) -> tuple[int, str]:
    done = run("check", path, *QUICK, *options)
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.mark.slow
def test_a_matrix_with_a_column_for_each_sample(tmp_path: Path) -> None:
    student = np.random.default_rng(0).normal(size=(3, N))
    path = write(tmp_path / "x.h5", s=student)
    code, said = check(path)
    assert code in (0, 1, 3)
    assert "Rows and columns were swapped" in said
    both = write(tmp_path / "y.h5", s=student, labels=np.zeros((2, N)) + np.arange(N))
    code, said = check(both)
    assert code == 2
    assert "--transpose" in said
    code, said = check(write(tmp_path / "z.h5"), "--transpose")
    assert code == 2


def test_missing_labels_of_r(tmp_path: Path) -> None:
    labels = (np.arange(N) % 2).astype("i4")
    labels[::10] = -(2**31)
    code, said = check(write(tmp_path / "r.h5", labels=labels))
    assert code == 2
    assert "missing or NaN in 30 of the 300 rows" in said


@pytest.mark.slow
def test_several_labels(tmp_path: Path) -> None:
    labels = np.c_[np.arange(N) % 2, np.arange(N) // 150].astype("f4")
    path = write(tmp_path / "m.h5", labels=labels)
    code, said = check(path)
    assert code in (0, 1, 3)
    assert "multi-label matrix" in said
    code, said = check(path, "--labels", "labels/0", "--task", "classification")
    assert code in (0, 1, 3)
    assert "multi-label" not in said


@pytest.mark.parametrize("options", [(), ("--format", "json")])
def test_inspect_names_the_program(tmp_path: Path, options: tuple[str, ...]) -> None:
    path = write(tmp_path / "r.h5")
    with h5py.File(path, "a") as file:
        file["labels"].attrs["rhdf5-NA.OK"] = 1
    done = run("inspect", path, *options)
    assert done.returncode == 0
    assert "R (rhdf5)" in done.stdout
