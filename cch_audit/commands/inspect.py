"""`cch-audit inspect`: what a file holds and what would be used for what."""
from pathlib import Path
from typing import Annotated
import typer
from cch_audit.options import with_settings
from cch_audit.settings import InputSettings
@with_settings(InputSettings)
def inspect(file: Annotated[Path, typer.Argument(help="HDF5 file.")], inputs: InputSettings) -> None:
    """Inspect."""
