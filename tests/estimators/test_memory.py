"""The memory that an estimate takes is what is said before it begins."""

import subprocess
import sys
from pathlib import Path

import pytest

from cch_audit.estimators import memory
from cch_audit.settings import EstimatorSettings

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="needs Linux to tell the peak"
)
MEASURE = """
import sys
from pathlib import Path
import numpy as np
from cch_audit.estimators import estimate
from cch_audit.estimators import LmiSettings, MineSettings
from cch_audit.settings import EstimatorSettings

def bytes_of(field):
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return float(status[field].split()[0]) * 1024

name, n, d = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
settings = EstimatorSettings((MineSettings(max_steps=25), LmiSettings(max_steps=25)))
rng = np.random.default_rng(0)
estimate(name, *rng.standard_normal((2, 100, 2)), rng, settings)  # libraries are loaded
x, noise = rng.standard_normal((2, n, d))
y = x + noise
Path("/proc/self/clear_refs").write_text("5")  # the highest mark is from here on
before = bytes_of("VmRSS")
estimate(name, x, y, rng, settings)
print(bytes_of("VmHWM") - before)
"""


def peak(name: str, n: int, d: int) -> float:
    """Return the bytes that an estimate of n rows and d + d columns takes at most."""
    command = (sys.executable, "-c", MEASURE, name, str(n), str(d))
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "n", "d"),
    [
        ("mine", 10_000, 8),
        ("gaussian", 10_000, 128),
        ("mine", 10_000, 64),
        ("mine", 40_000, 64),
        ("lmi", 10_000, 128),
        ("ksg", 10_000, 128),
    ],
)
def test_the_need_is_the_peak(name: str, n: int, d: int) -> None:
    # Within a factor of two: what allocators keep differs between machines.
    assert 0.5 < memory(name, n, 2 * d, EstimatorSettings()) / peak(name, n, d) < 2.0


@pytest.mark.slow
def test_the_pairs_of_many_rows_are_never_there_at_once() -> None:
    assert peak("mine", 40_000, 8) < 700e6
