"""What the shell offers for options that name a dataset: those of the FILE on the command line."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer

SECONDS = 0.5
"""After which no more of a file is looked at."""
MOST_BYTES = 2**30
"""Of a dataset; none is read here."""
REPRESENTATIONS = ("teacher", "student")
COLUMNS = ("labels", "groups", "ids", "split")
Completion = Callable[[typer.Context, str], list[str]]


def dataset_names(setting: str) -> Completion | None:
    """Return what completes the option of a setting; None if it names no dataset."""
    if setting not in (*REPRESENTATIONS, *COLUMNS):
        return None

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        try:
            return list(_offered(setting, ctx, incomplete))
        except Exception:
            # Whatever is wrong with the file, the command itself says it; a prompt has no room.
            return []

    return complete


def _offered(setting: str, ctx: typer.Context, incomplete: str) -> Iterator[str]:
    """Yield the names of a file that begin with what was typed."""
    given: dict[str, Any] = ctx.params
    # While the last option has no value, what stands before it is not assigned yet.
    file = given.get("file") or next(iter(ctx.args), None)
    if setting == "teacher":
        file = given.get("teacher_file") or file
    if file is None:
        return
    from cch_audit.reading.listing import walk
    from cch_audit.reading.open import open_file

    until = time.monotonic() + SECONDS
    with open_file(Path(file).expanduser(), MOST_BYTES) as opened:
        for path, problem in walk(opened):
            if time.monotonic() > until:
                return
            name = path
            if setting in REPRESENTATIONS and not incomplete.startswith("representations/"):
                name = path.removeprefix("representations/")
            # A blank would make two words of it, in some shells.
            is_word = name.isprintable() and " " not in name and name.startswith(incomplete)
            if problem is None and is_word and _fits(opened, path, setting):
                yield name


def _fits(opened: Any, path: str, setting: str) -> bool:
    """Return whether a dataset could have a role, by its shape."""
    from cch_audit.errors import InputError
    from cch_audit.reading.column import open_column
    from cch_audit.reading.layout import could_represent

    try:
        column = open_column(opened, path, "offered")
        _ = column.space
    except InputError:  # it cannot be read, or has a row for each variable
        return False
    if setting in REPRESENTATIONS or could_represent(column):
        return setting in REPRESENTATIONS and could_represent(column)
    return len(column.shape) == 1 or (setting == "labels" and len(column.shape) == 2)
