"""An estimator of another package, registered by its entry point alone."""

import json
from pathlib import Path

import pytest
import yaml

from .process import FIXTURES, ROOT, run, run_driver

FILE = str(FIXTURES / "gaussian_pass.h5")
ENTRY = """
from dataclasses import dataclass

from cch_audit.estimators import Estimator
from cch_audit.settings.declared import Settings, setting


@dataclass(frozen=True)
class FirstSettings(Settings):
    shrink: float = setting(0.9, "of the correlation", low=0, high=1)


FIRST = Estimator(
    name="first",
    meaning="the correlation of the first columns",
    module="first_columns.work",
    settings=FirstSettings,
    cost=0.1,
)
MISNAMED = Estimator("second", "", "first_columns.work", FirstSettings)
NO_WORK = Estimator("no_work", "", "first_columns.gone", FirstSettings)
NO_FUNCTION = Estimator("no_function", "", "first_columns", FirstSettings)
"""
WORK = """
import numpy as np
from cch_audit.estimators.contract import Estimate


def estimate(x, y, rng, settings, dependence=None):
    columns = [side if side.ndim == 1 else side[:, 0] for side in (x, y)]
    a, b = ((column - column.mean()) / column.std() for column in columns)
    r = settings.shrink * np.mean(a * b)
    e = (a**2 - 2 * r * a * b + b**2) / (1 - r**2)
    values = -0.5 * np.log(1 - r**2) - 0.5 * e + 0.5 * (a**2 + b**2)
    return Estimate(float(values.mean()), values)
"""
FORMATS = ("table", "json", "html")
QUICK = ("--resamples", "200", "--surrogates", "0", "--jobs", "1")


def install(folder: Path, points: dict[str, str], name: str = "first-columns") -> None:
    """Lay out a package as an installer would: modules, and metadata with entry points."""
    package = folder / "first_columns"
    package.mkdir(exist_ok=True)
    (package / "__init__.py").write_text(ENTRY)
    (package / "work.py").write_text(WORK)
    metadata = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"{point} = {value}" for point, value in points.items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[cch_audit.estimators]", *lines]))


@pytest.fixture
def path(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a machine where the package is installed."""
    install(tmp_path, {"first": "first_columns:FIRST"})
    return {"PYTHONPATH": f"{ROOT}:{tmp_path}"}


@pytest.mark.slow
def test_it_runs_and_is_shown_in_table_json_and_page(path: dict[str, str]) -> None:
    estimators = ("--estimator", "ksg", "--estimator", "first", "--rule", "first")
    command = ("check", FILE, *estimators, *QUICK, "--exit-zero")
    table, json_, page = (run(*command, "--format", f, env=path) for f in FORMATS)
    report = json.loads(json_.stdout)
    assert report["settings"]["first"] == {"shrink": 0.9}
    level = report["audits"][0]["levels"]["representations"]
    assert (list(level["estimators"]), level["voters"]) == (["ksg", "first"], ["first"])
    row, _ = (line for line in table.stdout.splitlines() if line.split()[:1] == ["first"])
    assert f"{abs(level['estimators']['first']['gap']['estimate']):.3f}" in row
    assert "the correlation of the first columns" in page.stdout


def test_its_settings_have_a_section_of_the_settings_file(
    path: dict[str, str], tmp_path: Path
) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("first: {shrink: 0.5}\nestimator: first")
    done = run("config", "--config", str(settings), env=path)
    shown = yaml.safe_load(done.stdout)
    assert (shown["first"], shown["estimator"]) == ({"shrink": 0.5}, ["first"])
    settings.write_text("first: {shrink: 2}")
    done = run("config", "--config", str(settings), env=path)
    assert "first.shrink: expected a number from 0 to 1, found 2" in done.stderr
    assert done.returncode == 2


LOADED = """
import sys
from cch_audit.cli import run
try:
    run()
finally:
    print("loaded:", *sorted(name for name in sys.modules if name.startswith("first")))
"""


def test_help_offers_it_and_loads_nothing_of_it(path: dict[str, str]) -> None:
    done = run_driver(LOADED, "check", "--help", env={**path, "COLUMNS": "200"})
    assert done.stdout.count("ksg|mine|lmi|gaussian|first") == 2
    assert done.stdout.splitlines()[-1] == "loaded:"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("points", "name", "said"),
    [
        (
            {"first": "first_columns:GONE"},
            "first",
            "of broken cannot be used: first_columns:GONE cannot be loaded",
        ),
        ({"first": "first_columns:QUICK.x"}, "first", "cannot be loaded (AttributeError"),
        ({"first": "json:loads"}, "first", "is a function, not a cch_audit.estimators.Estimator"),
        ({"first": "first_columns:MISNAMED"}, "first", "calls itself 'second'"),
        ({"no_work": "first_columns:NO_WORK"}, "no_work", "No module named 'first_columns.gone'"),
        ({"no_function": "first_columns:NO_FUNCTION"}, "no_function", "has no function estimate"),
        ({"ksg": "first_columns:FIRST"}, "ksg", "ksg is offered by cch-audit and broken"),
        ({"any": "first_columns:FIRST"}, "any", "'any' is not one of"),
    ],
)
def test_what_cannot_be_used_ends_in_one_sentence(
    tmp_path: Path, points: dict[str, str], name: str, said: str
) -> None:
    install(tmp_path, points, "broken")
    done = run("check", FILE, "--estimator", name, *QUICK, env={"PYTHONPATH": f"{ROOT}:{tmp_path}"})
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_two_packages_that_offer_one_name_are_named(path: dict[str, str], tmp_path: Path) -> None:
    install(tmp_path, {"first": "first_columns:FIRST"}, "another")
    done = run("check", FILE, "--estimator", "first", *QUICK, env=path)
    assert done.returncode == 2
    assert "another" in done.stderr
    assert "first-columns" in done.stderr
    assert run("check", "--help", env=path).returncode == 0
