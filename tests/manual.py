"""Writes the manual: python -m tests.manual.

The pages are Markdown, man/NAME.SECTION.md. Between comments they have parts that the program
knows: the options of the page's command with the paragraphs of man/options.md, the columns of a
ranking, the variables, an example of a settings file, and a list of the pages. Pandoc makes of them
what `man` reads, and pyproject.toml installs that. A new page or option needs no more than its
Markdown. What examples print, and tables of results, are written by `python -m tests.readme`.
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import pypandoc
import typer
import yaml

from cch_audit.cli import app
from cch_audit.columns import COLUMNS
from cch_audit.commands.options import ENVIRONMENT, SECTIONS
from cch_audit.estimators import section, section_names
from cch_audit.settings.declared import declared
from tests.readme import MANUAL, ROOT, WIDTH, with_part

PROJECT = ROOT / "pyproject.toml"
OPTIONS = MANUAL / "options.md"
PROGRAM = "cch-audit"
COMMANDS: dict[str, Any] = {PROGRAM: typer.main.get_command(app)}
COMMANDS |= {f"{PROGRAM}-{name}": one for name, one in COMMANDS[PROGRAM].commands.items()}
MANUALS = {1: "User Commands", 5: "File Formats", 7: "Miscellanea"}
"""Titles of the sections."""
SOURCE_WIDTH = 100
INDENT = 7
"""Columns that `man` puts before text."""
HEADING = re.compile(r"^## (--[\w-]+)(?: ([\w=|]+))?(?: \((.+)\))?\n", re.MULTILINE)
"""An option, its value if the program has no better name for it, and the commands it is of."""
UNTITLED, RARE = "Options", "Advanced"
"""Titles in the help of a command, of options that have none and of those that few need."""
EXAMPLE = {"estimator": ["ksg", "lmi"], "margin": 0.05}
"""Options that the example of a settings file has, beside all sections."""
BEGIN, END = "# The pages of the manual; python -m tests.manual writes them.\n", "# end\n"


@dataclass(frozen=True)
class Page:
    """A page of the manual."""

    name: str
    section: int
    summary: str
    source: Path

    @property
    def title(self) -> str:
        """Its name as other pages have it."""
        return f"{self.name}({self.section})"

    @property
    def made(self) -> Path:
        """The file that `man` reads."""
        return self.source.with_suffix("")


def pages() -> list[Page]:
    """Return the pages by section and name."""
    found = []
    for source in MANUAL.glob(f"{PROGRAM}*.md"):
        title = re.match(r"# ([\w-]+)\((\d)\) - (.*)\n", source.read_text(encoding="utf-8"))
        assert title, f"{source}: begins with no title such as # {PROGRAM}(1) - what it is"
        found.append(Page(title[1], int(title[2]), title[3], source))
    return sorted(found, key=lambda page: (page.section, page.name))


def options(command: str) -> list[Any]:
    """Return the options of a command."""
    found = COMMANDS[command].get_params(typer.Context(COMMANDS[command]))
    return [one for one in found if one.param_type_name == "option"]


def paragraphs() -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    """Yield option, value, commands (none: all others) and text of each paragraph."""
    _, *parts = HEADING.split(OPTIONS.read_text(encoding="utf-8"))
    for option, value, of, text in zip(*[iter(parts)] * 4, strict=True):
        yield option, value or "", tuple(of.split(", ")) if of else (), " ".join(text.split())


def paragraph(option: str, command: str) -> tuple[str, str]:
    """Return what an option's value is called, if anything, and what is said of it."""
    found = {of: (value, text) for name, value, of, text in paragraphs() if name == option}
    short = command.removeprefix(f"{PROGRAM}-")
    chosen = next((one for of, one in found.items() if short in of), found.get(()))
    assert chosen, f"{OPTIONS} has no paragraph on {option} of {command}"
    return chosen


def choices(option: Any) -> tuple[str, ...]:
    """Return what an option can be, if that can be listed."""
    kind = option.type_descriptor.annotation
    for one in (kind, *get_args(kind)):
        if isinstance(one, type) and issubclass(one, StrEnum):
            return tuple(one)
        if listed := tuple(value for value in get_args(one) if isinstance(value, str)):
            return listed
    return ()


def facts(option: Any) -> str:
    """Return what the program knows of an option, in sentences."""
    low, high, default = option.min, option.max, option.default
    if isinstance(default, list):
        default = ", ".join(default)
    said = {
        f"From {low} to {high}.": None not in (low, high),
        f"At least {low}.": low is not None and high is None,
        f"At most {high}.": low is None and high is not None,
        "May be repeated.": option.multiple,
        f"Default: {default}.": default not in (None, "") and not isinstance(default, bool),
        f"Variable: `{option.envvar}`.": option.envvar,
    }
    return " ".join(sentence for sentence, is_so in said.items() if is_so)


def with_settings(text: str, page: Page) -> str:
    """Return a page's Markdown with what the program knows."""
    if page.name in COMMANDS:
        text = with_part(text, "options", _options(page.name))
    text = with_part(text, "columns", _columns())
    text = with_part(text, "variables", _variables())
    text = with_part(text, "settings", _settings())
    return with_part(text, "pages", _pages())


