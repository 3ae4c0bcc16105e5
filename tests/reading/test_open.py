import fcntl
import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from cch_audit.errors import InputError
from cch_audit.reading.listing import array_paths
from cch_audit.reading.open import lookup, open_file, text_attribute

from .conftest import Arrays, Refuse, Write


def test_missing_file(tmp_path: Path, refuse: Refuse) -> None:
    refuse(tmp_path / "no.h5", "no.h5", "no such file", "check the path")


def test_directory(tmp_path: Path, refuse: Refuse) -> None:
    refuse(tmp_path, str(tmp_path), "directory", "HDF5 file in it")


def test_path_that_no_system_accepts(refuse: Refuse) -> None:
    refuse(Path("x" * 5000), "check the path")


def test_pipe_is_not_waited_for(tmp_path: Path, refuse: Refuse) -> None:
    os.mkfifo(tmp_path / "pipe.h5")
    refuse(tmp_path / "pipe.h5", "pipe.h5", "not a regular file")


def test_zero_bytes(tmp_path: Path, refuse: Refuse) -> None:
    path = tmp_path / "empty.h5"
    path.touch()
    refuse(path, "empty.h5", "0 bytes", "write the representations")


def test_no_dataset(tmp_path: Path, refuse: Refuse) -> None:
    with h5py.File(tmp_path / "bare.h5", "w") as file:
        file.create_group("representations")
    refuse(tmp_path / "bare.h5", "bare.h5", "no dataset", "write the representations")


def test_not_hdf5(tmp_path: Path, refuse: Refuse) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n")
    refuse(path, "table.csv", "not an HDF5 file", "h5py")


def test_truncated(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    path = write(arrays)
    path.write_bytes(path.read_bytes()[:-1000])
    refuse(path, "reps.h5", "truncated", "copy or write it again")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    path = write(arrays)
    path.chmod(0)
    refuse(path, "reps.h5", "no permission", "change its mode")


def test_locked_by_a_writer(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    path = write(arrays)
    with path.open("r+b") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        refuse(path, "reps.h5", "locked", "wait until")


def test_writer_that_never_closed(tmp_path: Path, refuse: Refuse) -> None:
    with h5py.File(tmp_path / "open.h5", "w", libver="latest") as file:
        file["image"] = np.zeros(3)
        file.flush()
        (tmp_path / "copy.h5").write_bytes((tmp_path / "open.h5").read_bytes())
    refuse(tmp_path / "copy.h5", "copy.h5", "not closed", "h5clear")


@pytest.mark.parametrize("middle", ["", "folder/"])
@pytest.mark.parametrize(
    "link", [h5py.SoftLink("/labels"), h5py.ExternalLink("other.h5", "/image")]
)
def test_links_are_not_followed(
    arrays: Arrays, write: Write, refuse: Refuse, link: object, middle: str
) -> None:
    path = write(arrays)
    with h5py.File(path, "a") as file:
        file["bridge"] = link
    name = f"bridge/{middle}x" if middle else "bridge"
    refuse(path, "reps.h5", "'bridge'", "not followed", "copy", teacher=(name,))


def test_hard_link_cycle_is_walked_once(arrays: Arrays, write: Write) -> None:
    path = write(arrays)
    with h5py.File(path, "a") as file:
        file["folder/up"] = file["/"]
        file["folder/x"] = np.zeros(3)
        file["soft"] = h5py.SoftLink("/image")
    with open_file(path, 10**9) as opened:
        found = dict(array_paths(opened))
    assert [name for name, problem in found.items() if problem is None] == [
        "folder/x",
        "image",
        "labels",
        "text",
    ]
    assert "not followed" in str(found["soft"])


def test_names_that_are_not_utf8(arrays: Arrays, write: Write) -> None:
    path = write(arrays)
    with h5py.File(path, "a") as file:
        file[b"caf\xe9"] = np.zeros(3)
    with open_file(path, 10**9) as opened:
        (name,) = {name for name, _ in array_paths(opened)} - {"image", "labels", "text"}
        assert lookup(opened, name) is not None


def test_missing_dataset_is_listed_and_guessed(
    arrays: Arrays, write: Write, refuse: Refuse
) -> None:
    refuse(
        write(arrays),
        "reps.h5",
        "no dataset 'imege' (option `teacher`)",
        "did you mean 'image'?",
        "'text'",
        teacher=("imege",),
    )


def test_guess_by_last_component(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    arrays["obs/cell_type"] = arrays["labels"]
    refuse(write(arrays), "did you mean 'obs/cell_type'?", labels="celltype")


@pytest.mark.parametrize("name", [".", "..", "image/x", "a\0b", "/", "//"])
def test_odd_paths(arrays: Arrays, write: Write, refuse: Refuse, name: str) -> None:
    refuse(write(arrays), "reps.h5", teacher=(name,))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", ("a",)),
        (np.bytes_(b"a"), ("a",)),
        (["a", "b"], ("a", "b")),
        (np.array([b"a", b"b"]), ("a", "b")),
        (h5py.Empty("S1"), ()),
    ],
)
def test_text_attribute(
    arrays: Arrays, write: Write, value: object, expected: tuple[str, ...]
) -> None:
    with open_file(write(arrays, student=value), 10**9) as opened:
        assert text_attribute(opened, "", "student") == expected


def test_attribute_that_is_no_text(arrays: Arrays, write: Write) -> None:
    with (
        open_file(write(arrays, student=7), 10**9) as opened,
        pytest.raises(InputError, match=r"attribute 'student' of '/' holds .*7.* string"),
    ):
        text_attribute(opened, "", "student")
