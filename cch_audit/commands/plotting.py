"""The figure of a report: what is refused before any work, and how it is written."""

from importlib.util import find_spec
from pathlib import Path

from cch_audit import terminal
from cch_audit.errors import InputError
from cch_audit.rendering.text import Units
from cch_audit.results import Report

FORMATS = ("png", "svg", "pdf")


def check_plot(path: str | None, output: str | None) -> None:
    """Refuse a figure that could not be drawn or written beside the report.

    Raises
    ------
    InputError
        For an ending that names no format, a file that cannot be written, or without matplotlib.
    """
    if path is None:
        return
    if _format(path) not in FORMATS:
        endings = ", ".join(f".{format}" for format in FORMATS)
        raise InputError(f"--plot {path!r}: the ending names the format; use one of {endings}")
    terminal.check_output(path, "--plot")
    if output is not None and Path(path).resolve() == Path(output).resolve():
        raise InputError(f"--plot and --output both name {path}; give two files")
    if find_spec("matplotlib") is None:
        raise InputError(
            "--plot needs matplotlib, which is not installed; run: pip install 'cch-audit[report]'"
        )


def write_plot(report: Report, path: str, *, units: Units) -> None:
    """Draw the report's figure into a file that appears whole or not at all."""
    from cch_audit.rendering.figures import draw

    terminal.write_bytes(draw(report, _format(path), units=units), path)


def _format(path: str) -> str:
    """Return the ending of a file's name in small letters, without its dot."""
    return Path(path).suffix.lower().removeprefix(".")
