"""How much memory is free: of the machine, of a container, of a process that is limited."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

GROUPS = (
    (Path("/sys/fs/cgroup"), "memory.max", "memory.current"),
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes"),
)
"""Where the two versions of control groups say what a container may use and uses."""


def free_memory() -> float:
    """Return the bytes that may still be allocated; infinity where nothing says."""
    return min([*_of_machine(), *_of_groups(), *_of_process()], default=float("inf"))


def _of_machine() -> Iterator[float]:
    available = _number(Path("/proc/meminfo"), "MemAvailable")
    if available is not None:
        yield available + (_number(Path("/proc/meminfo"), "SwapFree") or 0.0)


def _of_groups() -> Iterator[float]:
    paths = ["/"]
    with suppress(OSError):
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        paths += [line.split(":", 2)[2] for line in lines if line.split(":")[1] in ("", "memory")]
    for root, limit, usage in GROUPS:
        for path in paths:
            own = root / path.lstrip("/")
            for folder in (own, *own.parents):
                if not folder.is_relative_to(root):
                    break
                with suppress(OSError, ValueError):  # no such group, or the word `max`
                    used = float((folder / usage).read_text())
                    # What it keeps of files that were read, it gives up.
                    used -= _number(folder / "memory.stat", "inactive_file") or 0.0
                    yield float((folder / limit).read_text()) - used


def _of_process() -> Iterator[float]:
    with suppress(ImportError):  # not on Windows
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        used = _number(Path("/proc/self/status"), "VmSize")
        if limit != resource.RLIM_INFINITY and used is not None:
            yield limit - used


def _number(file: Path, name: str) -> float | None:
    """Return the bytes that a line such as `VmSize: 12 kB` or `inactive_file 12288` says."""
    with suppress(OSError):
        found = re.search(rf"^{name}:?\s+(\d+)( kB)?$", file.read_text(), re.MULTILINE)
        if found:
            return float(found[1]) * (1024 if found[2] else 1)
    return None
