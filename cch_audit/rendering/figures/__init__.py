"""Figures of reports, drawn with matplotlib (the extra `report`), which is loaded here first."""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _loading() -> Iterator[None]:
    """Let matplotlib do without a folder for its list of fonts, and without a word, if need be.

    A temporary one would be left behind, and may be as impossible.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    make = tempfile.mkdtemp
    nowhere = f"{os.devnull}/none"
    tempfile.mkdtemp = lambda *arguments, **options: nowhere  # type: ignore[assignment]
    try:
        yield
    finally:
        tempfile.mkdtemp = make


with _loading():
    import matplotlib.figure  # noqa: F401
