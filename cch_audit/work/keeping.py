"""A folder of results that outlives a run: safe with several processes, bounded, disposable."""

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import numpy as np

from cch_audit.work.packing import Arrays, packed, unpacked

Found = TypeVar("Found")
MOST_BYTES = 2**30
"""Of the folder; the parts that were used least recently are dropped."""
LOOKS = 16
"""A run looks how large the folder is whenever it has added one part in so many of the bound."""
LEFT = 0.9
"""Share of the bound that is left when parts are dropped."""
OLD = 24 * 3600.0
"""Seconds after which an unfinished file is nobody's."""
TAG = "CACHEDIR.TAG"
"""By this file programs that make backups know a cache (bford.info/cachedir)."""
TAG_TEXT = "Signature: 8a477f597d28d172789f06886806bc55\n# Parts of audits, kept by cch-audit.\n"
ENDING, UNFINISHED = ".npz", ".part"
OF_KEY = "key"
"""Name of the array in a file that says whose result it is."""


def default_path() -> Path | None:
    """Return the user's folder by the rules of XDG; None for a user without a home."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if named.is_absolute():  # a relative one is to be ignored
        return named / "cch-audit"
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - pathlib raises for a user without a home
    return home / ".cache" / "cch-audit" if home.is_absolute() else None


class Folder:
    """Results by their keys, in files that appear whole or not at all.

    A folder that cannot be written, or is full or damaged, only costs time: nothing is raised.
    """

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES) -> None:
        """Name a folder, which need not be there."""
        self.path, self.most_bytes = path, most_bytes
        self._added = most_bytes  # the first file that is added looks how large the folder is
        self._lock = Lock()

    def has(self, key: str) -> bool:
        """Whether there is a result of a key, which may be one that cannot be read."""
        with suppress(OSError):
            return self._place(key).exists()
        return False

    def find(self, key: str, records: Iterable[type]) -> tuple[Any] | None:
        """Return the result of a key as a tuple of one; None if there is none that can be read.

        Parameters
        ----------
        key : hexadecimal digits
        records : the dataclasses that the result may be made of
        """
        return self._read(key, lambda arrays: (unpacked(arrays, records),))

    def arrays(self, key: str) -> Arrays | None:
        """Return the result of a key as it is kept; None if there is none that can be read."""
        return self._read(key, lambda arrays: arrays)

    def _read(self, key: str, change: Callable[[Arrays], Found]) -> Found | None:
        """Return what is made of the arrays of a key; remove a file that cannot be read."""
        path = self._place(key)
        try:
            with np.load(path, allow_pickle=False) as arrays:
                found = dict(arrays)
            if str(found.pop(OF_KEY)) != key:
                raise ValueError("it is the result of another key")
            value = change(found)
        except FileNotFoundError:
            return None
        except Exception:  # whatever a damaged file makes zipfile, numpy or json say
            with suppress(OSError):
                path.unlink()
            return None
        with suppress(OSError):
            os.utime(path)  # the least recently used is dropped first
        return value

    def keep(self, key: str, value: Any) -> None:
        """Keep the result of a key, if the folder can be written."""
        self.keep_arrays(key, packed(value))

    def keep_arrays(self, key: str, arrays: Arrays) -> None:
        """Keep the result of a key as `packed` made it, if the folder can be written."""
        path = self._place(key)
        with suppress(OSError):
            self._prepare(path.parent)
            descriptor, name = tempfile.mkstemp(UNFINISHED, dir=path.parent)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    np.savez(file, **arrays, **{OF_KEY: np.array(key)})  # type: ignore[arg-type]
                    size = file.tell()
                os.replace(name, path)  # noqa: PTH105 - a whole file, or none
            except BaseException:
                with suppress(OSError):
                    os.unlink(name)  # noqa: PTH108
                raise
            self._make_room(size)

    def drop(self, key: str) -> None:
        """Remove the result of a key."""
        with suppress(OSError):
            self._place(key).unlink()

    def size(self) -> tuple[int, int]:
        """Return the number of results and their bytes."""
        sizes = [size for _, size, path in self._files() if path.suffix == ENDING]
        return len(sizes), sum(sizes)

    def clear(self) -> int:
        """Remove everything that was kept, and nothing else; return how many results it was.

        Raises
        ------
        OSError
            If the system refuses.
        """
        removed = 0
        for _, _, path in self._files():
            path.unlink(missing_ok=True)
            removed += path.suffix == ENDING
        for folder in self._folders():
            with suppress(OSError):  # another process has just put something there
                folder.rmdir()
        with suppress(OSError):
            if [entry.name for entry in self.path.iterdir()] == [TAG]:
                (self.path / TAG).unlink()
                self.path.rmdir()
        return removed

    def _place(self, key: str) -> Path:
        return self.path / key[:2] / f"{key[2:]}{ENDING}"

    def _prepare(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError), (self.path / TAG).open("x", encoding="ascii") as file:
            file.write(TAG_TEXT)
        folder.mkdir(exist_ok=True)

    def _make_room(self, size: int) -> None:
        """Drop what was used least recently where the folder has become too large."""
        with self._lock:
            self._added += size
            if self._added < self.most_bytes / LOOKS:
                return
            self._added = 0
        files = sorted(self._files(), key=lambda file: file[0])
        total, now = sum(size for _, size, _ in files), time.time()
        left = self.most_bytes if total <= self.most_bytes else LEFT * self.most_bytes
        for used, size, path in files:
            if path.suffix == UNFINISHED and now - used < OLD:
                continue
            if total > left or path.suffix == UNFINISHED:
                with suppress(OSError):
                    path.unlink()
                total -= size

    def _folders(self) -> Iterator[Path]:
        """Yield the folders that results are in: two hexadecimal digits."""
        with suppress(OSError):
            for folder in sorted(self.path.iterdir()):
                name = folder.name
                if len(name) == 2 and set(name) <= set("0123456789abcdef") and folder.is_dir():
                    yield folder

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        """Yield when each file was last used, its bytes and its path."""
        for folder in self._folders():
            with suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.endswith((ENDING, UNFINISHED)):
                        with suppress(OSError):  # another process has just removed it
                            found = entry.stat(follow_symlinks=False)
                            yield found.st_mtime, found.st_size, Path(entry.path)


class Shelf:
    """Results in memory, for a worker that cannot reach the folder of a run."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._parts: dict[str, Arrays] = {}
        self._made: dict[str, Arrays] = {}

    def put(self, parts: Mapping[str, Arrays]) -> None:
        """Add results that others made."""
        self._parts.update(parts)

    def has(self, key: str) -> bool:
        """Whether there is a result of a key."""
        return key in self._parts

    def find(self, key: str, records: Iterable[type]) -> tuple[Any] | None:
        """Return the result of a key as a tuple of one; None if there is none."""
        arrays = self._parts.get(key)
        return None if arrays is None else (unpacked(arrays, records),)

    def keep(self, key: str, value: Any) -> None:
        """Keep the result of a key."""
        self._parts[key] = self._made[key] = packed(value)

    def take_made(self, *, forget: bool = False) -> dict[str, Arrays]:
        """Return what was made here since the last time, which may be of no more use here."""
        made, self._made = self._made, {}
        for key in made if forget else ():
            self._parts.pop(key, None)
        return made


def folder_of(name: str | None) -> Folder | None:
    """Return the folder of that name; without one that of the user, or None if there is none."""
    path = Path(name) if name else default_path()
    return None if path is None else Folder(path)
