"""What several parts of a run make of the same array: made once, while the run is at work on it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy.typing as npt

from cch_audit.work.doing import Work

Result = TypeVar("Result")
_at_work: ContextVar[Work | None] = ContextVar("_at_work", default=None)


@contextmanager
def sharing(work: Work) -> Iterator[None]:
    """Let what this thread makes of arrays be shared with the other parts of a run."""
    token = _at_work.set(work)
    try:
        yield
    finally:
        _at_work.reset(token)


def shared(name: str, array: npt.NDArray[Any], make: Callable[[], Result]) -> Result:
    """Return what `make` makes of an array, which is changed by nobody; alone it is made now.

    Parameters
    ----------
    name : what is made of the array, and of nothing else
    array : the very array; an equal one is another
    make : computes it
    """
    work = _at_work.get()
    return make() if work is None else work.of_array(name, array, make)
