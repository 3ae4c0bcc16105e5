"""The manual and the program say the same."""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from typing import Any

import pypandoc
import pytest
import yaml

from cch_audit.columns import COLUMNS
from cch_audit.commands.options import ENVIRONMENT
from cch_audit.errors import ExitCode
from cch_audit.estimators import plain_sections, section_names
from cch_audit.settings import EstimatorSettings
from cch_audit.settings.declared import option_name
from tests.manual import (
    COMMANDS,
    PROGRAM,
    PROJECT,
    Page,
    choices,
    options,
    pages,
    paragraphs,
    project,
    roff,
    with_settings,
)
from tests.readme import README, ROOT, between

from .process import environment, run

PAGES = pages()
TEXTS = {page: page.source.read_text(encoding="utf-8") for page in PAGES}
OF_COMMANDS = [page for page in PAGES if page.section == 1]
(OVERVIEW,) = (page for page in OF_COMMANDS if page.name == PROGRAM)
NAMES = {name for command in COMMANDS for one in options(command) for name in one.opts}
PINNED = re.search(
    r"^pypandoc_binary==(.*)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.M
)
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.title)
every_command = pytest.mark.parametrize("page", OF_COMMANDS, ids=lambda page: page.name)


def section(page: Page, title: str) -> str:
    """Return one section of a page."""
    _, *parts = re.split(r"^## (.*)\n", TEXTS[page], flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))[title]


def described(page: Page) -> dict[str, str]:
    """Return what a page says of each option, its names and value on the first line."""
    entries = re.split(r"\n{2,}", between(TEXTS[page], "<!-- options -->").strip())
    return {entry.split("`")[1]: entry for entry in entries if entry.startswith("`")}


def mentioned(text: str) -> set[str]:
    """Return the long names of options in a text."""
    return set(re.findall(r"(?<![\w-])--[a-z][\w-]*", text))


def parameters() -> Iterator[Any]:
    """Yield every option of the program and of its commands."""
    for command in COMMANDS:
        yield from options(command)


def test_every_command_has_a_page_and_every_page_of_commands_a_command() -> None:
    assert {page.name for page in OF_COMMANDS} == set(COMMANDS)


@every_page
def test_a_page_is_named_as_its_file(page: Page) -> None:
    assert page.made.name == f"{page.name}.{page.section}"


@every_page
def test_what_the_settings_say_is_on_the_page(page: Page) -> None:
    text = TEXTS[page]
    assert text == with_settings(text, page), "the page is stale: run python -m tests.manual"


@pytest.mark.slow
@every_page
def test_what_man_reads_is_made_of_the_markdown(page: Page) -> None:
    if PINNED is None or pypandoc.__version__ != PINNED[1]:
        pytest.skip("another pandoc than that of constraints.txt writes other roff")
    found = page.made.read_text(encoding="ascii")
    assert found == roff(TEXTS[page], page), "the roff is stale: run python -m tests.manual"


def test_no_roff_is_without_its_markdown() -> None:
    folder = PAGES[0].source.parent
    assert set(folder.glob("*.[1-9]")) == {page.made for page in PAGES}


def test_every_page_is_installed() -> None:
    text = PROJECT.read_text(encoding="utf-8")
    assert text == project(text), "the list is stale: run python -m tests.manual"
    built = tomllib.loads(text)["tool"]["hatch"]["build"]["targets"]["wheel"]
    installed = built["shared-data"]
    assert {ROOT / name for name in installed} == {page.made for page in PAGES}
    assert all(place.split("/")[-2] == f"man{place[-1]}" for place in installed.values())


@every_command
def test_every_option_has_a_paragraph_and_every_paragraph_an_option(page: Page) -> None:
    assert set(described(page)) == {one.opts[0] for one in options(page.name)}


def test_every_paragraph_is_on_a_page() -> None:
    shown = [" ".join(text.split()) for page in OF_COMMANDS for text in described(page).values()]
    for option, _, _, text in paragraphs():
        assert any(f"`{option}`" in one and " ".join(text.split()) in one for one in shown), option


@every_page
def test_every_option_that_a_page_mentions_exists(page: Page) -> None:
    assert mentioned(TEXTS[page]) <= NAMES


