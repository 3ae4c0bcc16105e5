"""`cch-audit report`: a finished report in other formats, several together, or against another."""

from pathlib import Path
from typing import Annotated

import typer

from cch_audit.commands.options import with_settings
from cch_audit.commands.reporting import check_files, deliver
from cch_audit.errors import ExitCode
from cch_audit.results import Written
from cch_audit.results.joined import Joined
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
    from cch_audit.results.joined import audits_of, join

    reports = [read(path) for path in files]
    found: Written | Joined = reports[0]
    is_worse = False
    if baseline is not None or len(reports) > 1:
        before = audits_of([] if baseline is None else [read(baseline)])
        found = join(audits_of(reports), before[0] if before else None, asked.baseline or "")
        is_worse = found.is_worse
    deliver(
        found,
        output,
        units=output.units,
        verbose=output.verbose,
        brief=output.brief,
        undecided_fails=output.undecided == "fail",
    )
    raise typer.Exit(ExitCode.FAIL if is_worse and not output.exit_zero else ExitCode.PASS)
