import h5py
import numpy as np
import numpy.typing as npt
import pytest

from tests.world import world

NOISE = "noise é 音 [x]"
"""A teacher that knows nothing, under a name that terminals and markup could choke on."""


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a file in which the teacher `NOISE`, the default, fails and `copy` passes."""
    path = tmp_path_factory.mktemp("input") / "pairs.h5"
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((200, 2))

    def near(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return x + 0.2 * rng.standard_normal(x.shape)

    with h5py.File(path, "w") as file:
        file["representations/body"] = near(shared)
        file["representations/copy"] = near(shared)
        file[f"representations/{NOISE}"] = rng.standard_normal((200, 2))
        file["labels"] = near(shared[:, 0])
        file.attrs["teacher"] = NOISE
        file.attrs["student"] = "body"
    return str(path)


@pytest.fixture(scope="session")
def lessons(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a file of numbers with predictions for each teacher, and all kinds of outcomes.

    Teachers and what they say about the labels: `clear` the part that the student can know, so it
    helps; `same` the labels, which changes nothing; `wrong` the opposite of `clear`, so it hurts.
    These three pass on representations. `far` says the same as `clear`, and fails there.
    """
    path = tmp_path_factory.mktemp("input") / "lessons.h5"
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 6))
    known = 1.5 * x.mean(axis=1, keepdims=True) * np.sqrt(6)
    labels = known + rng.standard_normal(known.shape)
    said = {"clear": known, "same": labels, "wrong": -known, "far": known}
    with h5py.File(path, "w") as file:
        for name, predictions in said.items():
            near = x + 0.1 * rng.standard_normal(x.shape)
            far = rng.standard_normal((len(x), 2))
            file[f"representations/{name}"] = far if name == "far" else near
            file[f"predictions/{name}"] = predictions
        file["representations/student"] = x
        file["labels"] = labels[:, 0]
        file.attrs["student"] = "student"
    return str(path)


@pytest.fixture(scope="session")
def constructed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a file with the constructed world; the root attribute names no teacher."""
    path = tmp_path_factory.mktemp("input") / "world.h5"
    sample = world(10_000)
    with h5py.File(path, "w") as file:
        for name, values in {**sample.teachers, "student": sample.student}.items():
            file[f"representations/{name}"] = values
        file["labels"] = sample.labels.values
        file.attrs["student"] = "student"
    return str(path)
