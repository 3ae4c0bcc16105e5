"""The answer does not depend on what a machine lacks: a home, a writable disk, memory, cores."""

import os
import shutil
from pathlib import Path

import pytest

from .process import FIXTURES, PROGRAM, ROOT, Finished, run, run_driver, start_and_wait

pytestmark = pytest.mark.slow

FILE = str(FIXTURES / "gaussian_pass.h5")
FAST = ("--surrogates", "0", "--resamples", "200", "--max-samples", "300", "--jobs", "1")
AUDIT = ("check", FILE, "--estimator", "ksg", "--estimator", "lmi", *FAST)
PASSED = "PASS: I(teacher;student) exceeds I(student;labels)"


def have(*programs: str) -> bool:
    return all(shutil.which(program) for program in programs)


def may_unshare() -> bool:
    """Whether this sandbox has file systems of its own, in which folders become read-only."""
    command = ("unshare", "-rm", "mount", "-o", "remount,bind,ro", "/")
    return have("unshare", "mount") and start_and_wait(*command).returncode == 0


def unshared(script: str, *arguments: str) -> Finished:
    """Run the program where this script has changed what is mounted."""
    return start_and_wait("unshare", "-rm", "sh", "-c", f'{script}\n"$@"', "sh", *arguments)


def passed(done: Finished) -> None:
    """Check that a run gave its full answer and said nothing else."""
    assert (done.returncode, done.stdout) == (0, "x1\n"), done.stderr
    assert done.stderr.startswith(PASSED)
    assert done.stderr.count("\n") == 1


def test_a_damaged_kernel_cache_heals(tmp_path: Path) -> None:
    arguments = ("check", FILE, "--estimator", "ksg", *FAST, "--format", "names", "--no-cache")
    cache = {"NUMBA_CACHE_DIR": str(tmp_path)}
    passed(run(*arguments, env=cache))
    files = sorted(tmp_path.rglob("*.nb*"))
    assert files
    for number, path in enumerate(files):
        path.write_bytes(path.read_bytes()[: number % 2 * 500])
    passed(run(*arguments, env=cache))
    assert all(len(path.read_bytes()) > 500 for path in tmp_path.rglob("*.nbi"))


@pytest.mark.parametrize("value", ["0", "many"])
def test_numbers_of_threads_that_are_none_are_ignored(value: str) -> None:
    names = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
    arguments = [argument for argument in AUDIT if argument not in ("--jobs", "1")]
    passed(run(*arguments, "--format", "names", env=dict.fromkeys(names, value)))


def test_the_working_directory_may_be_gone(tmp_path: Path) -> None:
    # Without measuring coverage, for which a folder is needed.
    script = 'unset COVERAGE_PROCESS_CONFIG; cd "$1"; rmdir "$1"; shift; "$@"'
    gone = tmp_path / "gone"
    for arguments, code, words in (
        ((*AUDIT, "--format", "names"), 0, PASSED),
        (("check", "pairs.h5"), 2, "pairs.h5: no such file"),
        ((*AUDIT, "--output", "report.txt"), 2, "cannot be"),
    ):
        gone.mkdir()
        done = start_and_wait("sh", "-c", script, "sh", str(gone), *PROGRAM, *arguments)
        assert done.returncode == code
        assert words in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.mark.skipif(
    not (have("setpriv") and os.geteuid() == 0), reason="only root can become somebody else"
)
@pytest.mark.parametrize("user", ["65534", "54321"], ids=["nobody", "unknown"])
def test_a_user_needs_no_home_and_nothing_to_write_to(user: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    for folder in tmp_path.parents:
        if folder != Path(folder.anchor) and folder.stat().st_uid == 0 and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o711)
    # May read everything, for the interpreter may be in another user's home, and write nothing.
    caps = "-all,+dac_read_search"
    become = ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups")
    become += (f"--inh-caps={caps}", f"--ambient-caps={caps}", f"--bounding-set={caps}")
    path = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    bare = ("env", "-i", *(f"{name}={value}" for name, value in path.items()))
    report, figure = tmp_path / "report.html", tmp_path / "figure.png"
    outputs = ("--format", "html", "--output", str(report), "--plot", str(figure))
    done = start_and_wait(*become, *bare, *PROGRAM, *AUDIT, *outputs, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(PASSED)
    assert done.stderr.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == [figure, report]


@pytest.mark.skipif(not may_unshare(), reason="needs to mount file systems of its own")
def test_nothing_need_be_writable() -> None:
    script = (
        "for folder in $(cut -d' ' -f5 /proc/self/mountinfo); do "
        'mount -o "remount,bind,ro" "$folder"; done 2>/dev/null\n'
        f"if touch {ROOT}/probe /tmp/probe 2>/dev/null; then exit 99; fi"
    )
    done = unshared(script, *PROGRAM, *AUDIT, "--format", "html")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("</html>\n")
    assert done.stderr.startswith(PASSED)
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not may_unshare(), reason="needs to mount file systems of its own")
def test_no_shared_memory_is_needed() -> None:
    script = "mount -t tmpfs -o ro none /dev/shm || exit 99"
    arguments = [*AUDIT, "--format", "names", "--jobs", "2"]
    passed(unshared(script, *PROGRAM, *arguments))


@pytest.mark.skipif(not have("taskset"), reason="needs taskset")
def test_one_core_gives_the_same_bytes() -> None:
    arguments = (*AUDIT[:-2], "--format", "csv", "--quiet")
    one = start_and_wait("taskset", "-c", str(min(os.sched_getaffinity(0))), *PROGRAM, *arguments)
    assert (one.returncode, one.stderr) == (0, "")
    assert one.stdout == run(*arguments).stdout


FREE = """
import sys
import cch_audit.reading.memory
free = float(sys.argv.pop(1))
cch_audit.reading.memory.free_memory = lambda: free
from cch_audit.__main__ import main
main()
"""


@pytest.mark.parametrize(
    ("free", "jobs", "remedy"),
    [
        ("4e8", "1", "use --max-samples "),
        ("4e8", "4", "use --max-samples "),
        ("5.5e8", "4", "use --jobs 1"),
        ("1e6", "1", "free some, or audit fewer columns"),
    ],
)
def test_too_little_memory_is_refused_before_the_work(free: str, jobs: str, remedy: str) -> None:
    done = run_driver(FREE, free, "check", FILE, "--estimator", "mine", "--jobs", jobs)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: 3000 rows need about ")
    assert done.stderr.endswith("\n")
    assert remedy in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_is_advised_where_memory_is_short_is_accepted() -> None:
    arguments = ("check", FILE, "--estimator", "mine", "--surrogates", "0", "--jobs", "1")
    advice = run_driver(FREE, "4e8", *arguments).stderr.split("use ")[1].split()
    assert run_driver(FREE, "4e8", *arguments, *advice).returncode in (0, 1, 3)


@pytest.mark.parametrize("megabytes", [600, 1000, 1500])
def test_no_memory_at_the_start_is_no_verdict(megabytes: int) -> None:
    # A library may end the process by itself, with 1, or not find room for its code.
    limit = f'ulimit -v {megabytes * 1000}; "$@"'
    done = start_and_wait("sh", "-c", limit, "sh", *PROGRAM, *AUDIT)
    assert done.returncode in (0, 2, 70)
    assert "Traceback" not in done.stderr
