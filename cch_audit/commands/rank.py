"""`cch-audit rank`: choose among teachers of one student."""

from pathlib import Path
from typing import Annotated

import typer

from cch_audit.commands.options import estimator_settings, with_settings
from cch_audit.commands.reporting import run
from cch_audit.running import Run
from cch_audit.settings import (
    AuditSettings,
    ConfirmationSettings,
    GateSettings,
    InputSettings,
    OutputSettings,
    RankSettings,
)


@with_settings(
    InputSettings, AuditSettings, RankSettings, GateSettings, ConfirmationSettings, OutputSettings
)
def rank(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="HDF5 file to choose from.")],
    inputs: InputSettings,
    settings: AuditSettings,
    ranking: RankSettings,
    gate: GateSettings,
    training: ConfirmationSettings,
    output: OutputSettings,
) -> None:
    """Order the teachers of one student by the gap, beside what else could choose among them.

    Teachers are all other representations unless some are named. Exit codes: 0 if at least one
    teacher passes, 1 if all fail, else 3; the others as for check.
    """
    asked = Run(
        inputs=inputs,
        audit=settings,
        estimators=estimator_settings(context),
        training=training,
        trains=gate.trains,
        gate=gate.decides,
        ranking=ranking,
    )
    run(file, asked, output)
