"""Sources on the command line: packed into one file, or audited as they are."""

import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from .process import QUICK, run

N = 240


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a teacher, a student and a table of labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=N)
    student = np.eye(3)[labels] + rng.standard_normal((N, 3))
    np.save(tmp_path / "text.npy", (student + 0.3 * rng.standard_normal((N, 3))).astype("f4"))
    np.savez(tmp_path / "r.npz", audio=student[::-1], id=[f"r{i}" for i in range(N)][::-1])
    table = {"id": [f"r{i}" for i in range(N)], "label": labels, "speaker": np.arange(N) % 24}
    pd.DataFrame(table).to_csv(tmp_path / "y.csv", index=False)
    return tmp_path


ROLES = ("--labels", "y.csv:label", "--groups", "y.csv:speaker", "--ids", "y.csv:id")
PACK = ("pack", "out.h5", "text=text.npy", "audio=r.npz:audio", *ROLES)


def test_what_was_packed_is_printed_with_the_next_command(folder: Path) -> None:
    done = run(*PACK, cwd=folder)
    assert done.returncode == 0
    *lines, command = done.stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["representations/text", "(240,", "3)", "float32", "from", "text.npy"],
        ["representations/audio", "(240,", "3)", "float64", "from", "r.npz:", "array", "'audio'"],
        ["labels", "(240,)", "int64", "from", "y.csv:", "column", "'label'"],
        ["groups", "(240,)", "int64", "from", "y.csv:", "column", "'speaker'"],
        ["ids", "(240,)", "text", "from", "y.csv:", "column", "'id'"],
    ]
    assert command == "cch-audit check out.h5 --teacher text --student audio"
    assert "Rows were joined by id; 240 are in all of" in done.stderr
    again = run(*PACK, cwd=folder)
    assert (again.returncode, again.stdout) == (2, "")
    assert "out.h5: exists already; add --force" in again.stderr
    named = run(*PACK, "--teacher", "text", "--student", "audio", "--force", cwd=folder)
    assert named.stdout.splitlines()[-1] == "cch-audit check out.h5"
    with h5py.File(folder / "out.h5") as file:
        assert file.attrs["teacher"] == "text"


@pytest.mark.slow
def test_sources_are_audited_as_the_packed_file_is(folder: Path) -> None:
    run(*PACK, "--teacher", "text", "--student", "audio", cwd=folder)
    asked = ("--teacher", "text.npy", "--student", "audio=r.npz:audio", *ROLES)
    reports = [
        json.loads(run("check", *given, *QUICK, "--format", "json", cwd=folder).stdout)
        for given in (["out.h5"], asked)
    ]
    of_file, direct = reports
    assert direct["audits"] == of_file["audits"]
    assert direct["input"]["sha256"] == of_file["input"]["sha256"]
    assert direct["input"]["path"] == "text.npy, r.npz:audio, y.csv:label, y.csv:speaker, y.csv:id"


@pytest.mark.slow
@pytest.mark.parametrize("command", ["check", "rank", "confirm", "sweep --noise 0,1"])
def test_every_command_takes_sources(command: str, folder: Path) -> None:
    asked = ("--teacher", "text.npy", "--student", "r.npz:audio", "--labels", "y.csv:label")
    refused = run(*command.split(), *asked, *QUICK, cwd=folder)
    assert "add --ids r.npz:id to join them by it" in refused.stderr
    done = run(*command.split(), *asked, "--ids", "y.csv:id", *QUICK, cwd=folder)
    assert done.returncode in (0, 1, 3)
    assert "text.npy, r.npz:audio, y.csv:label" in done.stdout


@pytest.mark.slow
def test_no_output_is_a_source(folder: Path) -> None:
    asked = ("--teacher", "text.npy", "--student", "r.npz:audio", "--labels", "y.csv:label")
    done = run("check", *asked, "--output", "text.npy", cwd=folder)
    assert done.returncode == 2
    assert "text.npy: is the file text.npy that is read" in done.stderr
