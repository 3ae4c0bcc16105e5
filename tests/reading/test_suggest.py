"""The command lines that `inspect` prints do what they say."""

import shlex
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import anndata
import h5py
import mudata
import numpy as np
import pandas as pd
import pytest

from cch_audit.reading import suggest
from cch_audit.reading.describe import FileDescription, describe
from cch_audit.reading.load import load_sample
from cch_audit.rendering import render
from cch_audit.settings import InputSettings

from .conftest import Arrays, N, Write


def cells(columns: int, seed: int) -> anndata.AnnData:
    """Return counts with what analyses leave beside them."""
    rng = np.random.default_rng(seed)
    names = [f"cell {i}" for i in range(N)]
    obs = pd.DataFrame(
        {
            "batch": pd.Categorical(np.array(["a", "b"])[np.arange(N) % 2]),
            "cell_type": pd.Categorical(np.array(["B", "T", "NK"])[np.arange(N) % 3]),
            "n_counts": np.arange(N),
        },
        index=names,
    )
    found = anndata.AnnData(rng.random((N, columns)), obs=obs)
    found.obsm["X_pca"] = rng.standard_normal((N, 6))
    found.obsm["X_umap"] = rng.standard_normal((N, 2))
    found.uns["pca"] = {"variance": np.ones(6), "method": "svd"}
    found.varm["PCs"] = rng.random((columns, 6))
    return found


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A MuData file of two modalities."""
    path = tmp_path_factory.mktemp("two") / "two modalities.h5mu"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mudata.MuData({"rna": cells(30, 0), "adt": cells(9, 1)}).write(path)
    return path


def asked(command: str, path: Path) -> InputSettings:
    """Return the settings that a command line gives, which begins with the command and the file."""
    program, _, file, *words = shlex.split(command)
    assert (program, file) == ("cch-audit", str(path))
    given: dict[str, Any] = {}
    for option, value in zip(words[::2], words[1::2], strict=True):
        name = option.removeprefix("--")
        given[name] = (*given.get(name, ()), value) if name == "teacher" else value
    return InputSettings(**given)


def test_two_modalities(two: Path) -> None:
    found = describe(two, InputSettings())
    assert found.guessed == ("teacher", "student", "labels")
    assert found.rank_command is None
    assert found.command is not None
    settings = asked(found.command, two)
    assert settings.labels == "mod/adt/obs/cell_type"
    sample = load_sample(two, settings)
    assert {*sample.teachers, sample.student_name} == {"mod/rna/obsm/X_pca", "mod/adt/obsm/X_pca"}
    again = describe(two, settings)
    assert (again.usable, again.guessed, again.command) == (True, (), found.command)


def test_labels_may_stand_in_the_table_of_all_cells(tmp_path: Path) -> None:
    path = tmp_path / "cells.h5mu"
    parts = {"rna": cells(30, 0), "adt": cells(9, 1)}
    for part in parts.values():
        part.obs = part.obs[["n_counts"]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        both = mudata.MuData(parts)
        both.obs["cell_type"] = pd.Categorical(np.array(["B", "T", "NK"])[np.arange(N) % 3])
        both.write(path)
    found = describe(path, InputSettings())
    assert found.command is not None
    settings = asked(found.command, path)
    assert settings.labels == "obs/cell_type"
    assert load_sample(path, settings).n_samples == N


def test_a_file_of_tables_is_short_unless_all_is_asked_for(two: Path) -> None:
    found = describe(two, InputSettings())
    short, long = (render(found, width=100_000, verbose=verbose) for verbose in (False, True))
    assert len(short.splitlines()) <= 25
    assert len(long.splitlines()) > 90
    assert "in obs (9) " in short
    assert "mod/rna/obsm/X_umap (400 x 2)" in short
    assert "mod/rna/varm/PCs: not used" in long
    assert "mod/rna/varm/PCs" not in short


@pytest.mark.parametrize("format", ["table", "markdown", "html", "json"])
def test_every_format_has_the_line_whole(two: Path, format: str) -> None:
    found = describe(two, InputSettings())
    assert found.command is not None
    plain = found.command.replace("'", "&#39;") if format == "html" else found.command
    assert any(plain in line for line in render(found, format, width=40).splitlines())


def test_nothing_is_said_that_the_file_says(arrays: Arrays, write: Write) -> None:
    path = write(arrays)
    found = describe(path, InputSettings())
    assert (found.command, found.rank_command) == (f"cch-audit check {path}", None)
    path = write(arrays | {"other": arrays["text"] + 1})
    found = describe(path, InputSettings())
    assert (found.command, found.rank_command) == (
        f"cch-audit check {path}",
        f"cch-audit rank {path}",
    )


def test_what_was_given_is_repeated(arrays: Arrays, write: Write) -> None:
    path = write(arrays | {"-kind of": arrays["labels"]})
    given = InputSettings(teacher=("text", "image"), labels="-kind of", window="3", transpose=False)
    found = describe(path, replace(given, independent=True))
    assert found.command == (
        f"cch-audit check {path} --teacher text --teacher image '--labels=-kind of' --window 3 "
        "--independent"
    )


def test_names_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "own.h5"
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        file["representations/audio student"] = rng.random((N, 9))
        file["representations/text"] = rng.random((N, 4))
        file["representations/image"] = rng.random((N, 5))
        file["speaker"] = np.arange(N) % 40
        file["kind"] = np.arange(N) % 3
    found = describe(path, InputSettings())
    assert found.command == (
        f"cch-audit check {path} --teacher image --student 'audio student' --labels kind"
    )
    assert found.rank_command == (f"cch-audit rank {path} --student 'audio student' --labels kind")
    assert found.rank_command is not None
    settings = asked(found.rank_command, path)
    assert set(load_sample(path, settings, every_teacher=True).teachers) == {"image", "text"}


def test_labels_alone_are_guessed(arrays: Arrays, write: Write) -> None:
    arrays["kind"] = arrays.pop("labels")
    path = write(arrays)
    found = describe(path, InputSettings())
    assert (found.command, found.guessed) == (f"cch-audit check {path} --labels kind", ("labels",))


def none(found: FileDescription) -> bool:
    return (found.command, found.rank_command, found.guessed) == (None, None, ())


def test_nothing_to_suggest(arrays: Arrays, write: Write) -> None:
    path = write({"text": arrays["text"]}, teacher="", student="")
    assert none(describe(path, InputSettings()))
    assert none(describe(write(arrays), InputSettings(labels="nope")))


def test_large_files_are_not_searched(
    arrays: Arrays, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suggest, "MOST_ARRAYS", 2)
    path = write(arrays)
    assert describe(path, InputSettings()).command == f"cch-audit check {path}"
    arrays["kind"] = arrays.pop("labels")
    assert none(describe(write(arrays), InputSettings()))
