import dataclasses
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from cch_audit.errors import InputError
from cch_audit.reading.describe import DatasetDescription, FileDescription, describe
from cch_audit.settings import InputSettings

from .conftest import Arrays, N, Write


def by_path(found: FileDescription) -> dict[str, DatasetDescription]:
    return {dataset.path: dataset for dataset in found.datasets}


def test_usable_file(arrays: Arrays, write: Write) -> None:
    arrays["image"][5] = arrays["image"][6]
    arrays["image"][:, 2] = 1
    arrays |= {"split": np.array(["test"] * N, "O"), "ids": np.arange(N), "other": arrays["text"]}
    path = write(arrays)
    found = describe(path, InputSettings())
    assert found.usable
    assert found.problems == ()
    assert found.n_rows == N
    assert any("constant" in warning for warning in found.warnings)
    datasets = by_path(found)
    image = datasets["image"]
    assert (image.roles, image.why) == (("teacher",), "root attribute 'teacher'")
    assert (image.shape, image.dtype, image.storage) == ((N, 5), "float32", "dense")
    assert (image.missing, image.constant_columns, image.duplicate_rows) == (0, 1, 1)
    assert image.maximum == pytest.approx(arrays["image"].max())
    assert datasets["labels"].classes == {"0": 100, "1": 100, "2": 100, "3": 100}
    assert datasets["labels"].why == "its name"
    assert datasets["ids"].roles == ("ids",)
    assert datasets["split"].roles == ("split",)
    assert datasets["split"].dtype == "string"
    assert (datasets["other"].roles, datasets["other"].why) == ((), "could be a representation")
    json.dumps(dataclasses.asdict(found), allow_nan=False)


def test_every_problem_of_the_layout_is_listed(arrays: Arrays, write: Write) -> None:
    arrays["kind"] = arrays.pop("labels")
    found = describe(write(arrays), InputSettings(teacher=("nope",)))
    assert not found.usable
    assert found.n_rows is None
    assert any("no dataset 'nope'" in problem for problem in found.problems)
    assert any("no dataset of labels" in problem for problem in found.problems)
    assert len(set(found.problems)) == len(found.problems)
    assert by_path(found)["text"].roles == ("student",)


def test_problem_that_only_reading_shows(arrays: Arrays, write: Write) -> None:
    arrays["image"][3, 3] = np.nan
    found = describe(write(arrays), InputSettings())
    assert by_path(found)["image"].missing == 1
    (problem,) = found.problems
    assert "NaN" in problem


def test_refused_datasets_are_listed_with_the_reason(arrays: Arrays, write: Write) -> None:
    path = write(arrays)
    with h5py.File(path, "a") as file:
        file["link"] = h5py.ExternalLink("x.h5", "/y")
        file.create_dataset("hollow", (N, 5), "f4")
        file.create_dataset("ragged", (3,), h5py.vlen_dtype("f4"))
        file["cube"] = np.zeros((2, 3, 4))
    datasets = by_path(describe(path, InputSettings()))
    for name, reason in (("link", "link"), ("hollow", "never"), ("ragged", "variable-length")):
        assert reason in str(datasets[name].refused)
        assert datasets[name].missing is None
    assert datasets["cube"].refused is None
    assert datasets["cube"].shape == (2, 3, 4)


def test_two_files(arrays: Arrays, write: Write) -> None:
    ids = {"ids": np.arange(N)}
    teacher = write({"image": arrays.pop("image")} | ids, name="teacher.h5")
    student = write(arrays | ids)
    found = describe(student, InputSettings(teacher_file=str(teacher)))
    assert found.usable
    assert found.teacher_path == str(teacher)
    assert {(Path(d.file).name, d.path) for d in found.datasets if d.roles} == {
        ("reps.h5", "ids"),
        ("reps.h5", "labels"),
        ("reps.h5", "text"),
        ("teacher.h5", "ids"),
        ("teacher.h5", "image"),
    }


def test_control_has_both_roles(arrays: Arrays, write: Write) -> None:
    found = describe(write(arrays), InputSettings(teacher=("text",)))
    assert by_path(found)["text"].roles == ("teacher", "student")


def test_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        describe(tmp_path / "no.h5", InputSettings())


def test_a_problem_that_check_does_not_meet(arrays: Arrays, write: Write) -> None:
    tables = {f"obsm/{name}": arrays[name] for name in ("image", "text")}
    path = write(tables | {"obs/kind": arrays["labels"]}, teacher="obsm/image", student="obsm/text")
    with h5py.File(path, "a") as file:
        file["obs"].attrs["_index"] = "gone"
    assert describe(path, InputSettings(labels="obs/kind")).usable
