"""Shell completion, as the console script offers it."""

import time
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from cch_audit.cli import app
from cch_audit.columns import COLUMNS
from cch_audit.commands.completing import SECONDS, dataset_names

from .process import Finished, run_driver

SCRIPT = """
import sys
sys.argv[0] = "cch-audit"
from cch_audit.cli import main
main()
"""


def completed(words: str) -> list[str]:
    """Return what bash would be offered for the last word of a command line."""
    env = {
        "_CCH_AUDIT_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    done = run_driver(SCRIPT, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_commands() -> None:
    offered = set(completed("cch-audit "))
    assert offered == {command.name for command in app.registered_commands}
    assert {"check", "confirm", "rank", "sweep", "evidence", "simulate"} <= offered


def test_options() -> None:
    assert completed("cch-audit check --form") == ["--format"]


@pytest.mark.slow
def test_choices() -> None:
    formats = ["table", "json", "markdown", "html", "junit", "github", "csv", "names"]
    assert completed("cch-audit check --format ") == formats
    assert completed("cch-audit inspect --format ") == formats[:4]
    assert completed("cch-audit evidence --format ") == formats[:4]
    assert completed("cch-audit simulate --kind ") == ["gaussian", "world", "classpaired"]
    assert set(completed("cch-audit rank --by ")) == set(COLUMNS)
    assert set(completed("cch-audit check --estimator ")) == {"ksg", "mine", "lmi", "gaussian"}


def test_a_settings_file_is_not_read_for_completion() -> None:
    assert completed("cch-audit check --config missing.yaml --form") == ["--format"]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the plain layout with a table beside it, and with names that no shell takes."""
    path = tmp_path_factory.mktemp("completion") / "reps.h5"
    with h5py.File(path, "w") as out:
        for name in ("audio", "image.layer.3", "image.pool", "with blanks", "with\nnewline"):
            out[f"representations/{name}"] = np.zeros((4, 2))
        out["labels"] = out["speaker"] = out["ids"] = np.arange(4)
        out["mod/rna/obsm/X_pca"] = np.zeros((4, 2))
        out["mod/rna/obs/kind"] = np.arange(4)
        out["hollow"] = h5py.SoftLink("/gone")
    return path


def test_datasets_of_the_file(file: Path) -> None:
    offered = completed(f"cch-audit check {file} --teacher a --teacher im")
    assert offered == ["image.layer.3", "image.pool"]


@pytest.mark.slow
def test_datasets_for_every_role(file: Path) -> None:
    vectors = ["ids", "labels", "mod/rna/obs/kind", "speaker"]
    features = ["audio", "image.layer.3", "image.pool"]
    for words, offered in {
        f"check {file} --teacher ": ["mod/rna/obsm/X_pca", *features],
        f"rank {file} --student im": ["image.layer.3", "image.pool"],
        f"check {file} --teacher representations/a": ["representations/audio"],
        f"confirm --labels labels {file} --teacher audio --teacher image.l": ["image.layer.3"],
        f"check --student audio {file} --labels ": vectors,
        f"inspect {file} --groups sp": ["speaker"],
        f"sweep {file} --ids ": vectors,
        f"check {file} --split mod/": ["mod/rna/obs/kind"],
        f"check {file} --rows ": [],
        f"check nothing.h5 --teacher-file {file} --teacher au": ["audio"],
    }.items():
        assert completed(f"cch-audit {words}") == offered, words


def test_no_datasets_without_a_file() -> None:
    assert completed("cch-audit check --teacher ") == []


@pytest.mark.slow
def test_no_datasets_of_what_cannot_be_read(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.h5"
    damaged.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    for words in (
        "check missing.h5 --teacher ",
        f"rank {tmp_path} --labels ",
        f"check {damaged} --student ",
        "check --teacher-file no.h5 --teacher ",
    ):
        assert completed(f"cch-audit {words}") == []


@pytest.mark.slow
def test_a_file_of_very_many_datasets_is_left_in_time(tmp_path: Path) -> None:
    path = tmp_path / "many.h5"
    with h5py.File(path, "w") as out:
        for i in range(20_000):
            out.create_dataset(f"representations/layer{i}", data=np.zeros((2, 2)))
    context = SimpleNamespace(params={"file": str(path)}, args=[])
    complete = dataset_names("teacher")
    assert complete is not None
    begin = time.monotonic()
    assert len(complete(context, "")) > 10  # type: ignore[arg-type]
    assert time.monotonic() - begin < 4 * SECONDS


def shown(*arguments: str, **env: str) -> Finished:
    return run_driver(SCRIPT, *arguments, env=env)


def test_the_scripts_that_shells_load() -> None:
    # Which shell runs the tests must not matter.
    named = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    for shell, hook in {"bash": "complete ", "zsh": "compdef ", "fish": "complete "}.items():
        done = shown("--show-completion", shell, **named)
        assert done.returncode == 0
        assert hook in done.stdout
        assert "_CCH_AUDIT_COMPLETE" in done.stdout
