"""A command is filled in, run, ended, and its score read."""

import json
import time
from math import inf
from pathlib import Path

import pytest

from cch_audit.distillation import one_run
from cch_audit.distillation.one_run import Command, Order, parse_command, read_score, train_once
from cch_audit.errors import InputError
from tests.processes import gone


def order(folder: Path, arm: str = "distilled", seed: int = 3, teacher: str = "t") -> Order:
    return Order(arm, seed, teacher, folder / "run")


def shell(script: str, score_file: str = "score.json", key: str | None = None) -> Command:
    return Command(("sh", "-c", script), score_file, key)


@pytest.fixture(autouse=True)
def _in_its_own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_placeholders_alone_are_filled_in(tmp_path):
    command = parse_command("py 'a {arm}' --s={seed} {teacher} {x} {} {folder}/m", "m", ["q 1"])
    filled = [order(tmp_path, teacher="q {arm}").fill(one) for one in command.arguments]
    folder = tmp_path / "run"
    assert filled == ["py", "a distilled", "--s=3", "q {arm}", "{x}", "{}", f"{folder}/m"]


@pytest.mark.parametrize(
    ("text", "file", "key"),
    [
        ("m.json", "m.json", None),
        ("m.json:acc", "m.json", "acc"),
        ("out/m.json:val.acc", "out/m.json", "val.acc"),
        ("a:b/m.json", "a:b/m.json", None),
    ],
)
def test_file_and_key_of_the_score(text, file, key):
    command = parse_command("x {arm} {seed}", text, ["t"])
    assert (command.score_file, command.key) == (file, key)


@pytest.mark.parametrize(
    ("command", "score_from", "teachers", "said"),
    [
        ("", "m", "t", "is empty"),
        ("x '{arm} {seed}", "m", "t", "No closing quotation"),
        ("x {seed}", "m", "t", "has no {arm}, without which runs are not told apart"),
        ("x {arm}", "m", "t", "has no {seed}"),
        ("x {arm} {seed}", "m", "tu", "has no {teacher}, and 2 teachers are audited (t, u)"),
        ("x {arm} {seed}", "m.json:", "t", "write FILE, or FILE:KEY"),
        ("x {arm} {seed} {teacher}", "m", ["--rm"], "'--rm' would be taken for an option"),
        ("sh -c 'x {arm} {seed} {teacher}'", "m", ["a; rm b"], "by a shell, for code"),
        ("ssh host x {arm} {seed} {teacher}", "m", ["a b"], "by a shell, for code"),
        ("env /bin/bash -ec '{arm} {seed} {teacher}'", "m", ["$(x)"], "by a shell, for code"),
    ],
)
def test_a_command_that_could_not_be_meant_is_refused(command, score_from, teachers, said):
    with pytest.raises(InputError) as refused:
        parse_command(command, score_from, list(teachers))
    assert said in str(refused.value)


def test_a_name_is_one_argument_whatever_is_in_it():
    for program in ("x", "sh train.sh"):
        command = parse_command(program + " {arm} {seed} {teacher}", "m", ["a; rm b"])
        assert command.names("teacher")


def test_a_run_is_kept_with_its_score(tmp_path):
    command = shell("echo out; echo err >&2; cat; echo '{\"score\": 0.5}' > score.json")
    assert train_once(command, order(tmp_path), inf) == 0.5
    kept = {path.name: path.read_text() for path in (tmp_path / "run").iterdir()}
    assert kept == {
        "stdout.txt": "out\n",
        "stderr.txt": "err\n",
        "score.json": '{"score": 0.5}\n',
    }


