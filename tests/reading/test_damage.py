"""Whatever happened to the bytes of a file, the answer is a sample or one clear sentence."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from cch_audit.errors import InputError
from cch_audit.reading.describe import describe
from cch_audit.reading.load import load_sample
from cch_audit.settings import InputSettings

N = 120


@pytest.fixture(scope="module")
def sound() -> bytes:
    """Return the bytes of a file with every kind of array.

    Its strings have a fixed length: HDF5 (2.0 and before) loops forever on some damaged heaps of
    variable-length strings, where no reader can come in between.
    """
    rng = np.random.default_rng(0)
    with h5py.File("sound.h5", "w", driver="core", backing_store=False) as file:
        file.create_dataset("image", data=rng.normal(size=(N, 5)), chunks=(20, 5), compression=4)
        file["representations/text"] = rng.normal(size=(N, 4)).astype("f4")
        file["labels/codes"] = np.arange(N) % 3
        file["labels/categories"] = np.array([b"a", b"b", b"c"])
        file["labels"].attrs["encoding-type"] = np.bytes_(b"categorical")
        file["sparse/data"] = np.ones(N)
        file["sparse/indices"] = np.arange(N) % 7
        file["sparse/indptr"] = np.arange(N + 1)
        file["sparse"].attrs.update({"encoding-type": np.bytes_(b"csr_matrix"), "shape": [N, 7]})
        file["split"] = np.array([b"test"] * 80 + [b"train"] * 40)
        file["ids"] = np.arange(N).astype("S")
        file["groups"] = np.arange(N) // 2
        file["predictions/image"] = rng.random((N, 3))
        file.attrs.update(
            {"teacher": np.array([b"image", b"sparse"]), "student": np.bytes_(b"text")}
        )
        file.flush()
        return bytes(file.id.get_file_image())


def survives(path: Path, content: bytes) -> bool:
    """Return whether the file is read; fail on anything but a sample or an `InputError`."""
    path.write_bytes(content)
    is_read = True
    message = str(path)
    try:
        load_sample(path, InputSettings())
    except InputError as err:
        is_read, message = False, str(err)
    assert str(path) in message
    try:
        is_usable = describe(path, InputSettings()).usable
    except InputError:
        is_usable = False
    assert is_usable == is_read
    return is_read


def test_sound_file(sound: bytes, tmp_path: Path) -> None:
    assert survives(tmp_path / "f.h5", sound)


def test_truncated_anywhere(sound: bytes, tmp_path: Path) -> None:
    for length in np.linspace(0, len(sound) - 1, 60).astype(int):
        assert not survives(tmp_path / "f.h5", sound[:length])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_flipped_bytes(sound: bytes, tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for n_flips in (1, 1, 3, 10) * 5:
        content = np.frombuffer(sound, np.uint8).copy()
        where = rng.integers(0, len(content), n_flips)
        content[where] = rng.choice([0, 1, 127, 255, *rng.integers(0, 256, 4)], n_flips)
        survives(tmp_path / "f.h5", content.tobytes())


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_flipped_header_bytes(sound: bytes, tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Headers hold small numbers and addresses, so most zeros and ones of the file are theirs.
    headers = np.flatnonzero(np.frombuffer(sound, np.uint8) < 32)
    for _ in range(20):
        content = np.frombuffer(sound, np.uint8).copy()
        content[rng.choice(headers, 2)] = rng.integers(0, 256, 2)
        survives(tmp_path / "f.h5", content.tobytes())