def test_every_option_that_the_readme_mentions_exists() -> None:
    assert mentioned(README.read_text(encoding="utf-8")) <= NAMES


def test_there_are_no_other_spellings() -> None:
    assert not [p.secondary_opts for p in parameters() if p.secondary_opts]


@every_command
def test_names_choices_default_range_and_variable_are_in_the_paragraph(page: Page) -> None:
    for option in options(page.name):
        tag, _, text = described(page)[option.opts[0]].partition("\\\n")
        text = " ".join(text.split())
        assert tag.count("`--") == 1
        assert all(f"`{name}`" in tag for name in option.opts)
        assert "\\|".join(choices(option)) in tag
        default = option.default
        if isinstance(default, list):
            default = ", ".join(default)
        if default not in (None, "") and not isinstance(default, bool):
            assert f"Default: {default}." in text
        for end in (option.min, option.max):
            assert end is None or re.search(rf"(?:From|to|least|most) {end}\b", text)
        assert (option.envvar or "") in text
        assert option.multiple == ("May be repeated." in text)


def test_the_environment_section_lists_the_variables_of_all_options() -> None:
    read = {parameter.envvar for parameter in parameters() if parameter.envvar}
    listed = set(re.findall(rf"{ENVIRONMENT}[A-Z_]+\b", section(OVERVIEW, "Environment")))
    assert listed == read


def test_every_variable_is_named_after_its_option() -> None:
    for parameter in parameters():
        if parameter.envvar:
            name = parameter.opts[0].removeprefix("--").replace("-", "_").upper()
            assert parameter.envvar == ENVIRONMENT + name


def test_the_example_of_a_settings_file_is_what_config_prints() -> None:
    """With the defaults of every section that only a file can change."""
    text = section(OVERVIEW, "Configuration file")
    example = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0])
    sections = {key: value for key, value in example.items() if isinstance(value, dict)}
    assert sections == plain_sections(EstimatorSettings(), section_names())
    given = [
        argument
        for key, value in example.items()
        if key not in sections
        for one in (value if isinstance(value, list) else [value])
        for argument in (option_name(key), str(one))
    ]
    printed = yaml.safe_load(run("config", *given).stdout)
    assert example == {key: printed[key] for key in example}


def test_every_column_of_a_ranking_is_explained() -> None:
    (rank,) = (page for page in OF_COMMANDS if page.name == f"{PROGRAM}-rank")
    assert set(re.findall(r"^`(\w+)`\\$", section(rank, "Columns"), re.M)) == set(COLUMNS)


def test_every_exit_code_is_there_and_no_other() -> None:
    codes = re.findall(r"^`(\d+)`\\$", section(OVERVIEW, "Exit status"), re.MULTILINE)
    assert sorted(map(int, codes)) == sorted(ExitCode)


@every_command
def test_a_page_says_how_its_command_ends(page: Page) -> None:
    text = section(page, "Exit status")
    codes = {int(code) for code in re.findall(r"^`(\d+)`\\$", text, re.MULTILINE)}
    assert codes <= {*ExitCode}
    assert re.search(r"\b0\b", text)


@every_page
def test_links_between_pages_lead_somewhere(page: Page) -> None:
    titles = {other.source.name: other.title for other in PAGES}
    for text, target in re.findall(r"\[([^]]+)\]\(([^)]*)\)", TEXTS[page]):
        assert target.startswith("http") or (page.source.parent / target).exists()
        assert titles.get(target, text) == text


@pytest.mark.parametrize(
    "renderer",
    [("man", "--warnings", "-l"), ("groff", "-man", "-ww", "-Tascii")],
    ids=lambda renderer: renderer[0],
)
@every_page
def test_a_page_renders_without_warnings_into_80_columns(
    page: Page, renderer: tuple[str, ...]
) -> None:
    if shutil.which(renderer[0]) is None:
        pytest.skip(f"{renderer[0]} is not installed")
    done = subprocess.run(
        [*renderer, str(page.made)],
        env=environment({"MANWIDTH": "80", "LC_ALL": "C", "GROFF_NO_SGR": "1", "MANPAGER": "cat"}),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stderr == ""
    text = re.sub(".\b", "", done.stdout)
    assert max(map(len, text.splitlines())) <= 80
