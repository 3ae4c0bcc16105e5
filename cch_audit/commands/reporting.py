"""From a finished report to its exit code, its file and its sentence on standard error."""

import shlex
import sys
from typing import TYPE_CHECKING, NoReturn

import typer

from cch_audit.commands import terminal
from cch_audit.commands.ending import say
from cch_audit.commands.plotting import write_plot
from cch_audit.errors import ExitCode
from cch_audit.results import InputSummary, LabelSummary, Report, Verdict
from cch_audit.settings import OutputSettings

if TYPE_CHECKING:
    from cch_audit.sample import Sample


def exit_code(verdict: Verdict, output: OutputSettings) -> int:
    """Return the exit code of a verdict; the output format never changes it."""
    if output.exit_zero:
        return ExitCode.PASS
    if verdict == "undecided":
        verdict = output.undecided
    codes = {"pass": ExitCode.PASS, "fail": ExitCode.FAIL, "undecided": ExitCode.UNDECIDED}
    return codes[verdict]


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


def summarize(sample: "Sample") -> InputSummary:
    """Return the report's account of the input."""
    source, labels = sample.source, sample.labels
    groups, dependence = sample.groups, sample.dependence
    return InputSummary(
        path=source.path,
        sha256=source.sha256,
        teacher_path=source.teacher_path,
        teacher_sha256=source.teacher_sha256,
        n_rows=source.n_rows,
        n_samples=sample.n_samples,
        n_groups=None if groups is None else len(set(groups.tolist())),
        n_units=None if dependence is None else dependence.n_units,
        labels=LabelSummary(
            name=sample.labels_name,
            kind=labels.kind,
            n_classes=len(labels.class_names) or None,
            entropy=labels.entropy,
        ),
        notes=source.notes,
    )
