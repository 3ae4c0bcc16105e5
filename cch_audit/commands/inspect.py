"""`cch-audit inspect`: what a file holds and what would be used for what."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cch_audit.commands.options import file_argument, with_options, with_settings
from cch_audit.commands.reporting import check_files, deliver
from cch_audit.errors import InputError
from cch_audit.settings import InputSettings, InspectSettings


@with_settings(InputSettings, InspectSettings)
def inspect(
    file: Annotated[Path | None, file_argument("HDF5 file to look into.")],
    inputs: InputSettings,
    output: InspectSettings,
) -> None:
    """Show what a file holds, what `check` would use for what and why, and what stops it.

    Exits with 0 whether or not `check` would run, and with 2 if the file cannot be opened.
    """
    if file is None:
        raise InputError(
            "name the FILE to look into; sources are packed into one first, with cch-audit pack"
        )
    check_files(output, inputs.files(file))
    from cch_audit.reading.describe import describe

    description = describe(file, inputs)
    problems = tuple(map(with_options, description.problems))
    deliver(replace(description, problems=problems), output, verbose=output.verbose)
