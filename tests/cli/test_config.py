"""An option beats the environment, which beats the file, which beats the default."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cch_audit.cli import app
from cch_audit.errors import InputError

from .process import run


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CCH_AUDIT_")]:
        monkeypatch.delenv(name)


def effective(*arguments: str, file: str | None = None, **env: str) -> dict[str, Any]:
    """Return the settings that `config` prints; `file` is the path of a settings file."""
    named = [] if file is None else ["--config", file]
    variables = {f"CCH_AUDIT_{name}": value for name, value in env.items()}
    done = CliRunner().invoke(app, ["config", *named, *arguments], env=variables)
    assert (done.exit_code, done.stderr) == (0, "")
    settings: dict[str, Any] = yaml.safe_load(done.stdout)
    return settings


def refused(*arguments: str, **env: str) -> str:
    """Return why `config` refuses; what an InputError becomes is tested with the exit codes."""
    variables = {f"CCH_AUDIT_{name}": value for name, value in env.items()}
    done = CliRunner().invoke(app, ["config", *arguments], env=variables)
    assert done.stdout == ""
    if isinstance(done.exception, InputError):
        return str(done.exception)
    assert done.exit_code == 2
    return done.stderr


def write(folder: Path, text: str) -> str:
    path = folder / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_each_layer_beats_the_next(tmp_path: Path) -> None:
    file = write(tmp_path, "seed: 1")
    assert effective()["seed"] == 0
    assert effective(file=file)["seed"] == 1
    assert effective(file=file, SEED="2")["seed"] == 2
    assert effective("--seed", "3", file=file, SEED="2")["seed"] == 3


def test_each_layer_replaces_a_repeatable_option_as_a_whole(tmp_path: Path) -> None:
    file = write(tmp_path, "estimator: [mine, gaussian]")
    assert effective()["estimator"] == ["ksg", "mine", "lmi"]
    assert effective(file=file)["estimator"] == ["mine", "gaussian"]
    assert effective(file=file, ESTIMATOR="ksg lmi")["estimator"] == ["ksg", "lmi"]
    options = ("--estimator", "lmi", "--estimator", "ksg")
    assert effective(*options, file=file, ESTIMATOR="ksg")["estimator"] == ["lmi", "ksg"]


def test_each_layer_can_set_a_flag(tmp_path: Path) -> None:
    file = write(tmp_path, "exit-zero: true\nverbose: false")
    assert effective()["exit_zero"] is False
    assert effective(file=file)["exit_zero"] is True
    assert effective(file=file, EXIT_ZERO="0")["exit_zero"] is False
    assert effective("--exit-zero", EXIT_ZERO="0")["exit_zero"] is True
    assert effective("--verbose", file=file)["verbose"] is True


def test_an_empty_variable_is_unset(tmp_path: Path) -> None:
    file = write(tmp_path, "seed: 1\nrule: any")
    shown = effective(file=file, SEED="", RULE="", CONFIG="")
    assert (shown["seed"], shown["rule"]) == (1, "any")


def test_the_file_can_be_named_by_the_environment(tmp_path: Path) -> None:
    assert effective(CONFIG=write(tmp_path, "seed: 1"))["seed"] == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("teachers: a,b", {"teachers": "a,b"}),
        ("teachers: [a, b]", {"teachers": "a,b"}),
        ("teacher: [a, b]", {"teacher": ["a", "b"]}),
        ("teacher: a", {"teacher": ["a"]}),
        ("predictions: [a=p/a, b=p/b]", {"predictions": ["a=p/a", "b=p/b"]}),
        ("max-samples: 500", {"max_samples": 500}),
        ("max_samples: 500", {"max_samples": 500}),
        ("margin: 1e-2", {"margin": 0.01}),
        ("rows: 3", {"rows": "3"}),
        ("student: é 音", {"student": "é 音"}),
        ("output: null\nplot: null", {"output": [], "plot": None}),
        ("temperature: [1, 2.5]\nweight: 0.5", {"temperature": "1,2.5", "weight": "0.5"}),
        ("train-size: 100\nmin-effect: 1", {"train_size": "100", "min_effect": 1.0}),
        ("confirm: true\nfusion: true", {"confirm": True, "fusion": True}),
        ("by: cka\ntop: 3\ncontrols: yes", {"by": "cka", "top": 3, "controls": True}),
        ("", {"seed": 0}),
        ("# nothing\n", {"seed": 0}),
    ],
)
def test_values_of_a_file(tmp_path: Path, text: str, expected: dict[str, Any]) -> None:
    shown = effective(file=write(tmp_path, text))
    assert {key: shown[key] for key in expected} == expected


def test_a_section_changes_the_keys_it_names_alone(tmp_path: Path) -> None:
    shown = effective(file=write(tmp_path, "ksg: {n_neighbors: 5}\nmine:\n  hidden: 32"))
    assert shown["ksg"] == {"n_neighbors": 5, "n_pairs": 16}
    assert shown["mine"] == {**effective()["mine"], "hidden": 32}
    assert shown["lmi"] == effective()["lmi"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sede: 1", "unknown key 'sede'; the nearest known one is 'seed'"),
        ("max_sample: 100", "the nearest known one is 'max_samples'"),
        ("ksgg: {n_neighbors: 5}", "the nearest known one is 'ksg'"),
        ("ksg: {n_neighbours: 5}", "ksg: unknown key 'n_neighbours'; the nearest known one is"),
        ("config: other.yaml", "unknown key 'config'"),
        ("seed: one", "Invalid value for '--seed'"),
        ("seed: 1.5", "Invalid value for '--seed'"),
        ("seed: [1, 2]", "Invalid value for '--seed'"),
        ("quiet: perhaps", "Invalid value for '--quiet'"),
        ("seeds: many", "Invalid value for '--seeds'"),
        ("labelled_rows: 9", "Invalid value for '--labelled-rows'"),
        ("by: luck", "'luck' is not one of"),
        ("tempreature: 2", "the nearest known one is 'temperature'"),
        ("confidence: 95", "Invalid value for '--confidence'"),
        ("estimator: [ksg, kgs]", "'kgs' is not one of"),
        ("estimator: ksg,lmi", "'ksg,lmi' is not one of"),
        ("ksg: {n_neighbors: 1000}", "ksg.n_neighbors: expected a whole number from 1 to 20"),
        ("mine: {n_folds: 1}", "mine.n_folds: expected a whole number from 2 to 20"),
        ("n_neighbors: 5", "the nearest known one is 'lmi.n_neighbors'"),
        ("ksg: {n_neighbors: many}", "ksg.n_neighbors: expected a whole number from 1 to 20"),
        ("ksg: {n_neighbors: 2.5}", "ksg.n_neighbors: expected a whole number from 1 to 20"),
        ("ksg: {n_neighbors: true}", "ksg.n_neighbors: expected a whole number from 1 to 20"),
        ("ksg: {n_neighbors: 0}", "ksg.n_neighbors: expected a whole number from 1 to 20"),
        ("mine: {learning_rate: -1}", "mine.learning_rate: expected a number from 1e-08 to 1"),
        ("mine: {learning_rate: .nan}", "mine.learning_rate: expected a number from 1e-08 to 1"),
        ("mine: {learning_rate: .inf}", "mine.learning_rate: expected a number from 1e-08 to 1"),
        ("ksg: 5", "ksg: expected keys with values, found int"),
        ("ksg:", "ksg: expected keys with values, found NoneType"),
        ("- seed", "expected keys with values, found list"),
        ("seed", "expected keys with values, found str"),
        ("seed: [1", "is not valid YAML"),
        ("seed: 1\n\tmargin: 2", "is not valid YAML"),
        ("max-samples: 100\nmax_samples: 500", "are the same key"),
        ("student: {a: 1}", "student: expected a value or a list of values, found dict"),
        ("student: !!binary aGk=", "student: expected a value or a list of values, found bytes"),
        ("estimator: [[ksg]]", "expected a value or a list of values, found list"),
        ("quiet: !!bool x", "is not valid YAML"),
        ("margin: .nan", "Invalid value for '--margin'"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused("--config", write(tmp_path, text))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_bytes(b"seed: \xff\xfe")
    assert "is not valid YAML" in refused("--config", str(path))


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.mkdir [{made}]",
        "seed: !!python/object/apply:os.mkdir [{made}]",
        "student: !!python/name:os.system ''",
    ],
)
def test_a_file_cannot_run_code(tmp_path: Path, text: str) -> None:
    made = tmp_path / "made"
    done = run("config", "--config", write(tmp_path, text.format(made=made)))
    assert done.returncode == 2
    assert "could not determine a constructor" in done.stderr
    assert not made.exists()


def test_settings_of_training_and_ranking_have_variables() -> None:
    shown = effective(
        SEEDS="6", WEIGHT="0.1", REQUIRE_CONFIRMED="1", BY="score", TOP="2", ARCHITECTURE="mlp"
    )
    expected = {"seeds": 6, "weight": "0.1", "require_confirmed": True, "by": "score", "top": 2}
    assert {key: shown[key] for key in expected} == expected
    assert (shown["architecture"], shown["train_size"], shown["confirm"]) == ("mlp", None, False)


def test_a_wrong_variable_is_refused() -> None:
    assert "'--seed'" in refused(SEED="one")


def test_what_config_prints_is_a_file_that_says_the_same(tmp_path: Path) -> None:
    text = "teachers: [a, b]\nksg: {n_neighbors: 5}\nmine: {learning_rate: 0.00002}"
    options = ("--teacher", "c é", "--margin", "0.5", "--quiet", "--estimator", "lmi")
    first = run("config", "--config", write(tmp_path, text), *options)
    again = run("config", "--config", write(tmp_path, first.stdout))
    assert first.returncode == again.returncode == 0
    assert again.stdout == first.stdout
    assert yaml.safe_load(first.stdout)["mine"]["learning_rate"] == 0.00002


@pytest.mark.slow
def test_check_obeys_the_file(pairs: str, tmp_path: Path) -> None:
    text = "estimator: gaussian\nsurrogates: 0\nformat: csv\nquiet: true\nexit-zero: true"
    done = run("check", pairs, "--config", write(tmp_path, text))
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(",")[4] for line in done.stdout.splitlines()[1:]] == ["gaussian"] * 2
    assert ",fail," in done.stdout
