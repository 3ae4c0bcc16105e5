"""What a command found: what is refused before any work, its file and figure, its exit code."""

import os
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from cch_audit.commands import terminal
from cch_audit.commands.ending import say
from cch_audit.commands.options import estimator_settings
from cch_audit.errors import ExitCode, InputError
from cch_audit.rendering import require_extra
from cch_audit.results import Verdict
from cch_audit.running import CODES, load, load_libraries, report_on, run_of
from cch_audit.settings import (
    EvidenceSettings,
    InputSettings,
    InspectSettings,
    OutputSettings,
    TheoremSettings,
)
from cch_audit.settings.declared import Settings
from cch_audit.settings.formats import FIGURES, FORMATS, STANDARD_OUTPUT, Units, ending, format_of
from cch_audit.work.loading import without_pandas

if TYPE_CHECKING:
    from cch_audit.work.doing import Work

Output = OutputSettings | EvidenceSettings | InspectSettings | TheoremSettings


def run(
    command: str, context: typer.Context, file: Path | None, settings: Sequence[Settings]
) -> NoReturn:
    """Make a report on a file or on sources, deliver it, say the verdict if out of sight, and exit.

    Parameters
    ----------
    command : one of `RUNS`
    context : what holds the estimators' settings
    file : to read; None where the settings name sources
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
    check_files(output, [*_inputs(file, asked.inputs), *asked.own.files])
    from cch_audit.mapping.spread import spread

    with terminal.progress_bar(not output.quiet) as progress:
        sample = load(file, asked)
        with spread(sample, file, asked, progress) as asked:
            with without_pandas():
                load_libraries(sample, asked)
            report = report_on(
                sample,
                asked,
                command_line(),
                progress,
                lambda decision: exit_code(decision, output),
            )
    deliver_report(report, output, asked.work)


def deliver_report(report: Any, output: OutputSettings, work: "Work") -> NoReturn:
    """Deliver a report, say its verdict and what it cost where that is asked for, and exit.

    Raises
    ------
    typer.Exit
        With the exit code.
    """
    from cch_audit.rendering.seconds import seconds_table
    from cch_audit.rendering.summary import summary

    deliver(
        report,
        output,
        units=output.units,
        verbose=output.verbose,
        brief=output.brief,
        undecided_fails=output.undecided == "fail",
    )
    if output.verbose and not output.quiet:
        say(seconds_table(work.spent(), time.process_time() + work.elsewhere))
    if is_out_of_sight(output):
        unicode = terminal.shows_unicode(sys.stderr)
        say(summary(report, units=output.units, unicode=unicode))
    raise typer.Exit(report.exit_code)


def _inputs(file: Path | None, inputs: InputSettings) -> list[Path]:
    """Return the files that are read; refuse sources beside a file, or neither."""
    from cch_audit.reading.spelling import check_given, refuse_mixture, source_files

    if file is None:
        check_given(inputs)
        return source_files(inputs)
    refuse_mixture(str(file), inputs)
    return inputs.files(file)


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
    plot: str | None = getattr(output, "plot", None)
    files = [path for path in output.output if path != STANDARD_OUTPUT]
    for path in files:
        terminal.check_output(path, inputs=inputs)
    named = [*files, *([] if plot is None else [plot])]
    resolved = [Path(path).resolve() for path in named]
    for path in named:
        if resolved.count(Path(path).resolve()) > 1:
            raise InputError(f"{path}: is named by two options; give each report its own file")
    for target, format in _targets(output):
        if FORMATS[format].shows == "reports" and not isinstance(output, OutputSettings):
            raise InputError(f"{target}: there is no {format} of this; name .txt, .json or .html")
        if FORMATS[format].has_pictures:
            require_extra(f"--format {format}", "jinja2", "matplotlib")
    if plot is None:
        return
    if ending(plot)[1:] not in FIGURES:
        endings = ", ".join(f".{format}" for format in FIGURES)
        raise InputError(f"--plot {plot!r}: the ending names the format; use one of {endings}")
    terminal.check_output(plot, "--plot", inputs)
    require_extra("--plot", "matplotlib")


def deliver(found: Any, output: Output, *, units: Units = "nats", **look: Any) -> None:
    """Write what was found into each file, and its figure if there is to be one."""
    from cch_audit.rendering import content, render

    for path, format in _targets(output):
        here = terminal.abilities(sys.stdout if path is None else None)
        terminal.write(render(found, format, units=units, **look, **here), path)
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if format == "github" and summary:
            terminal.append(render(found, "markdown", units=units), summary)
    plot: str | None = getattr(output, "plot", None)
    if plot is not None:
        terminal.write(content(found, plot, units=units), plot)


def is_out_of_sight(output: OutputSettings | EvidenceSettings) -> bool:
    """Whether nobody sees the last line of a table, so that it is said on standard error."""
    return not output.quiet and (None, "table") not in _targets(output)


def _targets(output: Output) -> list[tuple[str | None, str]]:
    """Return each file that is written, None for standard output, with its format."""
    if not output.output:
        return [(None, output.format)]
    return [
        (None, output.format) if path == STANDARD_OUTPUT else (path, format_of(path, output.format))
        for path in output.output
    ]
