"""`cch-audit check`: audit every teacher for one student."""

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
)


@with_settings(InputSettings, AuditSettings, GateSettings, ConfirmationSettings, OutputSettings)
def check(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="HDF5 file to audit.")],
    inputs: InputSettings,
    settings: AuditSettings,
    gate: GateSettings,
    training: ConfirmationSettings,
    output: OutputSettings,
) -> None:
    """Say whether distilling the teacher into the student can help: pass, fail or undecided.

    Compares I(teacher; student) with I(student; labels) by several estimators. Exit codes: 0 pass,
    1 fail, 2 usage or input error, 3 undecided, 70 internal error, 130 interrupted. With several
    teachers: 0 if all pass, 1 if any fails, else 3.
    """
    asked = Run(
        inputs=inputs,
        audit=settings,
        estimators=estimator_settings(context),
        training=training,
        trains=gate.trains,
        gate=gate.decides,
    )
    run(file, asked, output)
