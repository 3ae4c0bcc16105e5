"""Runs by a command are paired, kept, gone on with, and end once they have decided."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cch_audit.distillation.commanded import Commanded, about_runs, plan_runs, train_by_command
from cch_audit.distillation.own_runs import ask, confirm_runs
from cch_audit.distillation.read_runs import read_runs
from cch_audit.errors import InputError
from cch_audit.sample import Labels
from cch_audit.settings import ConfirmationSettings, OwnRunsSettings

LABELS = Labels(np.array([0, 0, 1, 1], dtype=np.int64), ("a", "b"))
TRAINER = """
[ -e fail-$2 ] && exit 9
echo "$1 $2 $3" >> log
case $1-$3 in baseline-*) s=80;; distilled-good) s=84;; *) s=80;; esac
echo "{\\"score\\": 0.$s$2}" > metrics.json
"""
COMMAND = "sh train.sh {arm} {seed} {teacher}"


@pytest.fixture(autouse=True)
def _trainer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("train.sh").write_text(TRAINER)


def planned(teachers=("good",), command=COMMAND, seeds=8, budget=None, metric="auto", **own):
    settings = ConfirmationSettings(metric=metric)
    question = ask(LABELS, settings, 0.95, sequential=True)
    given = OwnRunsSettings(command=command, score_from="metrics.json", **own)
    return plan_runs(given, teachers, question, seeds, budget)


def trained(plan: Commanded):
    return train_by_command(plan, lambda what, share: None)


def log() -> list[str]:
    return Path("log").read_text().splitlines()


def refused(**asked) -> str:
    with pytest.raises(InputError) as error:
        trained(planned(**asked))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_runs_are_made_in_pairs_until_they_decide():
    told = []
    plan = planned()
    found = train_by_command(plan, lambda what, share: told.append((what, share)))["good"]
    assert (found.source, found.outcome, found.cause) == ("runs", "helps", "unclear")
    assert found.size.n_repetitions == 6
    assert found.gain.estimate == pytest.approx(0.04)
    assert log() == [f"{arm} {n} good" for n in range(6) for arm in ("baseline", "distilled")]
    assert 0 < found.seconds < 60
    assert told[2] == ("training, arm baseline, seed 1, teacher good", 1 / 8)


def test_what_is_kept_is_a_file_of_runs():
    found = trained(planned())["good"]
    path = Path("cch-runs/runs.csv")
    runs = read_runs(path, "accuracy")
    question = ask(LABELS, ConfirmationSettings(), 0.95, sequential=about_runs(path) is not None)
    again = confirm_runs(runs, ["good"], question, str(path))["good"]
    assert again.gain == found.gain
    folder = Path("cch-runs/good-distilled-seed-5")
    assert {one.name for one in folder.iterdir()} == {"stdout.txt", "stderr.txt", "metrics.json"}
    assert json.loads((folder / "metrics.json").read_text()) == {"score": 0.845}


def test_the_baseline_is_run_once_for_all_teachers_and_who_is_decided_rests():
    found = trained(planned(("good", "bad"), seeds=20))
    assert {name: one.outcome for name, one in found.items()} == {
        "good": "helps",
        "bad": "no_change",
    }
    runs = log()
    n_bad = found["bad"].size.n_repetitions
    assert 6 < n_bad < 20
    assert len([run for run in runs if run.startswith("baseline")]) == n_bad
    assert runs.count("distilled 5 good") == 1
    assert "distilled 6 good" not in runs
    assert f"distilled {n_bad - 1} bad" in runs


def test_a_control_decides_why():
    found = trained(planned(control=("Uniform",)))["good"]
    assert (found.outcome, found.cause) == ("helps", "transfer")
    assert list(found.size.controls) == ["uniform"]


def test_a_run_that_fails_is_made_again_and_those_before_it_are_not():
    Path("fail-3").touch()
    assert "the command exited with 9 (arm baseline, seed 3, teacher good)" in refused()
    assert len(log()) == 6
    Path("fail-3").unlink()
    assert trained(planned())["good"].outcome == "helps"
    assert len(log()) == len(set(log())) == 12
    assert trained(planned())["good"].outcome == "helps"
    assert len(log()) == 12


def test_seeds_or_time_that_are_spent_are_said():
    assert "has 0 pairs of runs where two are the least" in refused(budget=0.0)
    few = trained(planned(seeds=3))["good"]
    assert (few.outcome, few.size.n_repetitions) == ("undecided", 3)
    assert "All 3 seeds are spent" in few.notes[-1]
    out_of_time = trained(planned(budget=0.0))["good"]
    assert out_of_time.gain == few.gain
    assert "The budget of 0 s is spent" in out_of_time.notes[-1]
    assert trained(planned())["good"].size.n_repetitions == 6


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"command": COMMAND + " --x"}, "keeps runs of another command"),
        ({"metric": "weighted_f1"}, "keeps runs of another metric ('accuracy', now 'weighted_f1')"),
        ({"command": "sh train.sh {arm} {seed} good"}, "keeps runs of another"),
    ],
)
def test_runs_of_something_else_are_not_mixed(asked, said):
    trained(planned(seeds=2))
    message = refused(**asked)
    assert said in message
    assert "name another `runs_folder`" in message
    assert len(log()) == 4


def test_without_a_name_in_the_command_runs_are_of_one_teacher():
    command = "sh train.sh {arm} {seed} good"
    trained(planned(seeds=2, command=command))
    assert "another teacher ('good', now 'bad')" in refused(teachers=("bad",), command=command)


def test_a_file_of_other_runs_is_not_gone_on_with():
    Path("cch-runs").mkdir()
    Path("cch-runs/runs.csv").write_text("arm,seed,score\nbaseline,0,0.5\n")
    assert "does not say which command it is of" in refused()


def test_a_folder_has_one_process_at_a_time():
    plan = planned()

    def start_another(what: str, share: float) -> None:
        with pytest.raises(InputError, match="another cch-audit, or a run"):
            trained(plan)

    assert train_by_command(plan, start_another)["good"].outcome == "helps"


@pytest.mark.parametrize("folder", ["no/such", "train.sh", "null\0"])
def test_a_folder_that_cannot_be_used_is_refused(folder):
    assert "cannot be used for runs" in refused(runs_folder=folder)


@pytest.mark.parametrize("names", [("a b",), ("baseline",), ("x", "X"), ("-x",), ("../x",)])
def test_a_name_that_is_no_further_arm_is_refused(names):
    assert "`control`" in refused(control=names)


def test_a_score_that_the_metric_cannot_have_is_refused():
    Path("train.sh").write_text("echo 93.5 > metrics.json")
    assert "has the score 93.5, and accuracy is from 0 to 1; divide percentages" in refused()
    assert not Path("cch-runs/runs.csv").exists()


def test_teachers_of_like_names_have_folders_of_their_own():
    teachers = ("a/b", "a b", "a_b", "é" * 200)
    trained(planned(teachers, seeds=2))
    folders = [path.name for path in Path("cch-runs").iterdir() if "distilled" in path.name]
    assert len(folders) == 2 * len(teachers)
    assert all(name.isascii() for name in folders)


def test_a_larger_number_of_seeds_goes_on():
    trained(planned(seeds=2))
    plan = planned()
    assert trained(replace(plan, most_seeds=4))["good"].size.n_repetitions == 4
    assert len(log()) == 8


def test_what_a_run_leaves_behind_does_not_keep_the_folder():
    Path("train.sh").write_text("sleep 3 & " + TRAINER)
    trained(planned(seeds=2))
    assert trained(planned(seeds=3))["good"].size.n_repetitions == 3
