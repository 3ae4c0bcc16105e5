"""Imports go one way, numerics know no terminal, what is heavy is loaded when it is needed."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "cch_audit"
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
FLOORS = (
    {"errors", "randomness", "rows", "work"},
    {"results", "columns", "settings"},
    {"sample", "dependence"},
    {"estimators"},
    {"reading"},
    {"auditing"},
    {"distillation", "forecasting"},
    {"choice", "sweeping", "evidence", "simulation"},
    {"running"},
    {"mapping"},
    {"rendering"},
    {"library", "extraction"},
    {"commands"},
    {"cli"},
    {"__main__"},
)
"""From the ground up: a room imports those of its own floor and below when it is loaded."""
NUMERICS = {
    *("randomness", "rows", "work", "sample", "dependence", "estimators", "auditing"),
    *("distillation", "forecasting", "choice", "sweeping", "evidence", "simulation", "running"),
    "mapping",
}
OUTSIDE = {"typer", "click", "rich", "h5py", "matplotlib", "jinja2"}
WRITES_FILES = {"cch_audit.simulation.write"}
MOST_AT_THE_TOP = 12


def imports(path: Path, *, at_once: bool) -> Iterator[str]:
    """Yield what a module imports, at once when it is loaded or ever; types alone do not count."""
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        if at_once and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        waiting.extend(ast.iter_child_nodes(node))


def room(module: str) -> str:
    """Return the part of the package that a module is in; empty for the package itself."""
    return module.partition(".")[2].partition(".")[0]


def test_every_room_has_its_floor() -> None:
    named = [name for floor in FLOORS for name in floor]
    assert sorted(named) == sorted({room(module) for module in MODULES} - {""})


@pytest.mark.parametrize("module", [one for one in MODULES if room(one)])
def test_nothing_imports_what_is_above_it(module: str) -> None:
    floor = next(number for number, names in enumerate(FLOORS) if room(module) in names)
    above = {name for names in FLOORS[floor + 1 :] for name in names}
    found = {one for one in imports(MODULES[module], at_once=True) if one.startswith("cch_audit.")}
    assert not {one for one in found if room(one) in above}


@pytest.mark.parametrize("module", [one for one in MODULES if room(one) in NUMERICS])
def test_numerics_know_neither_terminal_nor_file_nor_figure(module: str) -> None:
    found = set(imports(MODULES[module], at_once=False))
    packages = {one.partition(".")[0] for one in found}
    assert not packages & (OUTSIDE - ({"h5py"} if module in WRITES_FILES else set()))
    assert not {one for one in found if room(one) in ("rendering", "library", "commands", "cli")}


def test_the_top_is_seen_at_a_glance() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= MOST_AT_THE_TOP


@pytest.mark.parametrize(
    ("code", "not_loaded"),
    [
        ("import cch_audit", "numpy typer rich torch"),
        ("from cch_audit import Report, InputError", "numpy typer rich torch pydantic"),
        ("import cch_audit; cch_audit.extract", "typer rich torch h5py scipy matplotlib"),
        ("import cch_audit; cch_audit.load", "typer rich torch scipy matplotlib"),
        ("import cch_audit.rendering", "numpy rich matplotlib jinja2"),
        ("import cch_audit.running", "typer rich torch h5py matplotlib jinja2"),
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(code: str, not_loaded: str) -> None:
    show = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; {show}"], capture_output=True, text=True, check=True
    )
    assert not set(done.stdout.split()) & set(not_loaded.split())
