"""Every outcome has its exit code, and a user's error is one sentence on standard error."""

import signal
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from typing import get_args

import pytest

from cch_audit.commands.reporting import exit_code
from cch_audit.results import Verdict
from cch_audit.settings import OutputSettings
from cch_audit.settings.formats import FORMATS

from .conftest import NOISE
from .process import (
    FIXTURES,
    KSG,
    PROGRAM,
    QUICK,
    VIEWS,
    environment,
    run,
    run_driver,
    run_once,
    start_and_wait,
)


@pytest.mark.parametrize(
    ("name", "code", "word"),
    [
        ("gaussian_pass", 0, "PASS"),
        pytest.param("gaussian_fail", 1, "FAIL", marks=pytest.mark.slow),
        pytest.param("diabetes", 3, "UNDECIDED", marks=pytest.mark.slow),
    ],
)
def test_the_verdict_is_the_exit_code(name: str, code: int, word: str) -> None:
    done = run("check", str(FIXTURES / f"{name}.h5"), *KSG)
    assert done.returncode == code
    assert done.stdout.splitlines()[-1].startswith(f"{word}: ")


@pytest.mark.slow
def test_one_teacher_that_fails_is_enough_to_fail(pairs: str) -> None:
    done = run("check", pairs, *QUICK, "--teacher", "copy", "--teachers", NOISE)
    assert done.returncode == 1
    expected = f"FAIL: of 2 teachers, 1 pass (copy); 1 fail ({NOISE})."
    assert done.stdout.splitlines()[-1] == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("teachers", "code", "sentence"),
    [
        ("pix,fac", 0, "PASS: of 2 teachers, 2 pass (pix, fac)."),
        ("fac,kar", 3, "UNDECIDED: of 2 teachers, 1 pass (fac); 1 undecided (kar)."),
    ],
)
def test_several_teachers_pass_only_if_all_do(teachers: str, code: int, sentence: str) -> None:
    done = run_once("check", VIEWS, *KSG, "--format", "json", "--teachers", teachers)
    assert (done.returncode, done.stderr) == (code, f"{sentence}\n")


@pytest.mark.parametrize(("verdict", "format"), list(product(get_args(Verdict), ["table", "json"])))
def test_exit_zero_and_undecided_change_the_code(verdict: Verdict, format: str) -> None:
    plain = {"pass": 0, "fail": 1, "undecided": 3}

    def code(exit_zero: bool = False, undecided: Verdict = "undecided") -> int:
        return exit_code(
            verdict, OutputSettings(format=format, exit_zero=exit_zero, undecided=undecided)
        )

    assert code() == plain[verdict]
    for undecided in get_args(Verdict):
        assert code(exit_zero=True, undecided=undecided) == 0
        expected = undecided if verdict == "undecided" else verdict
        assert code(undecided=undecided) == plain[expected]


