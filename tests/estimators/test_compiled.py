"""Kernels are compiled whatever has become of the code that was kept."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numba
import pytest

from cch_audit.estimators.compiled import kernel


def double(x: float) -> float:
    return 2 * x


def triple(x: float) -> float:
    return 3 * x


@pytest.fixture
def cache_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    numba.config.reload_config()
    return tmp_path


def from_cache(function: Callable[[float], float]) -> bool:
    """Compile, call and return whether the code was one that was kept."""
    compiled = kernel()(function)
    assert compiled(2.0) == function(2.0)
    return bool(compiled.stats.cache_hits)


def only(cache_dir: Path, pattern: str) -> Path:
    (path,) = cache_dir.rglob(pattern)
    return path


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for place in range(len(content) // 2, len(content), 50):
        content[place] ^= 255
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


DAMAGES: dict[str, Callable[[Path], object]] = {
    "emptied": lambda path: path.write_bytes(b""),
    "cut": cut,
    "flipped": flip,
    "text": lambda path: path.write_text("no code\n"),
    "another object": lambda path: path.write_bytes(pickle.dumps([1, 2, 3])),
    "huge": lambda path: path.write_bytes(b"\x80\x05\x8e" + b"\xff" * 8),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("pattern", ["*double*.nbi", "*double*.nbc"])
def test_what_is_damaged_is_compiled_again(cache_dir: Path, pattern: str, damage: str) -> None:
    assert not from_cache(double)
    assert from_cache(double)
    DAMAGES[damage](only(cache_dir, pattern))
    assert not from_cache(double)
    assert from_cache(double)


def test_a_folder_in_the_place_of_a_file_is_no_obstacle(cache_dir: Path) -> None:
    from_cache(double)
    index = only(cache_dir, "*double*.nbi")
    index.unlink()
    index.mkdir()
    assert not from_cache(double)


def test_the_code_of_another_kernel_is_not_used(cache_dir: Path) -> None:
    from_cache(double)
    from_cache(triple)
    only(cache_dir, "*double*.nbc").write_bytes(only(cache_dir, "*triple*.nbc").read_bytes())
    assert not from_cache(double)
    assert from_cache(double)


def test_a_full_disk_is_no_obstacle(cache_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, path: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile._open_for_write", full)
    assert not from_cache(double)
    assert list(cache_dir.rglob("*.nb*")) == []


def test_no_place_for_a_cache_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numba.core.caching.CacheImpl._locator_classes", [])
    assert not from_cache(double)
    assert not from_cache(double)
