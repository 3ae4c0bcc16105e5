"""How much memory is free: of the machine, of a container, of a process that is limited."""

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
    found = _fields(Path("/proc/meminfo"))
    if "MemAvailable" in found:
        yield found["MemAvailable"] + found.get("SwapFree", 0.0)


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
                    with suppress(OSError):
                        used -= _cached(folder / "memory.stat")
                    yield float((folder / limit).read_text()) - used


def _of_process() -> Iterator[float]:
    with suppress(ImportError):  # not on Windows
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        used = _fields(Path("/proc/self/status")).get("VmSize")
        if limit != resource.RLIM_INFINITY and used is not None:
            yield limit - used


def _cached(stat: Path) -> float:
    """Return what a group keeps of files that were read, which it gives up."""
    lines = (line.split() for line in stat.read_text().splitlines())
    return sum(float(size) for name, size in lines if name == "inactive_file")


def _fields(file: Path) -> dict[str, float]:
    """Return the sizes in a file of lines such as `VmSize: 12 kB`, in bytes."""
    found = {}
    with suppress(OSError):
        for line in file.read_text().splitlines():
            name, _, rest = line.partition(":")
            if rest.endswith("kB"):
                found[name] = float(rest.removesuffix("kB")) * 1024
    return found
