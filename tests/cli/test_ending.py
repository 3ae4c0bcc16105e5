"""How the program ends: 0, 1 and 3 only with a report that was finished and delivered."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from .process import FIXTURES, PROGRAM, Finished, environment, run, run_driver, start_and_wait

FILE = str(FIXTURES / "gaussian_pass.h5")
AUDIT = ("check", FILE, "--estimator", "gaussian", "--surrogates", "0", "--resamples", "200")
STREAMS = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="needs a device that is always full"
)


def shell(redirections: str, *arguments: str) -> Finished:
    """Run the program under a shell that redirects its streams."""
    return start_and_wait("bash", "-c", f'"$@" {redirections}', "bash", *PROGRAM, *arguments)


@pytest.mark.slow
@STREAMS
@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
def test_standard_error_decides_nothing(redirection: str) -> None:
    done = shell(redirection, *AUDIT, "--format", "json")
    assert done.returncode == 0
    assert done.stdout.startswith("{\n")
    assert done.stdout.endswith("}\n")
    assert '"verdict": "pass"' in done.stdout


@STREAMS
@pytest.mark.parametrize(
    "arguments", [("check", "/nowhere.h5"), ("check", "--nosuch"), ("nosuch",)]
)
@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
def test_a_wrong_use_is_one_though_nothing_can_say_it(
    redirection: str, arguments: tuple[str, ...]
) -> None:
    assert shell(redirection, *arguments).returncode == 2


@pytest.mark.slow
@STREAMS
@pytest.mark.parametrize(
    ("redirection", "arguments"),
    [
        (">/dev/full", AUDIT),
        (">&-", AUDIT),
        (">/dev/full", ("config",)),
        (">&-", ("config",)),
        (">/dev/full", ("--help",)),
        (">&-", ("--help",)),
        (">&-", ("check", "--help")),
        (">&-", ("--version",)),
        (">/dev/full", ("inspect", FILE)),
    ],
)
def test_what_was_not_delivered_is_no_verdict(redirection: str, arguments: tuple[str, ...]) -> None:
    done = shell(redirection, *arguments)
    assert done.returncode == 74
    assert "Traceback" not in done.stderr
    assert "standard output: cannot be written" in done.stderr


@pytest.mark.slow
@STREAMS
@pytest.mark.parametrize("redirection", [">/dev/full 2>/dev/full", ">&- 2>&-"])
def test_what_was_delivered_to_a_file_is_one(redirection: str, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = shell(redirection, *AUDIT, "--format", "json", "--output", str(report))
    assert done.returncode == 0
    assert report.read_text().endswith("}\n")


@pytest.mark.slow
def test_files_do_not_get_the_numbers_of_closed_streams(tmp_path: Path) -> None:
    # The input would be opened as standard error, and warnings be written into it.
    path = tmp_path / "pairs.h5"
    shutil.copy(FILE, path)
    before = path.read_bytes()
    done = shell("0<&- 2>&-", "check", str(path), *AUDIT[2:])
    assert done.returncode == 0
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "broken",
    [
        "import sys; sys.modules['typer'] = None",
        "import sys; sys.modules['numpy'] = None",
    ],
)
def test_a_missing_package_is_no_fail(broken: str) -> None:
    script = f"{broken}\nfrom cch_audit.__main__ import main\nmain()"
    done = run_driver(script, *AUDIT)
    assert done.returncode == 70
    assert "ModuleNotFoundError" in done.stderr


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        ("EOFError()", 70),
        ("MemoryError()", 70),
        ("SystemExit(1)", 70),
        ("SystemExit(3)", 70),
        ("KeyboardInterrupt()", 130),
    ],
)
def test_what_a_library_raises_is_no_verdict(raised: str, code: int) -> None:
    script = (
        "import cch_audit.reading.load as load\n"
        f"def fails(*arguments, **options): raise {raised}\n"
        "load.load_sample = fails\n"
        "from cch_audit.__main__ import main\n"
        "main()"
    )
    done = run_driver(script, *AUDIT)
    assert (done.returncode, done.stdout) == (code, "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
@pytest.mark.parametrize("delay", [0.3, 4.0])
def test_a_signal_leaves_nothing_behind(
    number: signal.Signals, code: int, delay: float, tmp_path: Path
) -> None:
    report = tmp_path / "report.txt"
    process = subprocess.Popen(
        [*PROGRAM, "check", FILE, "--estimator", "mine", "--no-cache", "--output", str(report)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background jobs ignore interrupts, and so would their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    time.sleep(delay)  # while the program is loaded; while it estimates
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (code, "", "")
    assert list(tmp_path.iterdir()) == []


def output_cases(tmp_path: Path) -> dict[str, tuple[str, ...]]:
    """Return command lines whose output is one of their inputs."""
    pairs, settings, link = (tmp_path / name for name in ("pairs.h5", "c.yaml", "link"))
    shutil.copy(FILE, pairs)
    settings.write_text("margin: 0.1\n")
    link.symlink_to(pairs)
    hard = tmp_path / "hard"
    os.link(pairs, hard)
    return {
        "itself": ("check", str(pairs), "--output", str(pairs)),
        "another spelling": ("check", str(pairs), "--output", f"{tmp_path}/./pairs.h5"),
        "a link": ("check", str(pairs), "--output", str(link)),
        "a hard link": ("check", str(pairs), "--output", str(hard)),
        "inspect": ("inspect", str(pairs), "--output", str(pairs)),
        "settings": ("check", str(pairs), "--config", str(settings), "--output", str(settings)),
        "teachers": ("check", FILE, "--teacher-file", str(pairs), "--output", str(pairs)),
        "evidence": ("evidence", str(pairs), "--output", str(pairs)),
    }


CASES = ("itself", "another spelling", "a link", "a hard link", "inspect", "settings", "teachers",
         "evidence")  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_no_output_replaces_an_input(name: str, tmp_path: Path) -> None:
    arguments = output_cases(tmp_path)[name]
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    done = run(*arguments)
    assert done.returncode == 2
    assert "that is read; give --output another name" in done.stderr
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.slow
def test_outputs_that_cannot_be_written_are_refused_before_any_work(tmp_path: Path) -> None:
    protected = tmp_path / "protected.txt"
    protected.write_text("old")
    protected.chmod(0o400)
    for path, words in ((protected, "is write-protected"), (tmp_path / ("a" * 300), "too long")):
        done = run("check", "/nowhere.h5", "--output", str(path))
        assert done.returncode == 2
        assert words in done.stderr
    assert protected.read_text() == "old"
    longest = tmp_path / ("a" * 250)
    assert run(*AUDIT, "--quiet", "--output", str(longest)).returncode == 0
    assert longest.exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("margin: 2020-13-45\n", "is not valid YAML"),
        (f"margin: {'9' * 5000}\n", "is not valid YAML"),
        ("margin: " + "[" * 3000 + "]" * 3000, "is nested too deeply"),
        ("margin: 0.1\nmargin: 5\n", "the key 'margin' is given twice"),
        ("a: &a [x, x]\nb: [*a, *a]\n", "aliases are not allowed"),
        ("margin: " + "x" * 200_000, "is larger than"),
    ],
)
def test_hostile_settings_are_refused_in_a_sentence(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    done = run("config", "--config", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {path}: ")
    assert words in done.stderr
    assert len(done.stderr) < 600
