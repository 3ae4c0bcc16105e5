"""Files larger than the memory that reading them may take."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

PROGRAM = """
import re, sys
from pathlib import Path
from cch_audit.reading.describe import describe
from cch_audit.reading.load import load_sample
from cch_audit.settings import InputSettings
sample = load_sample(Path(sys.argv[1]), InputSettings())
assert sample.student.shape == (10_000, 512), sample.student.shape
if len(sys.argv) > 2:
    assert describe(Path(sys.argv[1]), InputSettings()).usable
# getrusage would count the memory of the process that started this one.
status = Path("/proc/self/status").read_text()
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) // 1024)
"""


def write_large(path: Path, n_rows: int) -> Path:
    """Write two representations (n_rows, 512) whose rows differ in one column only."""
    rng = np.random.default_rng(0)
    block = np.zeros((1000, 512), dtype=np.float32)
    block[:] = np.arange(1000)[:, None] % 8 * np.ones(512)
    with h5py.File(path, "w") as file:
        for name in ("teacher", "student"):
            dataset = file.create_dataset(
                name, (n_rows, 512), "f4", chunks=(1000, 512), compression="lzf"
            )
            for start in range(0, n_rows, 1000):
                block[:, 0] = rng.normal(size=1000)
                dataset[start : start + 1000] = block
        file["labels"] = rng.integers(0, 10, n_rows)
        file.attrs.update({"teacher": "teacher", "student": "student"})
    return path


def peak_megabytes(path: Path, *options: str) -> int:
    """Return the largest resident memory of a process that reads the file."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path), *options],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the peak memory is read from /proc"
)


@pytest.mark.slow
@needs_proc
def test_memory_depends_on_the_rows_kept(tmp_path: Path) -> None:
    # Kept: 2 representations of 10,000 rows, 82 MB; read: 820 MB. Interpreter, libraries, one block
    # and the work arrays of a check take the rest.
    assert peak_megabytes(write_large(tmp_path / "large.h5", 200_000)) < 450


@needs_proc
@pytest.mark.slow
def test_two_million_rows(tmp_path: Path) -> None:
    path = write_large(tmp_path / "large.h5", 2_000_000)
    assert peak_megabytes(path) < 1000
    assert peak_megabytes(path, "describe") < 1500