def test_the_score_is_looked_up_in_the_folder_that_the_command_was_given(tmp_path):
    (tmp_path / "score.json").write_text("0.1")
    command = shell("echo 0.7 > {folder}/score.json")
    assert train_once(command, order(tmp_path), inf) == 0.7
    named = shell("echo 0.8 > {folder}/x.json", "{folder}/x.json")
    assert train_once(named, order(tmp_path), inf) == 0.8


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo one >&2; echo 'two bad' >&2; echo >&2; exit 3", "exited with 3"),
        ("echo one >&2; echo 'two bad' >&2; echo >&2; exit 3", "teacher t: two bad); what it"),
        ("kill -9 $$", "was ended by signal 9"),
        ("true", "score.json: was not written by the run (arm distilled, seed 3, teacher t"),
        ("echo hello > score.json", "is no JSON"),
        (": > score.json", "is no JSON"),
        ("echo '{}' > score.json", "has no key 'score' (it has none"),
        ("echo '{\"acc\": 1}' > score.json", "has no key 'score' (it has acc;"),
        ("echo '[1]' > score.json", "the score is [1], no finite number"),
        ("echo '{\"score\": NaN}' > score.json", "the score is NaN, no finite number"),
        ("echo '{\"score\": true}' > score.json", "the score is true"),
        ('echo \'{"score": "0.9"}\' > score.json', 'the score is "0.9"'),
        ("mkdir score.json", "score.json: cannot be read (Is a directory"),
    ],
)
def test_a_run_that_fails_is_refused_with_what_it_printed(tmp_path, script, said):
    with pytest.raises(InputError) as refused:
        train_once(shell(script), order(tmp_path), inf)
    message = str(refused.value)
    assert said in message
    assert str(tmp_path / "run") in message
    assert "\n" not in message


def test_a_program_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="'no-such-program' cannot be started"):
        train_once(Command(("no-such-program",), "m", None), order(tmp_path), inf)


def test_the_score_of_an_earlier_run_is_not_taken_for_its_own(tmp_path):
    write = shell("echo 0.5 > score.json")
    assert train_once(write, order(tmp_path), inf) == 0.5
    with pytest.raises(InputError, match="is older than the run"):
        train_once(shell("true"), order(tmp_path), inf)
    assert train_once(write, order(tmp_path), inf) == 0.5


@pytest.mark.parametrize(
    ("document", "key", "score"),
    [
        (0.5, None, 0.5),
        ({"score": 1}, None, 1.0),
        ({"a": {"b": 2}}, "a.b", 2.0),
        ({"a.b": 3, "a": {"b": 2}}, "a.b", 3.0),
    ],
)
def test_where_a_score_may_be(tmp_path, document, key, score):
    path = tmp_path / "m.json"
    path.write_text(json.dumps(document))
    assert read_score(path, key, "") == score


@pytest.mark.parametrize("content", ["1" * 400, "[" * 100_000, '{"score": {"x": 1}}'])
def test_what_is_no_score_is_refused(tmp_path, content):
    path = tmp_path / "m.json"
    path.write_text(content)
    with pytest.raises(InputError):
        read_score(path, None, "")


CHILD = "sleep 60 & echo $! > child; wait"


def test_when_time_is_over_the_run_ends_with_all_that_it_started(tmp_path):
    assert train_once(shell(CHILD), order(tmp_path), time.monotonic() + 0.1) is None
    assert gone(int((tmp_path / "child").read_text()))


def test_an_interrupt_ends_the_run_with_all_that_it_started(tmp_path, monkeypatch):
    monkeypatch.setattr(one_run, "TELL", 0.05)

    def interrupt() -> None:
        if (tmp_path / "child").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_once(shell(CHILD), order(tmp_path), inf, interrupt)
    assert gone(int((tmp_path / "child").read_text()))


def test_a_run_that_does_not_listen_is_ended_for_certain(tmp_path, monkeypatch):
    monkeypatch.setattr(one_run, "PATIENCE", 0.05)
    deaf = shell(f"trap '' TERM; {CHILD}; wait; wait")
    assert train_once(deaf, order(tmp_path), time.monotonic() + 0.1) is None
    assert gone(int((tmp_path / "child").read_text()))
