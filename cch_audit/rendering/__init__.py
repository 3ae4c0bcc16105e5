"""Renderers: pure functions from what was found to text; they decide nothing."""

from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from cch_audit.errors import InputError
from cch_audit.settings.formats import FIGURES, FORMATS, Units, ending

if TYPE_CHECKING:
    from cch_audit.rendering.document import Document


@dataclass(frozen=True)
class Look:
    """How something is shown; a format reads what concerns it."""

    units: Units = "nats"
    """Of every printed information; JSON stays in nats."""
    verbose: bool = False
    """Whether the table has fine print."""
    brief: bool = False
    """Whether the table has the verdict, the gap, the reason and the next step only."""
    width: int = 80
    """Columns of the table."""
    color: bool = False
    """Whether the table is coloured."""
    unicode: bool = True
    """Whether the table goes beyond ASCII."""
    undecided_fails: bool = False
    """Whether JUnit counts as a failure what is undecided."""


_DOCUMENTS = {
    "CheckReport": "reports",
    "RankReport": "reports",
    "SweepReport": "reports",
    "ForecastReport": "forecast",
    "MapReport": "map",
    "Joined": "joined",
    "Ledger": "evidence",
    "Verification": "verification",
    "FileDescription": "description",
}
"""By what is found, the module whose `document(found, look, pictures)` lays it out."""


def render(found: Any, format: str = "table", **look: Any) -> str:
    """Return what was found in one format, ending in a newline.

    Parameters
    ----------
    found : a report, a record of evidence, a replay of the theorem, or the description of a file
    format : one of `FORMATS`
    look : the fields of `Look`
    """
    seen, chosen = Look(**look), FORMATS[format]
    if chosen.has_pictures:
        require_extra(f"the format {format}", "jinja2", "matplotlib")
    module = import_module(f"{__name__}.{chosen.module}")
    if chosen.shows == "documents":
        seen = replace(seen, unicode=seen.unicode or format != "table")
        found = lay_out(found, seen, pictures=chosen.has_pictures)
    text: str = module.render(found, seen)
    return text


def require_extra(what: str, *packages: str) -> None:
    """Refuse, in one sentence, what needs packages that are not there."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise InputError(
            f"{what} needs {' and '.join(missing)}, not installed here; run: "
            "pip install 'cch-audit[report]'"
        )


def content(found: Any, path: str, *, units: Units = "nats") -> bytes:
    """Return what a file holds whose ending names a format, or one of figures.

    Raises
    ------
    InputError
        For another ending.
    """
    if ending(path)[1:] in FIGURES:
        from cch_audit.rendering.figures.drawing import draw

        return draw(found, ending(path)[1:], units=units)
    named = {one.ending: name for name, one in FORMATS.items()}
    if ending(path) not in named:
        known = ", ".join([*named, *(f".{name}" for name in FIGURES)])
        raise InputError(f"{path}: the ending names the format; use one of {known}")
    return render(found, named[ending(path)], units=units).encode("utf-8")


def lay_out(found: Any, look: Look, *, pictures: bool = False) -> "Document":
    """Return what was found as a document; pictures need matplotlib."""
    kind = import_module(f"{__name__}.{_DOCUMENTS[type(found).__name__]}")
    document: Document = kind.document(found, look, pictures)
    if not pictures:
        return document
    from cch_audit.rendering import as_json

    return replace(document, source=as_json.render(found))
