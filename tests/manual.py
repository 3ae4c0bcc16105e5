"""Writes what the man page has from the settings: python -m tests.manual.

That is, in OPTIONS, the choices behind an option and its default; and all of the variables, of the
example of a settings file and of the columns of a ranking, between comments that begin with
`.\\" settings:`.
"""

import re
import textwrap
from functools import partial
from pathlib import Path

import yaml

from cch_audit.columns import COLUMNS
from cch_audit.commands.options import ENVIRONMENT, SECTIONS
from cch_audit.estimators import section, section_names
from cch_audit.settings import SimulateSettings, TheoremSettings
from cch_audit.settings.declared import Setting, declared, option_name

PAGE = Path(__file__).resolve().parents[1] / "man" / "cch-audit.1"
WIDTH = 100
MANY = 60
"""Characters of choices from which on a line may break between them."""
EXAMPLE = {"estimator": ["ksg", "lmi"], "margin": 0.05}
"""Options that the example of a settings file has, beside all sections."""


def roff(text: str) -> str:
    """Return text with its hyphens as a terminal shows them."""
    return text.replace("-", "\\-")


def settings() -> list[Setting]:
    """Return what the page has an option for; of several commands, the one with all choices."""
    classes = (TheoremSettings, SimulateSettings, *SECTIONS)
    return [*{one.name: one for cls in classes for one in declared(cls)}.values()]


def update(page: str) -> str:
    """Return the page as the settings would have it."""
    for setting in settings():
        tag = re.escape(roff(option_name(setting.name)))
        paragraph = rf"(?ms)(?<=^\.TP\n)\.BI? {tag}(?: [^\n]*)?\n.*?(?=^\.(?:TP|SS|SH))"
        page = re.sub(paragraph, partial(_paragraph, setting), page)
    page = _between(page, "columns", _columns())
    page = _between(page, "variables", _variables())
    return _between(page, "example", _example())


def _paragraph(setting: Setting, found: re.Match[str]) -> str:
    """Return an option's paragraph with its choices and its default."""
    text = found[0]
    if setting.choices:
        between = "\\fR|\\fP"
        if len("".join(setting.choices)) > MANY:
            between = "\\fR|\\:\\fP"
        tag = f'.BI {roff(option_name(setting.name))} " {between.join(setting.choices)}"'
        text = tag + text[text.index("\n") :]
    default = setting.default
    if isinstance(default, tuple) and default:
        *first, last = default
        default = f"{', '.join(first)} and {last}"
    if default in (None, ()) or isinstance(default, bool):
        return text
    return re.sub(r"(?m)^Default: .*$", lambda _: f"Default: {roff(str(default))}.", text)


def _between(page: str, name: str, lines: list[str]) -> str:
    """Return the page with other lines between two comments."""
    begin, end = f'.\\" settings: {name}\n', f'.\\" settings: end of {name}\n'
    before, after = page.split(begin)[0], page.split(end)[1]
    return before + begin + "".join(f"{line}\n" for line in lines) + end + after


def _columns() -> list[str]:
    """Return what teachers can be ordered by."""
    lines = []
    for name, column in COLUMNS.items():
        title = "" if column.meaning.startswith(column.title) else f"{column.title}: "
        text = f"{title}{column.meaning}."
        text = text[0].upper() + text[1:]
        lines += [".TP", f".B {name}", *textwrap.wrap(roff(text), WIDTH)]
    return lines


def _variables() -> list[str]:
    """Return the variables of the environment."""
    names = ["config", *(setting.name for cls in SECTIONS for setting in declared(cls))]
    return textwrap.wrap(", ".join(ENVIRONMENT + name.upper() for name in names), WIDTH)


def _example() -> list[str]:
    """Return a settings file with every section at its defaults."""
    lines = yaml.safe_dump(EXAMPLE, default_flow_style=None, sort_keys=False).splitlines()
    for name in section_names():
        lines.append(f"{name}:")
        settings = declared(section(name))
        entries = [f"  {one.name}: {one.default}" for one in settings]
        width = max(map(len, entries))
        lines += [f"{entry:<{width}}  # {one.help}" for entry, one in zip(entries, settings)]
    return [".EX", *map(roff, lines), ".EE"]


if __name__ == "__main__":
    PAGE.write_text(update(PAGE.read_text(encoding="ascii")), encoding="ascii")
