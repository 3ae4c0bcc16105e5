import h5py
import numpy as np
import pytest

from cch_audit.errors import InputError
from cch_audit.reading.load import load_sample
from cch_audit.settings import InputSettings
from cch_audit.simulation import families, write
from cch_audit.simulation.truths import gaussian_truths
from cch_audit.simulation.world import world
from cch_audit.simulation.write import write_sample


@pytest.fixture(scope="module")
def gaussian():
    model = families.exact(0.5, 0.6, 3, 4, np.random.default_rng(0))
    return model, model.sample(400, np.random.default_rng(1))


def test_a_gaussian_is_read_back(gaussian, tmp_path):
    model, sample = gaussian
    path = tmp_path / "gaussian.h5"
    truths = gaussian_truths(model, 100)
    write_sample(sample, truths, path)
    read = load_sample(path, InputSettings())
    np.testing.assert_array_equal(read.student, sample.student)
    np.testing.assert_array_equal(read.teachers["teacher"], sample.teachers["teacher"])
    np.testing.assert_array_equal(read.labels.values, sample.labels.values)
    np.testing.assert_array_equal(read.predictions["teacher"], sample.predictions["teacher"])
    assert read.labels.kind == "continuous"
    assert (read.student_name, read.labels_name) == ("student", "labels")
    assert not read.source.warnings
    with h5py.File(path) as file:
        assert {name: file.attrs[name] for name in truths} == truths


def test_a_world_is_read_back_with_all_its_teachers(tmp_path):
    sample = world(400, np.random.default_rng(1))
    path = tmp_path / "world.h5"
    write_sample(sample, {"title": "a world"}, path)
    read = load_sample(path, InputSettings())
    assert list(read.teachers) == list(sample.teachers)
    for name, x in sample.teachers.items():
        np.testing.assert_array_equal(read.teachers[name], x)
    np.testing.assert_array_equal(read.labels.values, sample.labels.values)
    assert read.labels.class_names == ("0", "1")
    with h5py.File(path) as file:
        assert dict(file.attrs) == {
            "teacher": "good,copy,weak,nuisance",
            "student": "student",
            "labels": "labels",
            "task": "classification",
            "title": "a world",
        }


def test_the_same_sample_gives_the_same_bytes(gaussian, tmp_path):
    for name in ("a.h5", "b.h5"):
        write_sample(gaussian[1], {"truth_g": 0.2}, tmp_path / name)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_a_file_is_replaced_only_by_force(gaussian, tmp_path):
    path = tmp_path / "out.h5"
    path.write_text("precious")
    with pytest.raises(InputError, match="exists already; add `force`"):
        write_sample(gaussian[1], {}, path)
    assert path.read_text() == "precious"
    write_sample(gaussian[1], {}, path, force=True)
    assert h5py.is_hdf5(path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(gaussian, tmp_path):
    (tmp_path / "link.h5").symlink_to("real.h5")
    (tmp_path / "real.h5").touch()
    write_sample(gaussian[1], {}, tmp_path / "link.h5", force=True)
    assert (tmp_path / "link.h5").is_symlink()
    assert h5py.is_hdf5(tmp_path / "real.h5")


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, OSError(28, "No space left")])
def test_nothing_half_written_is_left(gaussian, tmp_path, monkeypatch, error):
    def fill(file, sample, attributes):
        file["representations/x"] = np.zeros((1000, 4))
        raise error

    path = tmp_path / "out.h5"
    path.write_text("old")
    monkeypatch.setattr(write, "_fill", fill)
    expected = InputError if isinstance(error, OSError) else error
    with pytest.raises(expected):
        write_sample(gaussian[1], {}, path, force=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.h5"]
    assert path.read_text() == "old"


def test_a_missing_folder_is_refused(gaussian, tmp_path):
    with pytest.raises(InputError, match="none does not exist; create it first"):
        write_sample(gaussian[1], {}, tmp_path / "none" / "out.h5")
