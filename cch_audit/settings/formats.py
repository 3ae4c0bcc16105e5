"""The formats, each once: who draws it, the ending of its files, and what it can show."""

from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

Units = Literal["nats", "bits"]


@dataclass(frozen=True)
class Format:
    """One format.

    Its module in `cch_audit.rendering` has `render(found, look)`, or `render(document, look)` if it
    is for people; see `cch_audit.rendering.Look`.
    """

    module: str
    ending: str
    shows: Literal["documents", "anything", "reports"]
    """What is laid out for people; whatever has fields; or reports of check, rank and sweep."""
    has_pictures: bool = False


FORMATS: dict[str, Format] = {
    "table": Format("terminal", ".txt", "documents"),
    "json": Format("as_json", ".json", "anything"),
    "markdown": Format("markdown", ".md", "documents"),
    "html": Format("html", ".html", "documents", has_pictures=True),
    "junit": Format("as_junit", ".xml", "reports"),
    "github": Format("as_github", ".github", "reports"),
    "csv": Format("as_csv", ".csv", "reports"),
    "names": Format("as_names", ".names", "reports"),
}
"""By the name that `--format` takes."""
FIGURES = ("png", "svg", "pdf")
"""Endings of figures."""


STANDARD_OUTPUT = "-"


def formats() -> tuple[str, ...]:
    """Return the formats of a report."""
    return tuple(FORMATS)


def formats_of_anything() -> tuple[str, ...]:
    """Return the formats of what is no report of check, rank or sweep."""
    return tuple(name for name, one in FORMATS.items() if one.shows != "reports")


def format_of(path: str, otherwise: str) -> str:
    """Return the format that a file's ending names, or another one if it names none."""
    named = {one.ending: name for name, one in FORMATS.items()}
    return named.get(ending(path), otherwise)


def ending(path: str) -> str:
    """Return the ending of a file's name in small letters, with its dot."""
    return PurePath(path).suffix.lower()
