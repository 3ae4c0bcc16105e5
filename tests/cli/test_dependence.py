"""Rows that depend on each other, through the command line."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from .process import run, run_inside

OPTIONS = ("--estimator", "ksg", "--surrogates", "0", "--resamples", "200", "--jobs", "1",
           "--format", "json", "--quiet")  # fmt: skip


def write(path: Path, teacher, student, y, **more) -> Path:
    with h5py.File(path, "w") as file:
        file["representations/t"], file["representations/s"], file["labels"] = teacher, student, y
        file.attrs["teacher"], file.attrs["student"] = "t", "s"
        for name, values in more.items():
            file[name] = values
    return path


@pytest.fixture(scope="module")
def copies(tmp_path_factory) -> Path:
    """Four near-copies of each row; the teacher knows nothing."""
    rng = np.random.default_rng(11)
    source = np.repeat(np.arange(100), 4)
    t, s = rng.normal(size=(100, 2)), rng.normal(size=(100, 2))
    y = (s[:, 0] + 0.7 * rng.normal(size=100) > 0).astype(int)
    sides = [side[source] + 0.02 * rng.normal(size=(400, 2)) for side in (t, s)]
    folder = tmp_path_factory.mktemp("dependence")
    return write(folder / "copies.h5", *sides, y[source], source=source)


@pytest.fixture(scope="module")
def series(tmp_path_factory) -> Path:
    """Autoregressions that have nothing to do with each other."""
    rng = np.random.default_rng(100)
    rows = rng.normal(size=(500, 5))
    for i in range(1, 500):
        rows[i] = 0.7 * rows[i - 1] + np.sqrt(1 - 0.7**2) * rows[i]
    folder = tmp_path_factory.mktemp("dependence")
    return write(folder / "series.h5", rows[:, :2], rows[:, 2:4], rows[:, 4])


def report(*arguments: object) -> tuple[int, dict]:
    done = run_inside({"check": ("check", *map(str, arguments), *OPTIONS)})["check"]
    return done.returncode, json.loads(done.stdout)


def test_copies_are_withheld_with_reason_and_remedy(copies):
    code, found = report(copies)
    assert code == 3
    (audit,) = found["audits"]
    assert [doubt["kind"] for doubt in audit["doubts"]] == ["near_copies", "file_order"]
    assert "withheld" in audit["levels"]["representations"]["estimators"]["ksg"]["flags"]
    assert any("--groups" in warning for warning in found["warnings"])


def test_copies_with_their_groups_are_no_information(copies):
    code, found = report(copies, "--groups", "source")
    assert code in (1, 3)  # the truth is a gap of -.28 nats
    (audit,) = found["audits"]
    shared = audit["levels"]["representations"]["estimators"]["ksg"]["teacher_student"]
    assert abs(shared["estimate"]) < 0.2
    assert audit["doubts"] == []
    assert found["input"]["n_groups"] == 100
    assert found["input"]["n_units"] == pytest.approx(100)


def test_independent_lets_the_verdict_stand_and_says_so(copies):
    code, found = report(copies, "--independent")
    assert code == 0
    assert found["settings"]["independent"] is True
    assert all(doubt["overruled"] for doubt in found["audits"][0]["doubts"])
    assert any("--independent alone" in warning for warning in found["warnings"])


def test_a_series_is_withheld_until_its_window_is_known(series):
    code, found = report(series)
    assert code == 3
    assert [doubt["kind"] for doubt in found["audits"][0]["doubts"]] == ["file_order"]
    code, found = report(series, "--window", "auto")
    assert code != 0  # both informations are zero
    assert found["audits"][0]["doubts"] == []
    assert 4 <= found["settings"]["window"] <= 14  # a tenth is left at lag 6.5
    assert any("autocorrelation" in note for note in found["input"]["notes"])


def test_the_file_may_say_its_window(series, tmp_path):
    path = tmp_path / "series.h5"
    path.write_bytes(series.read_bytes())
    with h5py.File(path, "r+") as file:
        file.attrs["window"] = 12
    _, found = report(path)
    assert found["settings"]["window"] == 12
    _, found = report(path, "--window", "0")
    assert found["settings"]["window"] == 0
    assert found["audits"][0]["doubts"] != []


@pytest.mark.parametrize("window", ["-1", "some"])
def test_a_window_is_a_number_of_rows(series, window):
    done = run("check", str(series), f"--window={window}")
    assert done.returncode == 2
    assert "must be 'auto' or a whole number of rows" in done.stderr


def test_a_wrong_window_in_the_file_is_named(series, tmp_path):
    path = tmp_path / "series.h5"
    path.write_bytes(series.read_bytes())
    with h5py.File(path, "r+") as file:
        file.attrs["window"] = "wide"
    done = run("check", str(path))
    assert done.returncode == 2
    assert "root attribute 'window' is 'wide'" in done.stderr


def test_inspect_shows_the_findings(copies):
    inspect = ("inspect", str(copies))
    done = run_inside({"text": inspect, "json": (*inspect, "--format", "json")})
    text = " ".join(done["text"].stdout.split())
    assert "WARNING: t: " in text
    assert "No verdict would be said" in text
    shown = json.loads(done["json"].stdout)
    assert [doubt["kind"] for doubt in shown["doubts"]["t"]] == ["near_copies", "file_order"]


def test_twenty_speakers_never_pass(tmp_path):
    rng = np.random.default_rng(12)
    who = np.repeat(np.arange(20), 40)
    t = rng.normal(size=(20, 4))[who] + 0.2 * rng.normal(size=(800, 4))
    s = rng.normal(size=(20, 3))[who] + 0.2 * rng.normal(size=(800, 3))
    path = write(tmp_path / "speakers.h5", t, s, who % 2, groups=who)
    code, found = report(path)
    assert code != 0
    assert any("Only 20 groups" in warning for warning in found["warnings"])


def test_one_class_in_each_group_ends_without_a_verdict(tmp_path):
    rng = np.random.default_rng(13)
    y = np.arange(240) % 2
    s = rng.normal(size=(240, 2)) + y[:, None]
    path = write(tmp_path / "pure.h5", np.c_[s, rng.normal(size=240)], s, y, groups=y)
    code, found = report(path)
    assert code == 3
    assert {"few_units", "lone_classes"} <= {d["kind"] for d in found["audits"][0]["doubts"]}
