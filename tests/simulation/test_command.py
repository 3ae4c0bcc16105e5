"""The command without the program around it."""

from dataclasses import fields
from pathlib import Path

import h5py
import pytest
import typer
from typer.testing import CliRunner

from cch_audit.commands.options import with_options
from cch_audit.commands.simulate import simulate
from cch_audit.errors import InputError
from cch_audit.reading.load import load_sample
from cch_audit.settings import (
    AuditSettings,
    EstimatorSettings,
    InputSettings,
    SimulateSettings,
    TheoremSettings,
)
from cch_audit.simulation.asked import USED_BY
from tests.auditing.whole import audit

APP = typer.Typer(pretty_exceptions_enable=False)
APP.command()(simulate)


def run(*arguments: str, code: int = 0) -> str:
    """Return standard output."""
    result = CliRunner().invoke(APP, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code
    return result.stdout


def attributes(path: Path) -> dict[str, object]:
    with h5py.File(path) as file:
        return dict(file.attrs)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--k", "-2"),
        ("--gap", "1", "--p1", "1", "--p2", "7"),
        ("--family", "calibrated", "--gap", "0.2", "--teacher-r2", "0.7"),
        ("--family", "random"),
        ("--family", "negated"),
        ("--family", "shrunk"),
        ("--family", "noise", "--student-r2", "0.3"),
        ("--kind", "world"),
        ("--kind", "classpaired", "--classes", "3"),
    ],
    ids=" ".join,
)
def test_every_kind_can_be_checked_without_options(arguments, tmp_path):
    path = tmp_path / "out.h5"
    printed = run(str(path), "--n", "300", *arguments)
    assert load_sample(path, InputSettings()).n_samples == 300
    stored = attributes(path)
    names = [line.split()[0] for line in printed.splitlines()]
    assert sorted(names) == sorted(name for name in stored if name.startswith("truth_"))
    given = " ".join(arguments).replace(" --", "\n--").splitlines()
    assert all(option in stored["recipe"] for option in given)


def test_the_gap_that_is_asked_for(tmp_path):
    run(str(tmp_path / "out.h5"), "--gap", "0.25")
    stored = attributes(tmp_path / "out.h5")
    gap = stored["truth_teacher_student"] - stored["truth_student_labels"]
    assert gap == pytest.approx(0.25)
    assert stored["truth_change_0.5"] < 0
    assert stored["truth_variance_condition"]
    assert stored["truth_train_size"] == 400


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gaussian", "world", "classpaired"])
def test_an_audit_carries_the_truth(kind, tmp_path):
    run(str(tmp_path / "out.h5"), "--n", "300", "--kind", kind)
    sample = load_sample(tmp_path / "out.h5", InputSettings())
    stored = attributes(tmp_path / "out.h5")
    assert list(sample.truths) == list(sample.teachers)
    settings = AuditSettings(estimator=("gaussian",), surrogates=0, resamples=200, jobs=1)
    for found in audit(sample, settings, EstimatorSettings(), seed=0):
        ending = f"_{found.teacher}" if kind == "world" else ""
        for level, known in sample.truths[found.teacher].items():
            assert found.levels[level].truth == known
            name = "truth_predictions" if level == "predictions" else "truth"
            assert known.teacher_student == stored[f"{name}_teacher_student{ending}"]
            assert known.student_labels == stored[f"{name}_student_labels"]
            assert known.gap == known.teacher_student - known.student_labels
        assert (found.levels["predictions"].truth is None) == (kind == "classpaired")


def test_rows_do_not_change_the_population(tmp_path):
    for n in ("100", "200"):
        run(str(tmp_path / n), "--family", "random", "--n", n, "--train-size", "50", "--seed", "3")
    first, second = (attributes(tmp_path / n) for n in ("100", "200"))
    assert first.pop("recipe") != second.pop("recipe")
    assert first == second


def test_the_same_command_writes_the_same_bytes(tmp_path):
    for name in "ab":
        run(str(tmp_path / name), "--family", "random", "--seed", "5")
    run(str(tmp_path / "c"), "--family", "random", "--seed", "6")
    first, second, third = ((tmp_path / name).read_bytes() for name in "abc")
    assert first == second != third


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name the file to write, or add --verify"),
        (("out.h5", "--verify"), "leave 'out.h5' away"),
        (("out.h5", "--kind", "world", "--k", "2"), "--k changes nothing with world"),
        (("out.h5", "--family", "noise", "--gap", "2"), "belongs to calibrated, exact"),
        (("out.h5", "--family", "random", "--student-r2", ".5"), "--student-r2 changes nothing"),
        (("out.h5", "--classes", "3"), "it belongs to classpaired"),
        (("--verify", "--p1", "3"), "--p1 changes nothing with --verify"),
        (("out.h5", "--populations", "300"), "it belongs to --verify"),
        (("out.h5", "--k", "2", "--gap", "1"), "say the same thing"),
        (("out.h5", "--p2", "60", "--n", "100"), "give it 62 or more"),
        (("out.h5", "--gap", "-1"), "every gap is above"),
        (("no/out.h5",), "create it first"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_refusals(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as refused:
        run(*arguments)
    assert message in with_options(str(refused.value))
    assert not list(tmp_path.iterdir())


def test_a_file_is_kept_unless_forced(tmp_path):
    path = str(tmp_path / "out.h5")
    run(path)
    with pytest.raises(InputError, match="exists already"):
        run(path)
    run(path, "--force")


def test_verify_prints_the_record():
    printed = run("--verify", "--populations", "200")
    assert printed.startswith("Theorem 1 on 200 random joint Gaussians (seed 0)")
    assert "HOLDS: 0 of" in printed


def test_the_table_of_uses_names_options_only():
    names = {f.name for kind in (SimulateSettings, TheoremSettings) for f in fields(kind)}
    assert set(USED_BY) <= names
