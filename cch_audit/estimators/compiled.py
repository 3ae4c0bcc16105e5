"""Compiling kernels with numba, on any machine: what is kept on disk saves time, and only that.

Where numba finds no place for its cache a kernel is compiled in every process, and where what it
finds there is damaged, stale or another machine's it is compiled again.
"""

import hashlib
import pickle
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that compiles a function when it is first called, and keeps the code."""

    def compiling(function: Callable[..., Any]) -> Any:
        dispatcher = numba.njit(nogil=True, **options)(function)
        # Numba says so with a RuntimeError where no folder can be written.
        with suppress(RuntimeError, OSError):
            dispatcher._cache = _Cache(function)
        return dispatcher

    return compiling


@cache
def _sources() -> str:
    """Return a checksum of all kernels: one is compiled into another across files."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


class _Cache(FunctionCache):  # type: ignore[misc]
    """Numba's cache of one kernel, in which nothing that goes wrong ends the run."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = _SealedFile(self._cache_path, self._impl.filename_base, _sources())

    def load_overload(self, signature: Any, target: Any) -> Any:
        """Return compiled code, or None where there is none that can be used."""
        try:
            return super().load_overload(signature, target)
        except Exception:  # whatever damaged bytes make of unpickling
            with suppress(Exception):
                self.flush()
            return None

    def save_overload(self, signature: Any, code: Any) -> None:
        """Keep compiled code where that is possible: not on a full disk or a read-only one."""
        with suppress(Exception):
            super().save_overload(signature, code)


class _SealedFile(IndexDataCacheFile):  # type: ignore[misc]
    """Numba's cache files, with a checksum: damaged machine code would crash, or worse."""

    def save(self, key: Any, code: Any) -> None:
        """Save code with what it was compiled for."""
        content = self._dump((self._index_name, key, code))
        super().save(key, (hashlib.sha256(content).digest(), content))

    def load(self, key: Any) -> Any:
        """Return the code that was saved for a key, None if there is none."""
        sealed = super().load(key)
        if sealed is None:
            return None
        checksum, content = sealed
        if hashlib.sha256(content).digest() != checksum:
            raise ValueError("the cache is damaged")
        name, saved_key, code = pickle.loads(content)
        # Machines that share a folder write files of the same name at the same time.
        return code if (name, saved_key) == (self._index_name, key) else None
