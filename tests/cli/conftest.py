import h5py
import numpy as np
import numpy.typing as npt
import pytest

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
