"""Small HDF5 files, sound and hostile, built in the tests."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cch_audit.errors import InputError
from cch_audit.reading.load import load_sample
from cch_audit.settings import InputSettings

N = 400
Arrays = dict[str, Any]
Write = Callable[..., Path]
Refuse = Callable[..., str]


@pytest.fixture
def arrays() -> Arrays:
    """Two representations and labels that pass every check."""
    rng = np.random.default_rng(0)
    return {
        "image": rng.normal(size=(N, 5)).astype(np.float32),
        "text": rng.normal(size=(N, 4)),
        "labels": np.arange(N) % 4,
    }


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes arrays and root attributes to a file."""

    def write_file(datasets: Mapping[str, Any], name: str = "reps.h5", **attributes: Any) -> Path:
        path = tmp_path / name
        with h5py.File(path, "w") as file:
            for key, value in datasets.items():
                file[key] = value
            file.attrs.update({"teacher": "image", "student": "text"} | attributes)
        return path

    return write_file


@pytest.fixture
def refuse() -> Refuse:
    """Return a function that expects a refusal with some words in it, and returns the sentence."""

    def expect(path: Path, *words: str, **settings: Any) -> str:
        with pytest.raises(InputError) as caught:
            load_sample(path, InputSettings(**settings))
        message = str(caught.value)
        for word in words:
            assert word in message
        assert "\n" not in message
        return message

    return expect
