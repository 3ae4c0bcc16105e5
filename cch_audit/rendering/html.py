"""The back-end for browsers and paper: a document as one HTML file that loads nothing."""

import base64
import hashlib
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cch_audit.rendering import Look
from cch_audit.rendering.document import Document
from cch_audit.rendering.figures.drawing import draw_inline


def render(document: Document, look: Look) -> str:
    """Return a document whose strings are printable as a page, complete without its script."""
    environment = Environment(
        loader=PackageLoader("cch_audit.rendering"),
        autoescape=True,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    # matplotlib escapes what it writes into an SVG.
    numbers = iter(range(1, 10**6))
    environment.filters["drawn"] = lambda one: Markup(draw_inline(one, next(numbers)))
    environment.filters["kind"] = lambda part: type(part).__name__
    # A script element is ended by `</`, whatever stands around it.
    environment.filters["as_json"] = lambda text: Markup(text.replace("<", "\\u003c"))
    script = files("cch_audit.rendering").joinpath("templates/document.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    template = environment.get_template("document.html")
    return template.render(document=document, script=Markup(script), script_hash=f"sha256-{digest}")