@pytest.mark.slow
def test_the_report_keeps_the_verdict_when_the_code_is_changed(pairs: str) -> None:
    arguments = ("check", pairs, *QUICK, "--margin", "-1.3", "--format", "csv", "--quiet")
    done = run(*arguments, "--undecided", "fail")
    assert (done.returncode, done.stderr) == (1, "")
    assert ",undecided," in done.stdout.splitlines()[1]


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_the_format_does_not_change_the_code(pairs: str, format: str) -> None:
    assert run_once("check", pairs, *QUICK, "--format", format).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check"], "name the FILE to audit"),
        (["check", "missing.h5"], "missing.h5: no such file"),
        (["chek", "{pairs}"], "Did you mean 'check', 'cache'?"),
        (["check", "{pairs}", "--estimatr", "ksg"], "--estimator"),
        (["check", "{pairs}", "--estimator", "kgs"], "'ksg', 'mine', 'lmi', 'gaussian'"),
        (["check", "{pairs}", "--estimator", "ksg", "--estimator", "ksg"], "twice"),
        (["check", "{pairs}", "--estimator", "ksg", "--rule", "mine"], "--estimator mine"),
        (["check", "{pairs}", "--format", "xml"], "'table', 'json', 'markdown', 'html', 'junit'"),
        (["check", "{pairs}", "--confidence", "95"], "less than or equal to 0.999"),
        (["check", "{pairs}", "--max-samples", "10"], "greater than or equal to 50"),
        (["check", "{pairs}", "--seed", "one"], "'--seed'"),
        (["check", "{pairs}", "--margin", "nan"], "--margin"),
        (["check", "{pairs}", "--student"], "requires an argument"),
        (["check", "{pairs}", "--output", "no/such/report"], "the folder"),
        (["check", "{pairs}", "--output", "."], "is a folder"),
        (["check", "{pairs}", "--student", "bodi"], "did you mean 'representations/body'?"),
        (["check", "{pairs}", "--config", "missing.yaml"], "missing.yaml: cannot be read"),
        (["inspect", "missing.h5"], "missing.h5: no such file"),
        (["inspect", "{pairs}", "--format", "csv"], "'table', 'json'"),
        (["config", "extra"], "unexpected extra argument"),
    ],
    ids=lambda item: " ".join(item) if isinstance(item, list) else "",
)
def test_a_wrong_use_exits_2_and_says_why(
    pairs: str, tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = run(*[argument.format(pairs=pairs) for argument in arguments], cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_no_estimator_at_all_is_refused(pairs: str, tmp_path: Path) -> None:
    (tmp_path / "none.yaml").write_text("estimator: []")
    done = run("check", pairs, "--config", str(tmp_path / "none.yaml"))
    assert (done.returncode, done.stderr) == (
        2,
        "error: no estimator is named; name one with --estimator\n",
    )


def test_an_error_shows_no_control_character(tmp_path: Path) -> None:
    done = run("check", "\x1b[31mred\n.h5", cwd=tmp_path)
    assert done.stderr == "error: \\x1b[31mred\\n.h5: no such file; check the path\n"


BUG = """
import cch_audit.auditing.parts
estimate = cch_audit.auditing.parts.estimate

def fails_third(name, *arguments, done=[]):
    done.append(name)
    if len(done) == 3:
        raise RuntimeError("injected")
    return estimate(name, *arguments)

cch_audit.auditing.parts.estimate = fails_third
from cch_audit.cli import main
main()
"""


@pytest.mark.slow
def test_a_bug_exits_70_with_a_traceback_though_other_threads_compute() -> None:
    file = str(FIXTURES / "gaussian_pass.h5")
    options = ("--estimator", "mine", "--jobs", "2", "--exit-zero", "--no-cache")
    done = run_driver(BUG, "check", file, *options)
    assert (done.returncode, done.stdout) == (70, "")
    assert "RuntimeError: injected" in done.stderr
    assert "report it" in done.stderr.splitlines()[-1]


ANNOUNCED = r"""
import sys
import cch_audit.auditing.parts
estimate = cch_audit.auditing.parts.estimate

def announced(*arguments):
    sys.stderr.write("estimating\n")
    sys.stderr.flush()
    return estimate(*arguments)

cch_audit.auditing.parts.estimate = announced
from cch_audit.cli import main
main()
"""


def test_an_interrupt_ends_a_running_audit_with_130(tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    report.write_text("old")
    command = ("check", str(FIXTURES / "gaussian_pass.h5"), "--estimator", "mine", "--jobs", "2")
    process = subprocess.Popen(
        [sys.executable, "-c", ANNOUNCED, *command, "--output", str(report)],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background jobs ignore interrupts, and so would their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "estimating\n"
    time.sleep(1.0)  # until torch is at work
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert stdout == ""
    assert set(stderr.splitlines()) <= {"estimating"}
    # A whole audit makes 20 estimates: 4 informations, their halves and their surrogates.
    assert stderr.count("estimating") < 10
    assert report.read_text() == "old"
    assert list(tmp_path.iterdir()) == [report]


@pytest.mark.parametrize(
    "arguments", [["check", "{pairs}", *QUICK], ["config"], ["inspect", "{pairs}"], ["--help"]]
)
def test_a_reader_that_leaves_ends_it_quietly(pairs: str, arguments: list[str]) -> None:
    command = [*PROGRAM, *(argument.format(pairs=pairs) for argument in arguments)]
    script = '"$@" | head -n 0; exit "${PIPESTATUS[0]}"'
    done = start_and_wait("bash", "-c", script, "bash", *command)
    assert (done.returncode, done.stdout, done.stderr) == (141, "", "")
