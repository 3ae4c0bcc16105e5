"""`cch-audit forecast`: what training with each teacher gains, without any training."""

from pathlib import Path
from typing import Annotated

import typer

from cch_audit.commands.options import file_argument, with_settings
from cch_audit.commands.reporting import run
from cch_audit.running import RUNS
from cch_audit.settings import OutputSettings
from cch_audit.settings.declared import Settings


@with_settings(*RUNS["forecast"], OutputSettings)
def forecast(
    context: typer.Context,
    file: Annotated[
        Path | None, file_argument("HDF5 file to forecast for; none where options name sources.")
    ],
    *settings: Settings,
) -> None:
    """Forecast what training with each teacher gains, in seconds, without any training.

    Expands the expected log-loss (or squared error) of a penalised linear head on the student. Exit
    codes: 0 helps by transfer, 1 hurts, nothing that matters, or regularisation, 3 undecided; the
    others as for check. With several teachers: 0 if all help, 1 if any does not, else 3.
    """
    run("forecast", context, file, settings)
