"""`cch-audit simulate`: files whose answer is known, and the theorem replayed."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from cch_audit.commands import terminal
from cch_audit.commands.ending import say
from cch_audit.commands.options import with_settings
from cch_audit.commands.reporting import check_files, deliver
from cch_audit.errors import ExitCode, InputError
from cch_audit.settings import SimulateSettings, TheoremSettings
from cch_audit.simulation.asked import THEOREM, chosen_by, refuse_idle


@with_settings(SimulateSettings, TheoremSettings)
def simulate(
    out: Annotated[
        Path | None,
        typer.Argument(
            metavar="OUT",
            help="HDF5 file to write; none with --verify.",
            default_factory=lambda: None,
            show_default=False,
        ),
    ],
    settings: SimulateSettings,
    theorem: TheoremSettings,
) -> None:
    """Write a file whose answer is known, or replay the theorem.

    Prints what is known and stores it in the file's `truth_` attributes: the informations in nats
    and, for a joint Gaussian, what distillation does to a linear student. `check` prints the true
    informations beside its estimates. Exit codes: 0, or 1 if --verify finds a violation.
    """
    if theorem.verify:
        _verify(out, settings, theorem)
    if out is None:
        raise InputError("name the file to write, or add `verify`")
    terminal.check_output(str(out), "OUT")
    refuse_idle(chosen_by(settings), settings, theorem)
    from cch_audit.rendering.text import printable
    from cch_audit.simulation.drawing import write_drawn

    sample, truths = write_drawn(out, settings)
    width = max(map(len, truths))
    lines = [f"{name:<{width}}  {_shown(value)}\n" for name, value in truths.items()]
    terminal.write("".join(lines), None)
    where = printable(str(out), unicode=terminal.shows_unicode(sys.stderr))
    say(f"wrote {where}: {sample.n_samples:,} rows")


def _verify(out: Path | None, settings: SimulateSettings, theorem: TheoremSettings) -> NoReturn:
    """Replay the theorem and exit."""
    refuse_idle({THEOREM}, settings, theorem)
    if out is not None:
        raise InputError(f"`verify` writes no file; leave {str(out)!r} away")
    check_files(theorem)
    from cch_audit.simulation.verify import verify

    verification = verify(theorem.populations, settings.seed)
    deliver(verification, theorem)
    raise typer.Exit(ExitCode.PASS if verification.holds else ExitCode.FAIL)


def _shown(value: float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:.6g}"
