"""The back-end for comments and pages in Markdown; it lets no name write markup."""

import re
from collections.abc import Iterable, Iterator, Sequence

from cch_audit.rendering import Look
from cch_audit.rendering.document import (
    Badge,
    Bullets,
    Cell,
    Command,
    Document,
    Drawing,
    Facts,
    Fold,
    Heading,
    Part,
    Rows,
    Section,
    Text,
)

MOST = 65_000
"""Characters: a comment on GitHub holds 65,536."""
LEFT_OUT = (
    "The other parts are left out here, for a comment has no room for them; --format html shows "
    "all."
)
# An underscore inside a word is plain text to Markdown.
_LINKED = re.compile(r"[^\s,()]*(?:&#(?:35|64);|://|www\.)[^\s,()]*")
"""Words in which GitHub would see a mention, a number of an issue, or an address."""
_SPECIAL = re.compile(r"[\\`*\[\]<>&|~$#@]|(?<![^\W_])_|_(?![^\W_])")


def render(document: Document, look: Look) -> str:
    """Return a document whose strings are printable: what decides, and the rest folded away."""
    text = "\n".join(_top(document)) + "\n"
    for section in document.sections:
        folded = section.detail != "main"
        part = "\n".join(_section(section, folded)) + "\n"
        if folded and len(text) + len(part) > MOST:
            return f"{text}\n{LEFT_OUT}\n"
        text += part
    return text


def escape(text: str) -> str:
    """Return plain text in which nothing is Markdown or HTML, and no word a mention or a link."""
    return _LINKED.sub(r"<code>\g<0></code>", _SPECIAL.sub(_entity, text))


def _entity(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"


def _top(document: Document) -> Iterator[str]:
    first, colon, rest = document.verdict.partition(":")
    yield f"**{escape(first)}**{colon}{escape(rest)}" if colon else f"**{escape(first)}**"
    if document.cards:
        yield ""
        yield from _table(
            ("", "answer", "numbers"),
            [
                (escape(one.asked), f"**{one.answer.word}**", escape(one.numbers))
                for one in document.cards
            ],
        )
    for warning in document.warnings:
        yield f"\n> **WARNING**: {escape(warning)}"


def _section(section: Section, folded: bool) -> Iterator[str]:
    badge = "" if section.badge is None else f": {section.badge.word}"
    body = _parts(section.parts)
    if folded:
        yield from _folded(f"{section.title}{badge}", body)
        return
    yield f"\n**{escape(section.title)}{badge}**"
    yield from body


def _parts(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        match part:
            case Text(text):
                yield f"\n{_lines(text)}"
            case Heading(title, badge, after):
                shown = "" if badge is None else f": **{badge.word}**"
                behind = f" ({escape(after)})" if after else ""
                yield f"\n**{escape(title)}**{shown}{behind}"
            case Command(line):
                fence = "`" * max(3, 1 + max(map(len, re.findall("`*", line))))
                yield f"\n{fence}bash\n{line}\n{fence}"
            case Facts(lines):
                yield ""
                for name, *rest in lines:
                    yield f"- {escape(name)}: {', '.join(map(_lines, rest))}"
            case Bullets(lines, title):
                yield f"\n**{escape(title)}**\n" if title else ""
                yield from (f"- {_lines(line)}" for line in lines)
            case Rows():
                yield ""
                yield from _rows(part)
            case Fold(title, inside):
                yield from _folded(title, _parts(inside))
            case Drawing():
                pass


def _rows(rows: Rows) -> Iterator[str]:
    yield from _table([*map(_lines, rows.headers)], [[*map(_cell, row)] for row in rows.cells])


def _cell(cell: Cell) -> str:
    if isinstance(cell, Badge):
        return f"**{cell.word}** {_lines(cell.below)}".rstrip()
    return _lines(cell)


def _lines(text: str) -> str:
    """Return text on one line."""
    return escape(" ".join(text.split("\n")))


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for cells in (header, ["---"] * len(header), *rows):
        yield f"| {' | '.join(cells)} |"


def _folded(title: str, body: Iterable[str]) -> Iterator[str]:
    """Yield a part that opens on a click."""
    yield f"\n<details>\n<summary>{escape(title)}</summary>\n"
    yield from body
    yield "\n</details>"
