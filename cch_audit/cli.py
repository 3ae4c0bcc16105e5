"""The command line: registers the commands, and turns what they raise into an exit code."""

import errno
import warnings
from contextlib import suppress
from typing import Annotated

import typer

from cch_audit import __version__
from cch_audit.commands.cache import cache
from cch_audit.commands.check import check
from cch_audit.commands.config import config
from cch_audit.commands.confirm import confirm
from cch_audit.commands.ending import guard, say
from cch_audit.commands.evidence import evidence
from cch_audit.commands.forecast import forecast
from cch_audit.commands.inspect import inspect
from cch_audit.commands.map import map_pairs
from cch_audit.commands.options import with_options
from cch_audit.commands.pack import pack
from cch_audit.commands.rank import rank
from cch_audit.commands.report import report
from cch_audit.commands.simulate import simulate
from cch_audit.commands.surroundings import prepare
from cch_audit.commands.sweep import sweep
from cch_audit.errors import ExitCode, InputError, LostError, OutputError
from cch_audit.rendering.text import printable

UNWRITABLE = (errno.ENOSPC, errno.EBADF, errno.EIO, errno.EDQUOT)
"""What typer's own output, such as help, meets where a stream takes nothing."""

app = typer.Typer(
    name="cch-audit",
    help="Audit, before training, whether cross-modal knowledge distillation can help.",
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command(name="check")(check)
app.command(name="forecast")(forecast)
app.command(name="confirm")(confirm)
app.command(name="rank")(rank)
app.command(name="sweep")(sweep)
app.command(name="map")(map_pairs)
app.command(name="report")(report)
app.command(name="evidence")(evidence)
app.command(name="simulate")(simulate)
app.command(name="pack")(pack)
app.command(name="inspect")(inspect)
app.command(name="cache")(cache)
app.command(name="config")(config)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cch-audit {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the program and exit with the code of what happened."""
    guard(run)


def run() -> int:
    """Run the program and return the exit code of what happened; a bug is raised."""
    prepare()
    # What a library warns of while it fits is not the user's to mend; the report has its own.
    warnings.simplefilter("ignore")
    try:
        return int(app(standalone_mode=False) or ExitCode.PASS)
    except InputError as err:
        say(f"error: {printable(with_options(str(err)))}")
        return ExitCode.INPUT
    except OutputError as err:
        say(f"error: {printable(str(err))}")
        return ExitCode.OUTPUT
    except LostError as err:
        say(f"error: {printable(str(err))}")
        return ExitCode.LOST
    except OSError as err:
        if err.filename is not None or err.errno not in UNWRITABLE:
            raise
        say(f"error: standard output: cannot be written ({err.strerror})")
        return ExitCode.OUTPUT
    except typer.Abort as err:  # a library's EOFError, which typer takes for a closed prompt
        raise RuntimeError("the program was aborted inside a library") from err
    except Exception as err:
        # A wrong use: typer's own errors, whose base class it does not export.
        show = getattr(err, "show", None)
        if show is None:
            raise
        with suppress(OSError, ValueError, AttributeError):
            show()
        return ExitCode.INPUT
