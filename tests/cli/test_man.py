"""The man page and the program say the same."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import MISSING, Field, asdict, fields
from itertools import pairwise
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import typer
import yaml

from cch_audit.cli import app
from cch_audit.commands.options import ENVIRONMENT, SECTIONS
from cch_audit.errors import ExitCode
from cch_audit.settings import ColumnName, EstimatorSettings, SimulateSettings

from .process import ROOT, environment

PAGE = ROOT / "man" / "cch-audit.1"
PROGRAM = typer.main.get_command(app)
COMMANDS: dict[str, Any] = PROGRAM.commands  # type: ignore[attr-defined]
SETTINGS = [(cls, setting) for cls in SECTIONS for setting in fields(cls)]
DRAWN = [(SimulateSettings, setting) for setting in fields(SimulateSettings)]


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


def option(setting: "Field[Any]") -> str:
    return "--" + setting.name.replace("_", "-")


OPTIONS = {name for parameter in parameters() for name in parameter.opts}
DESCRIBED = {name: text for name, text in entries("OPTIONS").items() if name.startswith("-")}


def test_every_option_has_a_paragraph_and_every_paragraph_an_option() -> None:
    assert set(DESCRIBED) == OPTIONS


def test_every_option_that_the_page_mentions_exists() -> None:
    mentioned = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", plain(PAGE.read_text(encoding="ascii"))))
    assert mentioned == OPTIONS


def test_there_are_no_other_spellings() -> None:
    assert not [p.secondary_opts for p in parameters() if p.secondary_opts]


@pytest.mark.parametrize(
    ("cls", "setting"), [*SETTINGS, *DRAWN], ids=lambda item: getattr(item, "name", "")
)
def test_choices_default_and_range_are_in_the_paragraph(cls: type, setting: "Field[Any]") -> None:
    text = DESCRIBED[option(setting)]
    kind = get_type_hints(cls)[setting.name]
    if get_origin(kind) is tuple:
        kind = get_args(kind)[0]
    if get_origin(kind) is Literal:
        assert text.splitlines()[0].split()[1:] == ["|".join(get_args(kind))]
    default = setting.default
    assert default is not MISSING
    if isinstance(default, tuple) and default:
        *first, last = default
        assert f"Default: {', '.join(first)} and {last}." in text
    elif isinstance(default, int | float | str) and not isinstance(default, bool):
        assert re.search(rf"Default: {re.escape(str(default))}(\.\n| \()", text)
    for bound in (setting.metadata["low"], setting.metadata["high"]):
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
    assert {option(setting) for _, setting in SETTINGS} <= set(DESCRIBED)


def test_the_example_of_a_settings_file_holds_all_estimator_settings_and_their_defaults() -> None:
    roff = section("CONFIGURATION FILE")
    example = yaml.safe_load(plain(roff.partition(".EX\n")[2].partition(".EE\n")[0]))
    shown = {key: value for key, value in example.items() if isinstance(value, dict)}
    assert shown == asdict(EstimatorSettings())
    assert set(example) - set(shown) <= {setting.name for _, setting in SETTINGS}


def test_every_column_of_a_ranking_is_explained() -> None:
    tags = {line for text in entries("DESCRIPTION").values() for line in text.splitlines()[:1]}
    named = {name.strip(" ,") for tag in tags for name in tag.split()}
    assert set(get_args(ColumnName)) <= named


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