def _options(command: str) -> str:
    """Return the options of a command under the titles that its help has."""
    by_title: dict[str, list[str]] = {UNTITLED: []}
    for option in options(command):
        title = option.rich_help_panel or UNTITLED
        by_title.setdefault(title, []).append(_option(option, command))
    rare = by_title.pop(RARE, [])
    entries = by_title.pop(UNTITLED)
    for title, described in (*by_title.items(), *([(RARE, rare)] if rare else [])):
        entries += [f"### {title}", *described]
    return "\n\n".join(entries)


def _option(option: Any, command: str) -> str:
    """Return an option's names and value, and its paragraph."""
    value, text = paragraph(option.opts[0], command)
    value = "|".join(choices(option)) or value or option.metavar or ""
    value = f" *{value}*".replace("|", "\\|") if value else ""
    tag = ", ".join(f"`{name}`" for name in option.opts) + value
    lines = textwrap.wrap(f"{text} {facts(option)}".strip(), SOURCE_WIDTH, break_on_hyphens=False)
    return "\n".join([f"{tag}\\", *lines])


def _columns() -> str:
    """Return what teachers can be ordered by."""
    entries = []
    for name, column in COLUMNS.items():
        title = "" if column.meaning.startswith(column.title) else f"{column.title}: "
        text = f"{title}{column.meaning}.".replace("|", "\\|")
        entries.append(f"`{name}`\\\n{textwrap.fill(text[0].upper() + text[1:], SOURCE_WIDTH)}")
    return "\n\n".join(entries)


def _variables() -> str:
    """Return the variables of the environment."""
    names = ["config", *(setting.name for cls in SECTIONS for setting in declared(cls))]
    listed = " ".join(ENVIRONMENT + one.upper() for one in names)
    return f"```text\n{textwrap.fill(listed, WIDTH - INDENT)}\n```"


def _settings() -> str:
    """Return a settings file with every section at its defaults."""
    lines = yaml.safe_dump(EXAMPLE, default_flow_style=None, sort_keys=False).splitlines()
    for name in section_names():
        lines.append(f"{name}:")
        settings = declared(section(name))
        entries = [f"  {one.name}: {one.default}" for one in settings]
        width = max(map(len, entries))
        lines += [f"{entry:<{width}}  # {one.help}" for entry, one in zip(entries, settings)]
    return "\n".join(["```yaml", *lines, "```"])


def _pages() -> str:
    """Return a list of all pages but the program's own one."""
    others = [page for page in pages() if page.name != PROGRAM]
    return "\n\n".join(f"[{page.title}]({page.source.name})\\\n{page.summary}" for page in others)


def roff(text: str, page: Page) -> str:
    """Return a page as `man` reads it: the same from the same Markdown and pandoc."""
    _, _, body = text.partition("\n")
    body = re.sub(r"(?m)^!\[.*\n", "", body.replace("─", "-"))
    body = re.sub(r"\[([^]]+)\]\((?!https?:)[^)]*\)", r"**\1**", body)
    # A line that a backslash breaks is a tag, and what follows it belongs to it.
    body = re.sub(r"(?m)(?<=\n\n)(.+)\\\n((?:.+\n)+)", _tagged, body)
    made = pypandoc.convert_text(
        f"## Name\n\n{page.name} - {page.summary}\n{body}",
        "man",
        format="gfm+definition_lists-autolink_bare_uris",
        extra_args=["--shift-heading-level-by=-1", "--wrap=none"],
    )
    made = made.replace("\\f[CR]", "\\f[B]")  # a font that terminals have
    made = re.sub(r"(?ms)^\.IP\n(\.EX\n.*?^\.EE)$", _indented, made)
    # A long list of choices may break between them.
    made = re.sub(r"(?m)^\.TP\n.*", lambda found: found[0].replace("|", "|\\:"), made)
    made = re.sub(r"(?m)^\.SH .*$", lambda found: found[0].upper(), made)
    head = f'.TH "{page.name.upper()}" "{page.section}" "" "{PROGRAM}" "{MANUALS[page.section]}"'
    # Words that are to be typed are not hyphenated, nor after an example, which resets it to HY.
    return "\n".join([head, ".nr HY 0", ".nh", ".ad l", made.strip(), ""])


def _indented(found: re.Match[str]) -> str:
    """Return an example so that all of it is in sight on a terminal."""
    lines = [re.sub(r"\\(?:\(..|.)", "-", line) for line in found[1].splitlines()]
    room = WIDTH - 2 * INDENT - max(map(len, lines))
    if room >= 0:
        return found[0]
    return f".PP\n{found[1]}" if room >= -INDENT else f".PP\n.in 0\n{found[1]}\n.in"


def _tagged(found: re.Match[str]) -> str:
    """Return a tag and its paragraph as an entry of a list of definitions."""
    first, *others = found[2].splitlines()
    return "\n".join([found[1], f":   {first}", *(f"    {line}" for line in others), ""])


def project(text: str) -> str:
    """Return pyproject.toml with all pages installed."""
    lines = [
        f'"man/{page.made.name}" = "share/man/man{page.section}/{page.made.name}"\n'
        for page in pages()
    ]
    return text.split(BEGIN)[0] + BEGIN + "".join(lines) + END + text.split(END)[1]


if __name__ == "__main__":
    for page in pages():
        text = with_settings(page.source.read_text(encoding="utf-8"), page)
        page.source.write_text(text, encoding="utf-8")
        page.made.write_text(roff(text, page), encoding="ascii")
    PROJECT.write_text(project(PROJECT.read_text(encoding="utf-8")), encoding="utf-8")
