"""`cch-audit report`: a finished report in other formats, several together, or against another."""

from pathlib import Path
from typing import Annotated

import typer

from cch_audit.commands.options import with_settings
from cch_audit.commands.reporting import check_files, deliver
from cch_audit.errors import ExitCode
from cch_audit.settings import OutputSettings, ReportSettings


@with_settings(ReportSettings, OutputSettings)
def report(
    files: Annotated[
        list[Path], typer.Argument(metavar="RUN.json", help="JSON reports that runs wrote.")
    ],
    asked: ReportSettings,
    output: OutputSettings,
) -> None:
    """Write finished reports in other formats, together, or with what changed since another one.

    One report gives what the run would have written. Exits with 0, with 1 if --baseline is given
    and a verdict got worse, and with 2 if a report cannot be used.
    """
    baseline = None if asked.baseline is None else Path(asked.baseline)
    check_files(output, [*files, *([] if baseline is None else [baseline])])
    from cch_audit.results.files import read
    from cch_audit.results.joined import join

    reports = [read(path) for path in files]
    joined = join(reports, None if baseline is None else read(baseline), asked.baseline or "")
    alone = baseline is None and len(reports) == 1
    deliver(
        reports[0] if alone else joined,
        output,
        units=output.units,
        verbose=output.verbose,
        brief=output.brief,
        undecided_fails=output.undecided == "fail",
    )
    raise typer.Exit(ExitCode.FAIL if joined.is_worse and not output.exit_zero else ExitCode.PASS)
