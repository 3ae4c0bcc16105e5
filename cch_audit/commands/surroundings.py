"""What libraries would stumble over on an unusual machine, put right before they are loaded."""

import os
import re

COUNTS = (
    "LOKY_MAX_CPU_COUNT",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
)
"""Variables in which libraries expect numbers of threads, and fail at 0 or at a word."""
NO_FOLDER = f"{os.devnull}/none"
"""A folder that nobody can create."""
NOTHING_INSIDE = "/proc/self/fdinfo"
"""A folder in which nothing is found and nothing can be written by a relative name."""


def prepare() -> None:
    """Unset what holds no number, and name other folders where libraries would fail or litter."""
    for name in COUNTS:
        if not re.fullmatch(r"[1-9]\d{0,3}(,[1-9]\d{0,3})*", os.environ.get(name, "1")):
            del os.environ[name]
    # For a user without a home libraries would create a folder of the name `~` where they run.
    if not os.path.isabs(os.path.expanduser("~")):  # noqa: PTH111, PTH117 - pathlib raises
        os.environ["HOME"] = NO_FOLDER
    # Torch would create a folder for a compiler that is not used here, and fail where it cannot.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", os.sep)
    try:
        os.getcwd()  # noqa: PTH109 - it is the call that fails in libraries
    except OSError:
        os.chdir(NOTHING_INSIDE if os.path.isdir(NOTHING_INSIDE) else os.sep)  # noqa: PTH112
