"""The pieces of Markdown that the report is written with; they let no name write markup."""

import re
from collections.abc import Iterable, Iterator, Sequence

from cch_audit.rendering.cells import Badge, Cell, Rows

# An underscore inside a word is plain text to Markdown.
_SPECIAL = re.compile(r"[\\`*\[\]<>&|~$#@]|(?<![^\W_])_|_(?![^\W_])")


def drawn(rows: Rows, names: Sequence[str] = ()) -> Iterator[str]:
    """Yield rows as a table; the columns of some headers hold names."""
    headers = [header.replace("\n", " ") for header in rows.headers]
    code = [header in names for header in headers]
    yield from table(
        [escape(header) for header in headers],
        [[_cell(cell, is_name) for cell, is_name in zip(row, code)] for row in rows.cells],
    )


def _cell(cell: Cell, is_name: bool) -> str:
    if isinstance(cell, Badge):
        return f"**{cell.word}** {escape(cell.below.replace(chr(10), ' '))}".rstrip()
    return code(cell) if is_name else escape(cell.replace("\n", " "))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a table of cells that are Markdown already."""
    for cells in (header, ["---"] * len(header), *rows):
        yield f"| {' | '.join(cells)} |"


def bullets(lines: Sequence[str]) -> Iterator[str]:
    """Yield plain text as a list after an empty line; nothing without lines."""
    if lines:
        yield ""
    for line in lines:
        yield f"- {escape(' '.join(line.splitlines()))}"


def folded(title: str, body: Iterable[str]) -> Iterator[str]:
    """Yield a part that opens on a click."""
    yield f"\n<details>\n<summary>{title}</summary>\n"
    yield from body
    yield "\n</details>"


def code(name: str) -> str:
    """Return a name as inline code, where no mention, link or emphasis starts."""
    return f"<code>{escape(name)}</code>"


def escape(text: str) -> str:
    """Return plain text in which nothing is Markdown or HTML."""
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", text)
