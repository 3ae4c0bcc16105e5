"""`cch-audit check`: audit every teacher for one student."""

from pathlib import Path
from typing import Annotated

import typer

from cch_audit.commands.options import file_argument, with_settings
from cch_audit.commands.reporting import run
from cch_audit.running import RUNS
from cch_audit.settings import OutputSettings
from cch_audit.settings.declared import Settings


@with_settings(*RUNS["check"], OutputSettings)
def check(
    context: typer.Context,
    file: Annotated[
        Path | None, file_argument("HDF5 file to audit; none where options name sources.")
    ],
    *settings: Settings,
) -> None:
    """Say whether distilling the teacher into the student can help: pass, fail or undecided.

    Compares I(teacher; student) with I(student; labels) by several estimators. Exit codes: 0 pass,
    1 fail, 2 usage or input error, 3 undecided, 70 internal error, 130 interrupted. With several
    teachers: 0 if all pass, 1 if any fails, else 3.
    """
    run("check", context, file, settings)
