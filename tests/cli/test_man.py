"""The man page and the program say the same."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import typer
import yaml

from cch_audit.cli import app
from cch_audit.columns import COLUMNS
from cch_audit.commands.options import ENVIRONMENT
from cch_audit.errors import ExitCode
from cch_audit.estimators import plain_sections, section_names
from cch_audit.settings import EstimatorSettings
from cch_audit.settings.declared import Setting, option_name
from tests.manual import PAGE, settings, update

from .process import environment

PROGRAM = typer.main.get_command(app)
COMMANDS: dict[str, Any] = PROGRAM.commands  # type: ignore[attr-defined]


def plain(roff: str) -> str:
    """Return roff without fonts and escapes."""
    text = re.sub(r"\\f.|\\[&:]", "", roff).replace("\\-", "-").replace("\\e", "\\")
    return re.sub(r"^\.(?:[BIR]|[BIR][BIR]) ", "", text, flags=re.MULTILINE).replace('"', "")


def section(title: str) -> str:
    """Return the roff of one section."""
    parts = re.split(r"^\.SH (.*)\n", PAGE.read_text(encoding="ascii"), flags=re.MULTILINE)
    return dict(pairwise(parts))[title]


def entries(title: str) -> dict[str, str]:
    """Return the tagged paragraphs of a section as plain text, tag line first, by first word."""
    paragraphs = [
        plain(part) for part in re.split(r"^\.(?:TP|SS .*)\n", section(title), flags=re.M)
    ]
    return {part.split()[0]: part for part in paragraphs if part.strip()}


def parameters() -> Iterator[Any]:
    """Yield every option of the program and of its commands."""
    for command in (PROGRAM, *COMMANDS.values()):
        for parameter in command.get_params(typer.Context(command)):
            if parameter.param_type_name == "option":
                yield parameter


OPTIONS = {name for one in parameters() for name in one.opts if name.startswith("--")}
DESCRIBED = {name: text for name, text in entries("OPTIONS").items() if name.startswith("-")}


def test_every_option_has_a_paragraph_and_every_paragraph_an_option() -> None:
    assert set(DESCRIBED) == OPTIONS


def test_every_option_that_the_page_mentions_exists() -> None:
    mentioned = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", plain(PAGE.read_text(encoding="ascii"))))
    assert mentioned == OPTIONS


def test_there_are_no_other_spellings() -> None:
    assert not [p.secondary_opts for p in parameters() if p.secondary_opts]


def test_what_the_settings_say_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="ascii")
    assert page == update(page), "the man page is stale: run python -m tests.manual"


@pytest.mark.parametrize("setting", settings(), ids=lambda setting: setting.name)
def test_choices_default_and_range_are_in_the_paragraph(setting: Setting) -> None:
    text = DESCRIBED[option_name(setting.name)]
    if setting.choices:
        assert text.splitlines()[0].split()[1:] == ["|".join(setting.choices)]
    default = setting.default
    if isinstance(default, tuple) and default:
        *first, last = default
        assert f"Default: {', '.join(first)} and {last}." in text
    elif isinstance(default, int | float | str) and not isinstance(default, bool):
        assert f"Default: {default}.\n" in text
    for bound in (setting.low, setting.high):
        if bound not in (None, 0, 1):
            assert str(bound) in text


def test_the_environment_section_lists_the_variables_of_all_options() -> None:
    read = {parameter.envvar for parameter in parameters() if parameter.envvar}
    listed = set(re.findall(rf"{ENVIRONMENT}[A-Z_]+\b", section("ENVIRONMENT")))
    assert listed == read


def test_every_variable_is_named_after_its_option() -> None:
    for parameter in parameters():
        if parameter.envvar:
            name = parameter.opts[0].removeprefix("--").replace("-", "_").upper()
            assert parameter.envvar == ENVIRONMENT + name


def test_every_key_of_the_settings_file_is_the_name_of_an_option() -> None:
    assert {option_name(setting.name) for setting in settings()} <= set(DESCRIBED)


def test_the_example_of_a_settings_file_holds_all_estimator_settings_and_their_defaults() -> None:
    roff = section("CONFIGURATION FILE")
    example = yaml.safe_load(plain(roff.partition(".EX\n")[2].partition(".EE\n")[0]))
    shown = {key: value for key, value in example.items() if isinstance(value, dict)}
    assert shown == plain_sections(EstimatorSettings(), section_names())
    assert set(example) - set(shown) <= {setting.name for setting in settings()}


def test_every_column_of_a_ranking_is_explained() -> None:
    tags = {line for text in entries("DESCRIPTION").values() for line in text.splitlines()[:1]}
    named = {name.strip(" ,") for tag in tags for name in tag.split()}
    assert set(COLUMNS) <= named


def test_every_exit_code_is_there_and_no_other() -> None:
    assert {int(tag) for tag in entries("EXIT STATUS") if tag.isdigit()} == {*ExitCode}


@pytest.mark.parametrize("title", ["SYNOPSIS", "COMMANDS"])
def test_every_command_is_there(title: str) -> None:
    lines = plain(section(title)).splitlines()
    assert {line.split()[0] for line in lines if line.split()[0] in COMMANDS} == set(COMMANDS)


@pytest.mark.parametrize(
    "renderer",
    [("man", "--warnings", "-l"), ("groff", "-man", "-ww", "-Tascii")],
    ids=lambda renderer: renderer[0],
)
def test_the_page_renders_without_warnings_into_80_columns(renderer: tuple[str, ...]) -> None:
    if shutil.which(renderer[0]) is None:
        pytest.skip(f"{renderer[0]} is not installed")
    done = subprocess.run(
        [*renderer, str(PAGE)],
        env=environment({"MANWIDTH": "80", "LC_ALL": "C", "GROFF_NO_SGR": "1", "MANPAGER": "cat"}),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stderr == ""
    text = re.sub(".\b", "", done.stdout)
    assert max(map(len, text.splitlines())) <= 80
