"""`cch-audit rank`: choose among teachers of one student."""

from pathlib import Path
from typing import Annotated

import typer

from cch_audit.commands.options import file_argument, with_settings
from cch_audit.commands.reporting import run
from cch_audit.running import RUNS
from cch_audit.settings import OutputSettings
from cch_audit.settings.declared import Settings


@with_settings(*RUNS["rank"], OutputSettings)
def rank(
    context: typer.Context,
    file: Annotated[
        Path | None, file_argument("HDF5 file to choose from; none where options name sources.")
    ],
    *settings: Settings,
) -> None:
    """Order the teachers of one student by the gap, beside what else could choose among them.

    Teachers are all other representations unless some are named. Exit codes: 0 if at least one
    teacher passes, 1 if all fail, else 3; the others as for check.
    """
    run("rank", context, file, settings)
