"""How much memory is free?"""

import os
import re
from contextlib import suppress
from pathlib import Path

UNKNOWN = 16 * 2**30
"""What is assumed where the system does not say."""
LIMITS = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
)
"""Files with the limit of a container and with what it uses, and the cache among that, by version
of the control groups."""


def free_memory() -> int:
    """Return the bytes that this process may still take."""
    found = []
    with suppress(OSError):
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        match = re.search(r"^MemAvailable:\s+(\d+) kB", text, flags=re.MULTILINE)
        found.extend([int(match[1]) * 1024] if match else [])
    if not found:
        with suppress(OSError, ValueError, AttributeError):
            found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    root = Path("/sys/fs/cgroup")
    for limit, used, cache in LIMITS:
        # "max" where there is no limit.
        with suppress(OSError, ValueError):
            stat = (root / limit).with_name("memory.stat").read_text()
            given_back = re.search(rf"^{cache} (\d+)$", stat, flags=re.MULTILINE)
            in_use = int((root / used).read_text()) - (int(given_back[1]) if given_back else 0)
            found.append(int((root / limit).read_text()) - in_use)
    return max(0, min(found, default=UNKNOWN))
