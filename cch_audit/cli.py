"""The command line: registers the commands, and turns every outcome into an exit code."""

import os
import signal
import sys
import traceback
import warnings
from types import FrameType
from typing import Annotated, NoReturn

import typer

from cch_audit import __version__
from cch_audit.commands.check import check
from cch_audit.commands.config import config
from cch_audit.commands.confirm import confirm
from cch_audit.commands.evidence import evidence
from cch_audit.commands.inspect import inspect
from cch_audit.commands.rank import rank
from cch_audit.commands.simulate import simulate
from cch_audit.commands.sweep import sweep
from cch_audit.errors import ExitCode, InputError
from cch_audit.rendering.text import printable

app = typer.Typer(
    name="cch-audit",
    help="Audit, before training, whether cross-modal knowledge distillation can help.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command(name="check")(check)
app.command(name="confirm")(confirm)
app.command(name="rank")(rank)
app.command(name="sweep")(sweep)
app.command(name="evidence")(evidence)
app.command(name="simulate")(simulate)
app.command(name="inspect")(inspect)
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


class _Interrupted(BaseException):
    """Control-C; typer would turn a KeyboardInterrupt into an exit of its own."""


def main() -> None:
    """Run the program and exit with the code of what happened."""
    if hasattr(signal, "SIGPIPE"):
        # A reader that closes the pipe ends the program quietly, as with any Unix filter.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    # What a library warns of while it fits is not the user's to mend; the report has its own.
    warnings.simplefilter("ignore")
    try:
        app()
    except InputError as err:
        print(f"error: {printable(str(err))}", file=sys.stderr)
        sys.exit(ExitCode.INPUT)
    except _Interrupted:
        _stop(ExitCode.INTERRUPTED)
    except Exception:
        traceback.print_exc()
        print("This is a bug in cch-audit; please report it with the lines above.", file=sys.stderr)
        _stop(ExitCode.INTERNAL)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise _Interrupted


def _stop(code: ExitCode) -> NoReturn:
    """Exit at once: an orderly exit under threads that still compute in torch ends in SIGABRT."""
    sys.stderr.flush()
    os._exit(code)
