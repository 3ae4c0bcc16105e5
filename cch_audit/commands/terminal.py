"""The process's surroundings: where a report goes, what the terminal can show, progress."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from cch_audit.commands.ending import say
from cch_audit.errors import InputError, OutputError
from cch_audit.results.files import replace_file

EVERY = 60.0
"""Seconds between two lines that say how far the program is."""
FILE_WIDTH = 100_000
"""Columns assumed in a pipe or a file: no identifier may be folded there."""


def abilities(stream: TextIO | None) -> dict[str, Any]:
    """Return width, color and unicode of a stream, or of a file that will be UTF-8 (None)."""
    is_terminal = stream is not None and stream.isatty()
    color = is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    width = shutil.get_terminal_size().columns if is_terminal else FILE_WIDTH
    return {"width": width, "color": color, "unicode": shows_unicode(stream)}


def shows_unicode(stream: TextIO | None) -> bool:
    """Whether a stream's encoding has every character; a closed stream shows nothing."""
    return stream is None or (stream.encoding or "ascii").lower().replace("-", "").startswith("utf")


def check_output(
    path: str | None, option: str = "--output", inputs: Iterable[str | os.PathLike[str]] = ()
) -> None:
    """Refuse, before any work is done, an output file that cannot be written or is an input.

    Parameters
    ----------
    path : None for standard output
    option : what named it
    inputs : files that are read, which no output may replace

    Raises
    ------
    InputError
        If the path is a folder, a file that may not be written, or one of the inputs by whatever
        name, or its folder is missing or may not be written to, or its name is too long.
    """
    if path is None:
        return
    try:
        target = Path(path).resolve()
        target.exists()
    except (OSError, ValueError, RuntimeError) as err:
        reason = getattr(err, "strerror", None) or err
        raise InputError(f"{path}: cannot be used ({reason}); give {option} another name") from err
    for file in inputs:
        if target.exists() and Path(file).exists() and target.samefile(file):
            raise InputError(
                f"{path}: is the file {file} that is read; give {option} another name, or the "
                "report would replace it"
            )
    if target.is_dir():
        raise InputError(f"{path}: is a folder; give {option} a file name")
    if target.exists() and not target.is_file():
        raise InputError(f"{path}: is no regular file; give {option} the name of one")
    if target.parent.exists() and not target.parent.is_dir():
        raise InputError(f"{path}: {target.parent} is no folder; give {option} another name")
    if not target.parent.is_dir():
        raise InputError(f"{path}: the folder {target.parent} does not exist; create it first")
    if target.exists() and not (target.stat().st_mode & 0o222 and os.access(target, os.W_OK)):
        raise InputError(f"{path}: is write-protected; give {option} another name")
    try:  # some file systems refuse what permissions allow
        tempfile.TemporaryFile(dir=target.parent).close()
    except OSError as err:
        raise InputError(f"{path}: the folder {target.parent} cannot be written to") from err


def write(report: str | bytes, path: str | None) -> None:
    """Write a finished report to standard output, or to a file that appears whole or not at all.

    Raises
    ------
    OutputError
        If the system refuses, for example because the disk is full.
    """
    content = report.encode("utf-8") if isinstance(report, str) else report
    try:
        if path is None:
            sys.stdout.buffer.write(content)
            sys.stdout.flush()
        else:
            replace_file(Path(path), content)
    except (OSError, AttributeError) as err:
        # A closed standard output has no buffer.
        reason = getattr(err, "strerror", None) or "it is closed"
        raise OutputError(f"{path or 'standard output'}: cannot be written ({reason})") from err


def append(text: str, path: str) -> None:
    """Write at the end of a file that others write too.

    Raises
    ------
    OutputError
        If the system refuses.
    """
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as err:
        raise OutputError(f"{path}: cannot be written ({err.strerror or err})") from err


def _minutes() -> Callable[[str, float], None]:
    """Return what says on standard error, once a minute, how far the program is."""
    started = last = time.monotonic()

    def tell(what: str, share: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= EVERY:
            last = now
            say(f"{share:.0%} after {(now - started) / 60:.0f} min: {what}")

    return tell


@contextmanager
def progress_bar(wanted: bool) -> Iterator[Callable[[str, float], None]]:
    """Yield a function to tell what is running and what share is done.

    It draws a bar on a terminal, and elsewhere says a line a minute.
    """
    if not wanted or sys.stderr is None:
        yield lambda what, share: None
        return
    if not sys.stderr.isatty():
        yield _minutes()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}", markup=False), BarColumn())
    times = (TimeElapsedColumn(), TextColumn("elapsed,"), TimeRemainingColumn(), TextColumn("left"))
    with Progress(*columns, *times, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=1.0)
        yield lambda what, share: bar.update(task, description=what, completed=share)
