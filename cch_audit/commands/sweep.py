"""`cch-audit sweep`: make the teacher worse in steps; trace verdict and outcome."""

from pathlib import Path
from typing import Annotated

import typer

from cch_audit.commands.options import file_argument, with_settings
from cch_audit.commands.reporting import run
from cch_audit.running import RUNS
from cch_audit.settings import OutputSettings
from cch_audit.settings.declared import Settings


@with_settings(*RUNS["sweep"], OutputSettings)
def sweep(
    context: typer.Context,
    file: Annotated[
        Path | None, file_argument("HDF5 file with the teacher; none where options name sources.")
    ],
    *settings: Settings,
) -> None:
    """Make the teacher worse in steps, and see where the verdict and the outcome change.

    Every step is audited and trained with, on the same rows, splits and seeds. Give one of --noise,
    --drop-columns, --shuffle-rows, --flip-labels and --over. A sweep is no gate: the exit code is 0
    whatever it shows, and as for check when it could not be made.
    """
    run("sweep", context, file, settings)
