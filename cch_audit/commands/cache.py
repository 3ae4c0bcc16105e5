"""`cch-audit cache`: what earlier audits have left for later ones."""

from typing import Annotated, Literal

import typer

from cch_audit.commands import terminal
from cch_audit.commands.options import ENVIRONMENT
from cch_audit.errors import InputError
from cch_audit.work.keeping import MOST_BYTES, folder_of


def cache(
    action: Annotated[
        Literal["show", "clear"],
        typer.Argument(
            metavar="show|clear",
            help="Say what is kept and where, or remove it.",
            show_default=False,
        ),
    ],
    cache: Annotated[
        str | None,
        typer.Option(
            help="Folder that keeps what was computed; by default that of the user.",
            metavar="DIR",
            envvar=f"{ENVIRONMENT}CACHE",
            show_envvar=False,
        ),
    ] = None,
) -> None:
    """Show or clear the parts of audits that are kept so that nothing is computed twice."""
    folder = folder_of(cache)
    if folder is None:
        raise InputError("there is no home folder, so nothing is kept; name a folder with `cache`")
    if action == "show":
        number, size = folder.size()
        most = f"{size / 1e6:.1f} of at most {MOST_BYTES / 1e6:.0f} MB"
        terminal.write(f"{folder.path}: {number} parts, {most}\n", None)
        return
    try:
        removed = folder.clear()
    except OSError as err:
        raise InputError(f"{folder.path}: cannot be cleared ({err.strerror or err})") from err
    terminal.write(f"{folder.path}: {removed} parts removed\n", None)
