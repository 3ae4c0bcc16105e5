"""`cch-audit confirm`: audit every teacher, train with it, and let the outcome decide."""

from pathlib import Path
from typing import Annotated

import typer

from cch_audit.commands.options import file_argument, with_settings
from cch_audit.commands.reporting import run
from cch_audit.running import RUNS
from cch_audit.settings import OutputSettings
from cch_audit.settings.declared import Settings


@with_settings(*RUNS["confirm"], OutputSettings)
def confirm(
    context: typer.Context,
    file: Annotated[
        Path | None, file_argument("HDF5 file to train on; none where options name sources.")
    ],
    *settings: Settings,
) -> None:
    """Train the student with and without the teacher, and compare the outcome with the verdict.

    Frozen representations, a small head, controls, and paired seeds; or with --runs or --command
    training runs of your own in place of heads. Exit codes follow the outcome:
    0 helps, 1 hurts or no detectable change, 3 undecided; the others as for check. With several
    teachers: 0 if all help, 1 if any does not, else 3.
    """
    run("confirm", context, file, settings)
