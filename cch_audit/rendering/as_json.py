"""What was found as JSON, for programs; `schemas/` describes that of reports and evidence."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from cch_audit import __version__
from cch_audit.rendering import Look
from cch_audit.results import Written
from cch_audit.results.files import SCHEMA_VERSION


def render(found: Any, look: Look | None = None) -> str:
    """Return what was found as JSON in nats, numbers unrounded, ending in a newline.

    Numbers that are not finite become null. Characters that a terminal would obey are escaped, so
    that the text is safe to print; the other ones are kept, so it must be written as UTF-8.
    """
    parts = plain(found)
    document = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "cch-audit", "version": __version__},
        **({"kind": parts["kind"]} if isinstance(found, Written) else {}),
        **parts,
    }
    text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text) + "\n"


def plain(value: Any) -> Any:
    """Return dataclasses and mappings as dicts, sequences as lists, non-finite numbers as None."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
