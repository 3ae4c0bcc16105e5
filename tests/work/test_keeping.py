"""The folder: what comes back, what damage does, how large it grows, what is removed."""

import os
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from cch_audit.work.keeping import TAG, UNFINISHED, Folder, default_path, folder_of


@dataclass(frozen=True)
class Found:
    value: float
    rows: np.ndarray
    names: tuple[str, ...] = ()
    raw: float | None = None


KEY = "ab" * 20


def key(number: int) -> str:
    return f"{number:040x}"[::-1]


def keep_many(path: Path) -> int:
    folder = Folder(path)
    for number in range(30):
        folder.keep(key(number), np.full(50, float(number)))
    found = [folder.find(key(number), ()) for number in range(30)]
    return sum(one is not None and one[0][0] == number for number, one in enumerate(found))


def test_a_result_comes_back_as_it_was(tmp_path):
    folder = Folder(tmp_path / "new" / "cache")
    values = {
        "a": (0.1 + 0.2, -0.0, float("nan"), 3, True, None, "ä\udc80"),
        "found": Found(1e-300, np.arange(3.0), ("x", "y")),
    }
    folder.keep(KEY, values)
    (found,) = folder.find(KEY, [Found])
    assert repr(found) == repr(values)


def test_a_key_without_result_has_none(tmp_path):
    assert Folder(tmp_path).find(KEY, ()) is None
    assert Folder(tmp_path / "missing").find(KEY, ()) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content.replace(b"record", b"re\x00ord"),
        lambda content: b"PK\x03\x04" + bytes(200),
        lambda content: pickle.dumps(print),
    ],
    ids=["empty", "cut", "changed", "no zip", "pickle"],
)
def test_a_damaged_file_is_none_and_is_replaced(tmp_path, damage):
    folder = Folder(tmp_path)
    folder.keep(KEY, Found(1.0, np.arange(9.0)))
    (path,) = tmp_path.glob("*/*.npz")
    path.write_bytes(damage(path.read_bytes()))
    assert folder.find(KEY, [Found]) is None
    folder.keep(KEY, Found(2.0, np.arange(9.0)))
    assert folder.find(KEY, [Found])[0].value == 2.0


def test_a_result_of_another_kind_is_none(tmp_path):
    folder = Folder(tmp_path)
    folder.keep(KEY, Found(1.0, np.arange(9.0)))
    assert folder.find(KEY, ()) is None


def test_no_object_is_read_from_a_file(tmp_path):
    folder = Folder(tmp_path)
    folder.keep(KEY, 1.0)
    (path,) = tmp_path.glob("*/*.npz")
    np.savez(path, structure=np.array([print], dtype=object))
    assert folder.find(KEY, ()) is None


def test_the_least_recently_used_are_dropped(tmp_path):
    folder = Folder(tmp_path, most_bytes=20_000)
    for number in range(40):
        folder.keep(key(number), np.zeros(100))
        os.utime(folder._place(key(number)), (number, number))
        folder.find(key(0), ())
    # A run looks whenever it has added a sixteenth.
    assert folder.size()[1] <= 20_000 * (1 + 1 / 16) + 1500
    assert folder.find(key(0), ()) is not None
    assert folder.find(key(39), ()) is not None
    assert folder.find(key(1), ()) is None


def test_what_was_never_finished_is_dropped_once_it_is_old(tmp_path):
    folder = Folder(tmp_path)
    folder.keep(key(0), 1.0)
    new, old = (tmp_path / "00" / f"{name}{UNFINISHED}" for name in ("new", "old"))
    new.touch()
    old.touch()
    os.utime(old, (0, 0))
    Folder(tmp_path).keep(key(1), 1.0)
    assert (new.exists(), old.exists()) == (True, False)


def test_clearing_removes_what_was_kept_and_nothing_else(tmp_path):
    own = tmp_path / "own"
    (own / "papers").mkdir(parents=True)
    (own / "thesis.npz").touch()
    (own / "papers" / "one.npz").touch()
    folder = Folder(own)
    folder.keep(KEY, 1.0)
    assert folder.size()[0] == 1
    assert folder.clear() == 1
    assert folder.size() == (0, 0)
    assert {path.name for path in own.rglob("*.npz")} == {"thesis.npz", "one.npz"}


def test_the_result_of_another_key_is_not_taken(tmp_path):
    folder, other = Folder(tmp_path), KEY[::-1]
    folder.keep(KEY, 1.0)
    folder.keep(other, 2.0)
    folder._place(KEY).write_bytes(folder._place(other).read_bytes())
    assert folder.find(KEY, ()) is None
    assert not folder.has(KEY)
    assert folder.find(other, ()) == (2.0,)


def test_a_name_that_is_empty_is_none_given(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert folder_of("").path == folder_of(None).path == tmp_path / "cch-audit"


def test_a_folder_of_its_own_is_gone_when_it_is_cleared(tmp_path):
    folder = Folder(tmp_path / "cache")
    assert not folder.has(KEY)
    folder.keep(KEY, 1.0)
    assert folder.has(KEY)
    assert (folder.path / TAG).exists()
    folder.clear()
    assert not folder.path.exists()
    assert folder.clear() == 0


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(tmp_path):
    (tmp_path / "file").touch()
    folder = Folder(tmp_path / "file" / "cache")
    folder.keep(KEY, 1.0)
    assert folder.find(KEY, ()) is None
    assert not folder.has(KEY)
    assert folder.size() == (0, 0)
    assert not Folder(tmp_path / ("x" * 300)).has(KEY)


def test_several_processes_share_a_folder(tmp_path):
    with ProcessPoolExecutor(2) as pool:
        assert list(pool.map(keep_many, [tmp_path] * 2)) == [30, 30]
    assert Folder(tmp_path).size()[0] == 30
    assert not list(tmp_path.rglob(f"*{UNFINISHED}"))


@pytest.mark.parametrize(
    ("named", "home", "expected"),
    [
        ("/x", "/home/me", "/x/cch-audit"),
        ("", "/home/me", "/home/me/.cache/cch-audit"),
        ("relative", "/home/me", "/home/me/.cache/cch-audit"),
    ],
)
def test_the_folder_follows_the_rules_of_xdg(monkeypatch, named, home, expected):
    monkeypatch.setenv("XDG_CACHE_HOME", named)
    monkeypatch.setenv("HOME", home)
    assert default_path() == Path(expected)
