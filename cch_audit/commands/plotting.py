"""Figures: what is refused before any work, and how the file is written."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from cch_audit.commands import terminal
from cch_audit.errors import InputError
from cch_audit.rendering.text import Units
from cch_audit.results import Report

if TYPE_CHECKING:
    from cch_audit.evidence.results import Ledger

FORMATS = ("png", "svg", "pdf")


def check_pictures(
    format: str, output: str | None, plot: str | None, inputs: Sequence[Path]
) -> None:
    """Refuse figures that could not be drawn, or not be written beside the report.

    Parameters
    ----------
    format : of the report
    output, plot : files of the report and of the figure alone
    inputs : files that are read

    Raises
    ------
    InputError
        For an ending that names no format, a file that cannot be written, or a missing package.
    """
    if format == "html":
        _require("--format html", "jinja2", "matplotlib")
    if plot is None:
        return
    if _format(plot) not in FORMATS:
        endings = ", ".join(f".{format}" for format in FORMATS)
        raise InputError(f"--plot {plot!r}: the ending names the format; use one of {endings}")
    terminal.check_output(plot, "--plot", inputs)
    if output is not None and Path(plot).resolve() == Path(output).resolve():
        raise InputError(f"--plot and --output both name {plot}; give two files")
    _require("--plot", "matplotlib")


def write_plot(found: "Report | Ledger", path: str, *, units: Units = "nats") -> None:
    """Draw the figure of a report or of a record into a file that appears whole or not at all."""
    from cch_audit.rendering.figures import draw, draw_ledger

    if isinstance(found, Report):
        content = draw(found, _format(path), units=units)
    else:
        content = draw_ledger(found, _format(path))
    terminal.write(content, path)


def _require(option: str, *packages: str) -> None:
    """Refuse an option whose packages are not there."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise InputError(
            f"{option} needs {' and '.join(missing)}, not installed here; run: "
            "pip install 'cch-audit[report]'"
        )


def _format(path: str) -> str:
    """Return the ending of a file's name in small letters, without its dot."""
    return Path(path).suffix.lower().removeprefix(".")
