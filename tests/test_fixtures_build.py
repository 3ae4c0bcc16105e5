"""The committed fixtures: complete, small, and what their recipes build."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "fixtures"
FILES = sorted(FOLDER.glob("*.h5"))
RAW = ("diabetes", "breast_cancer", "gaussian_pass", "gaussian_fail")
TRAINED = ("digits_halves", "classpaired")


def load_gaussian():
    """Load the Gaussian family, which needs numpy alone, from its path."""
    spec = importlib.util.spec_from_file_location("gaussian", FOLDER / "recipes" / "gaussian.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_build(*arguments):
    return subprocess.run(
        [sys.executable, FOLDER / "build.py", *arguments], capture_output=True, text=True
    )


def datasets(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
            )
        )
    return found


def attributes(path):
    with h5py.File(path) as file:
        return dict(file.attrs)


def assert_same(built, committed, atol):
    new, old = datasets(built), datasets(committed)
    assert new.keys() == old.keys()
    for name, values in old.items():
        assert new[name].dtype == values.dtype
        if values.dtype.kind == "f":
            np.testing.assert_allclose(new[name], values, rtol=1e-6, atol=atol, err_msg=name)
        else:
            np.testing.assert_array_equal(new[name], values, err_msg=name)
    new_attributes, old_attributes = attributes(built), attributes(committed)
    assert new_attributes.keys() == old_attributes.keys()
    for name, value in old_attributes.items():
        assert new_attributes[name] == (value if isinstance(value, str) else pytest.approx(value))


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory):
    """Rebuild, in one process, every file that needs no download."""
    out = tmp_path_factory.mktemp("fixtures")
    done = run_build(*RAW, *TRAINED, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.slow
@pytest.mark.parametrize("name", RAW)
def test_rebuild_gives_the_committed_data(rebuilt, name):
    # standardised columns have a scale of 1: float32 rounding is below 1e-6
    assert_same(rebuilt / f"{name}.h5", FOLDER / f"{name}.h5", atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_retraining_gives_nearly_the_committed_data(rebuilt, name):
    # training is in float64, but another machine sums in another order; columns spread over +-10
    assert_same(rebuilt / f"{name}.h5", FOLDER / f"{name}.h5", atol=0.05)


@pytest.mark.slow
def test_rebuild_gives_the_same_bytes(rebuilt, tmp_path):
    assert run_build("diabetes", "--out", tmp_path).returncode == 0
    assert (tmp_path / "diabetes.h5").read_bytes() == (rebuilt / "diabetes.h5").read_bytes()


def test_unknown_name_is_a_usage_error(tmp_path):
    done = run_build("nothing", "--out", tmp_path)
    assert done.returncode == 2
    assert "no recipe nothing" in done.stderr


def test_a_missing_source_says_what_is_needed(tmp_path):
    done = run_build("crema_d", "--out", tmp_path)
    assert done.returncode == 1
    assert "tabulatedVotes.csv.gz" in done.stderr
    assert "--source" in done.stderr
    assert not list(tmp_path.iterdir())


def test_all_files_are_there_and_small():
    assert {path.stem for path in FILES} == {*RAW, *TRAINED, "mfeat_views", "miniacc"}
    assert sum(path.stat().st_size for path in FILES) < 5_000_000


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_file_is_complete(path):
    attrs, data = attributes(path), datasets(path)
    for name in ("title", "source", "licence", "recipe"):
        assert attrs[name].strip()
    n_samples = len(data[attrs["labels"]])
    assert all(len(values) == n_samples for values in data.values())
    for role in ("teacher", "student"):
        assert f"representations/{attrs[role]}" in data
    for name, values in data.items():
        if name.startswith("representations/"):
            assert values.dtype == np.float32
            assert values.ndim == 2
            assert (values.std(axis=0) > 0).all()
        if values.dtype.kind == "f":
            assert np.isfinite(values).all()
        assert values.dtype.kind in "fiS"  # nothing of variable length
    if attrs["task"] == "classification":
        assert np.unique(data["labels"], return_counts=True)[1].min() >= 10
    else:
        assert data["labels"].dtype.kind == "f"
    if "ids" in data:
        assert len(np.unique(data["ids"])) == n_samples


def test_classpaired_rows_come_from_disjoint_images():
    single, paired = (datasets(FOLDER / f"{name}.h5") for name in TRAINED)
    rows = {}
    for side in ("left", "right"):
        known = {row.tobytes(): i for i, row in enumerate(single[f"representations/{side}"])}
        rows[side] = [known[row.tobytes()] for row in paired[f"representations/{side}"]]
        np.testing.assert_array_equal(single["labels"][rows[side]], paired["labels"])
    everything = rows["left"] + rows["right"]
    assert len(set(everything)) == len(everything)


def test_digits_predictions_are_log_probabilities():
    data = datasets(FOLDER / "digits_halves.h5")
    for side in ("left", "right"):
        scores = data[f"predictions/{side}"].astype(float)
        np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, atol=1e-5)
        assert (scores.argmax(axis=1) == data["labels"]).mean() > 0.75


@pytest.mark.parametrize(("name", "sign"), [("gaussian_pass", 1), ("gaussian_fail", -1)])
def test_gaussian_files_have_a_visible_gap_at_both_levels(name, sign):
    attrs = attributes(FOLDER / f"{name}.h5")
    for level in ("truth", "truth_predictions"):
        gap = attrs[f"{level}_teacher_student"] - attrs[f"{level}_student_labels"]
        assert sign * gap > 0.25


@pytest.mark.parametrize("k", [0.5, 1.0, 2.0, -0.7])
@pytest.mark.parametrize(("p1", "p2"), [(4, 4), (1, 3)])
def test_gaussian_truths_agree_with_the_sample(k, p1, p2):
    sample = load_gaussian().gaussian(k, 200_000, seed=3, p1=p1, p2=p2)

    def information(left, right):
        """Informations of Gaussian blocks from the canonical correlations of the sample."""
        left, right = (np.linalg.qr(b - b.mean(axis=0))[0] for b in (left, right))
        correlations = np.linalg.svd(left.T @ right, compute_uv=False)
        return -0.5 * np.log(1 - correlations**2).sum()

    def prediction(x):
        return (x @ np.linalg.lstsq(x, sample.y, rcond=None)[0])[:, None]

    # standard error of log(1 - r^2) / 2 is r / sqrt(n) < .0023; least squares adds less
    y, truths = sample.y[:, None], sample.truths
    teacher, student = prediction(sample.x1), prediction(sample.x2)
    estimates = {
        "truth_teacher_student": information(sample.x1, sample.x2),
        "truth_student_labels": information(sample.x2, y),
        "truth_predictions_teacher_student": information(teacher, student),
        "truth_predictions_student_labels": information(student, y),
    }
    assert estimates == pytest.approx(truths, abs=0.01)
    assert truths["truth_teacher_student"] == pytest.approx(np.log1p(2 / k**2) / 2)
    assert truths["truth_student_labels"] == pytest.approx(np.log(3) / 2)
    np.testing.assert_allclose(student[:, 0], sample.s, atol=0.03)  # least squares finds s
    assert abs(np.corrcoef(teacher[:, 0], sample.t)[0, 1]) > 0.999


def test_gaussian_covariance_is_that_of_the_rows():
    sample = load_gaussian().gaussian(0.5, 200_000, seed=4)
    rows = np.column_stack([sample.x1, sample.x2, sample.y, sample.t, sample.s])
    # standard error of a covariance of unit variances is at most sqrt(2 / n) = .0032
    np.testing.assert_allclose(np.cov(rows.T), sample.covariance, atol=0.015)


def test_gaussian_refuses_infinite_information():
    with pytest.raises(ValueError, match="infinite"):
        load_gaussian().gaussian(0, 10, seed=0)
