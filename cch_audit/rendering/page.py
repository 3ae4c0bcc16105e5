"""A page of HTML: sections of texts, facts, lists, tables and pictures, in one file."""

import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cch_audit import __version__
from cch_audit.rendering.cells import Badge, Rows
from cch_audit.rendering.figures import draw_inline
from cch_audit.rendering.marks import Picture

Kind = Literal["text", "heading", "facts", "list", "rows", "picture"]


@dataclass(frozen=True)
class Part:
    """A piece of a section; the template knows how to draw each kind."""

    kind: Kind
    content: Any


@dataclass(frozen=True)
class Section:
    """A titled part of the page."""

    title: str
    parts: tuple[Part, ...]
    badge: Badge | None = None


@dataclass(frozen=True)
class Page:
    """What a report says, verdict first."""

    title: str
    badge: Badge | None
    """None where nothing is decided."""
    headline: str
    verdict: str
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]


def texts(paragraphs: Iterable[str]) -> list[Part]:
    """Return paragraphs."""
    return [Part("text", paragraph) for paragraph in paragraphs]


def facts(lines: Iterable[Sequence[str]]) -> Part:
    """Return names with their values, and what they mean where there is a third."""
    return Part("facts", [tuple(line) for line in lines])


def bullets(lines: Iterable[str]) -> list[Part]:
    """Return a list, or nothing without lines."""
    shown = list(lines)
    return [Part("list", shown)] if shown else []


def table(rows: Rows) -> Part:
    """Return a table."""
    return Part("rows", rows)


def heading(title: str, badge: Badge | None = None, after: str = "") -> Part:
    """Return a title inside a section, with a badge and plain words behind it."""
    return Part("heading", (title, badge, after))


def picture(drawn: Picture) -> Part:
    """Return a figure with its caption."""
    return Part("picture", drawn)


def versions() -> list[tuple[str, str]]:
    """Return the versions of what computed and drew the report."""
    packages = ("numpy", "scipy", "scikit-learn", "torch", "h5py", "matplotlib")
    return [
        ("cch-audit", __version__),
        ("Python", platform.python_version()),
        *((package, version(package)) for package in packages),
    ]


def write(page: Page) -> str:
    """Return a page whose strings are printable as HTML that loads nothing and runs nothing."""
    loader = PackageLoader("cch_audit.rendering")
    environment = Environment(
        loader=loader,
        autoescape=True,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    # matplotlib escapes what it writes into an SVG.
    numbers = iter(range(1, 10**6))
    environment.filters["drawn"] = lambda one: Markup(draw_inline(one, next(numbers)))
    return environment.get_template("page.html").render(page=page)
