"""What a command found: what is refused before any work, its file and figure, its exit code."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import typer

from cch_audit.commands import terminal
from cch_audit.commands.ending import say
from cch_audit.commands.options import estimator_settings
from cch_audit.errors import ExitCode, InputError
from cch_audit.rendering import require_extra
from cch_audit.results import Verdict
from cch_audit.running import CODES, load, report_on, run_of
from cch_audit.settings import EvidenceSettings, InspectSettings, OutputSettings, TheoremSettings
from cch_audit.settings.declared import Settings
from cch_audit.settings.formats import FIGURES, FORMATS, Units, ending

Output = OutputSettings | EvidenceSettings | InspectSettings | TheoremSettings


def run(command: str, context: typer.Context, file: Path, settings: Sequence[Settings]) -> NoReturn:
    """Make a report on a file, write it and its figure, say the verdict if out of sight, and exit.

    Parameters
    ----------
    command : one of `RUNS`
    context : what holds the estimators' settings
    file : to read
    settings : those of the command, and last those of the output

    Raises
    ------
    InputError
        If an option or the file cannot be used.
    typer.Exit
        With the exit code.
    """
    *sections, output = settings
    assert isinstance(output, OutputSettings)
    asked = run_of(command, sections, estimator_settings(context))
    asked.check()
    check_files(output, asked.inputs.files(file))
    with terminal.progress_bar(not output.quiet) as progress:
        sample = load(file, asked)
        report = report_on(
            sample, asked, command_line(), progress, lambda decision: exit_code(decision, output)
        )
    from cch_audit.rendering.summary import summary

    deliver(
        report,
        output,
        units=output.units,
        verbose=output.verbose,
        undecided_fails=output.undecided == "fail",
    )
    if is_out_of_sight(output):
        unicode = terminal.shows_unicode(sys.stderr)
        say(summary(report, units=output.units, unicode=unicode))
    raise typer.Exit(report.exit_code)


def exit_code(verdict: Verdict, output: OutputSettings) -> int:
    """Return the exit code of a verdict; the output format never changes it."""
    if output.exit_zero:
        return ExitCode.PASS
    return CODES[output.undecided if verdict == "undecided" else verdict]


def command_line() -> str:
    """Return the command as the user typed it."""
    return shlex.join(["cch-audit", *sys.argv[1:]])


def check_files(output: Output, inputs: Sequence[Path] = ()) -> None:
    """Refuse files that could not be written, and figures that could not be drawn.

    Parameters
    ----------
    output : what names the format and the files
    inputs : files that are read

    Raises
    ------
    InputError
        For an ending that names no format, a file that cannot be written, or a missing package.
    """
    terminal.check_output(output.output, inputs=inputs)
    if FORMATS[output.format].has_pictures:
        require_extra(f"--format {output.format}", "jinja2", "matplotlib")
    plot: str | None = getattr(output, "plot", None)
    if plot is None:
        return
    if ending(plot)[1:] not in FIGURES:
        endings = ", ".join(f".{format}" for format in FIGURES)
        raise InputError(f"--plot {plot!r}: the ending names the format; use one of {endings}")
    terminal.check_output(plot, "--plot", inputs)
    if output.output is not None and Path(plot).resolve() == Path(output.output).resolve():
        raise InputError(f"--plot and --output both name {plot}; give two files")
    require_extra("--plot", "matplotlib")


def deliver(found: Any, output: Output, *, units: Units = "nats", **look: Any) -> None:
    """Write what was found, and its figure if there is to be one."""
    from cch_audit.rendering import content, render

    here = terminal.abilities(sys.stdout if output.output is None else None)
    terminal.write(render(found, output.format, units=units, **look, **here), output.output)
    plot: str | None = getattr(output, "plot", None)
    if plot is not None:
        terminal.write(content(found, plot, units=units), plot)


def is_out_of_sight(output: OutputSettings | EvidenceSettings) -> bool:
    """Whether nobody sees the last line of a table, so that it is said on standard error."""
    return not output.quiet and (output.format != "table" or output.output is not None)
