"""From a file and settings to a report, its exit code, its file and its sentence."""

import shlex
import sys
from pathlib import Path
from typing import NoReturn

import typer

from cch_audit.commands import terminal
from cch_audit.commands.ending import say
from cch_audit.commands.plotting import check_pictures, write_plot
from cch_audit.errors import ExitCode
from cch_audit.results import Report, Verdict
from cch_audit.running import CODES, Run, load, report_on
from cch_audit.settings import OutputSettings


def run(file: Path, asked: Run, output: OutputSettings) -> NoReturn:
    """Make a report on a file, write it, and exit.

    Raises
    ------
    InputError
        If an option or the file cannot be used.
    typer.Exit
        With the exit code.
    """
    asked.check()
    files = asked.inputs.files(file)
    terminal.check_output(output.output, inputs=files)
    check_pictures(output.format, output.output, output.plot, files)
    with terminal.progress_bar(not output.quiet) as progress:
        sample = load(file, asked)
        report = report_on(
            sample, asked, command_line(), progress, lambda decision: exit_code(decision, output)
        )
    finish(report, output)


def exit_code(verdict: Verdict, output: OutputSettings) -> int:
    """Return the exit code of a verdict; the output format never changes it."""
    if output.exit_zero:
        return ExitCode.PASS
    return CODES[output.undecided if verdict == "undecided" else verdict]


def command_line() -> str:
    """Return the command as the user typed it."""
    return shlex.join(["cch-audit", *sys.argv[1:]])


def finish(report: Report, output: OutputSettings) -> NoReturn:
    """Render and write a report and its figure, say the verdict if out of sight, and exit."""
    from cch_audit.rendering import render
    from cch_audit.rendering.summary import summary

    here = terminal.abilities(sys.stdout if output.output is None else None)
    text = render(
        report,
        output.format,
        units=output.units,
        verbose=output.verbose,
        undecided_fails=output.undecided == "fail",
        **here,
    )
    terminal.write(text, output.output)
    if output.plot is not None:
        write_plot(report, output.plot, units=output.units)
    in_sight = output.format == "table" and output.output is None
    if not output.quiet and not in_sight:
        unicode = terminal.shows_unicode(sys.stderr)
        say(summary(report, units=output.units, unicode=unicode))
    raise typer.Exit(report.exit_code)
