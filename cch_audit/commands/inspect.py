"""`cch-audit inspect`: what a file holds and what would be used for what."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from cch_audit.commands import terminal
from cch_audit.commands.options import with_options, with_settings
from cch_audit.settings import InputSettings, InspectSettings


@with_settings(InputSettings, InspectSettings)
def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="HDF5 file to look into.")],
    inputs: InputSettings,
    output: InspectSettings,
) -> None:
    """Show what a file holds, what `check` would use for what and why, and what stops it.

    Exits with 0 whether or not `check` would run, and with 2 if the file cannot be opened.
    """
    terminal.check_output(output.output, inputs=inputs.files(file))
    from cch_audit.reading.describe import describe
    from cch_audit.rendering.description import render_json, render_text

    description = describe(file, inputs)
    problems = tuple(map(with_options, description.problems))
    description = replace(description, problems=problems)
    if output.format == "json":
        text = render_json(description)
    else:
        here = terminal.abilities(sys.stdout if output.output is None else None)
        text = render_text(description, width=here["width"], unicode=here["unicode"])
    terminal.write(text, output.output)
