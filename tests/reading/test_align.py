import numpy as np
import pytest

from cch_audit.reading.load import load_sample
from cch_audit.settings import InputSettings

from .conftest import Arrays, N, Refuse, Write


def test_lengths_that_differ(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    arrays["image"] = arrays["image"][:-1]
    refuse(write(arrays), "'image'", "399 rows", "'text'", "400", "one row for each sample")


@pytest.mark.parametrize("as_integers", [False, True])
def test_two_files_are_joined_by_id(arrays: Arrays, write: Write, as_integers: bool) -> None:
    rng = np.random.default_rng(1)
    ids = np.arange(N)
    order = rng.permutation(N)[:-50]
    image = arrays.pop("image")
    student = write(arrays | {"ids": ids.astype("S")})
    other = ids[order] if as_integers else ids[order].astype("S")
    teacher = write({"image": image[order], "ids": other}, name="teacher.h5")
    sample = load_sample(student, InputSettings(teacher_file=str(teacher)))
    kept = np.sort(order)
    np.testing.assert_array_equal(sample.student, arrays["text"][kept])
    np.testing.assert_array_equal(sample.teachers["image"], image[kept])
    np.testing.assert_array_equal(sample.labels.values, arrays["labels"][kept])
    assert sample.source.teacher_path == str(teacher)
    assert sample.source.teacher_sha256 not in (None, sample.source.sha256)
    assert sample.source.n_rows == 350
    (note,) = sample.source.notes
    assert "joined by id; 350 are in all of" in note
    assert "(400 rows, 50 left out)" in note
    assert "(350 rows, 0 left out)" in note


def test_two_files_without_ids(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    student = write(arrays)
    teacher = write({"image": arrays["image"]}, name="teacher.h5")
    refuse(student, "rows have no ids", "add a dataset 'ids'", "`ids`", teacher_file=str(teacher))
    student = write(arrays | {"ids": np.arange(N)})
    refuse(student, "teacher.h5", "no ids", teacher_file=str(teacher))


def test_the_same_file_twice_needs_no_ids(arrays: Arrays, write: Write) -> None:
    path = write(arrays)
    twin = path.with_name("link.h5")
    twin.symlink_to(path)
    sample = load_sample(path, InputSettings(teacher_file=str(twin)))
    assert sample.source.teacher_path is None


def test_ids_of_another_name(arrays: Arrays, write: Write) -> None:
    student = write(arrays | {"key": np.arange(N)})
    teacher = write({"image": arrays["image"], "ids": np.arange(N)}, name="teacher.h5")
    sample = load_sample(student, InputSettings(ids="/key", teacher_file=str(teacher)))
    assert sample.n_samples == N


def test_ids_that_no_file_has(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    refuse(write(arrays), "no dataset 'key' (option `ids`)", ids="key")


def test_repeated_ids(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    ids = np.arange(N)
    ids[[3, 7]] = 0
    refuse(
        write(arrays | {"ids": ids}), "'ids'", "repeats an earlier id in 2 of 400", "'0'", "unique"
    )


def test_no_shared_id(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    student = write(arrays | {"ids": np.arange(N)})
    teacher = write({"image": arrays["image"], "ids": np.arange(N) + N}, name="teacher.h5")
    refuse(student, "no id is in all of", "'0', '400'", "same ids", teacher_file=str(teacher))


def test_ids_of_another_length(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    refuse(write(arrays | {"ids": np.arange(N - 1)}), "'ids'", "399 ids", "400 rows", "one id")


def test_ids_that_are_not_names(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    refuse(write(arrays | {"ids": np.arange(float(N))}), "'ids'", "floating-point", "integers")
