"""Loading libraries that compute, which takes longer than finding all that is kept."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module


def load_modules(modules: Iterable[str]) -> None:
    """Load modules by their names, in one thread: several would wait for each other."""
    for module in modules:
        import_module(module)


@contextmanager
def without_pandas() -> Iterator[None]:
    """Load what imports pandas where it can and then has no use for it, as scikit-learn does.

    For a process that is the program's own: another thread could not import it meanwhile.
    """
    is_there = "pandas" in sys.modules
    if not is_there:
        sys.modules["pandas"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if not is_there:
            del sys.modules["pandas"]
