"""Compares the numbers of two commits: python -m tests.same_numbers BEFORE [AFTER [OPTION...]].

Both audit every fixture, train with the teachers of two and sweep one, with all defaults or the
given options, from a worktree of their own. What differs is printed, and the exit code says whether
anything does; keys that only one of them has are named, for reports gain some.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LINES = [
    *(f"rank fixtures/{path.name}" for path in sorted((ROOT / "fixtures").glob("*.h5"))),
    "confirm fixtures/diabetes.h5",
    "confirm fixtures/breast_cancer.h5",
    "sweep fixtures/gaussian_pass.h5 --noise 0,1,4",
]
OF_THE_RUN = ("seconds", "command", "tool", "origin")
"""Keys that no two runs share."""


def found(line: str, tree: Path) -> Any:
    """Return the JSON that a command prints in a tree."""
    done = subprocess.run(
        [sys.executable, "-m", "cch_audit", *line.split(), "--format", "json", "--quiet"],
        cwd=tree,
        env={"PYTHONPATH": str(tree), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(done.stdout) if done.stdout else done.stderr


def differences(one: Any, other: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield where two documents differ, and what stands there; a key that is not there is `...`."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys([*one, *other]):
            if key not in OF_THE_RUN:
                yield from differences(one.get(key, ...), other.get(key, ...), f"{where}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other)):
            yield from differences(*pair, f"{where}[{number}]")
    elif one != other:
        yield where, one, other


def worktree(*arguments: str) -> None:
    """Add or remove a tree of one commit."""
    subprocess.run(["git", "worktree", *arguments], cwd=ROOT, check=True, capture_output=True)


def main(before: str, after: str = "HEAD", *options: str) -> int:
    """Print every difference and return how many lines have one in a number that both have."""
    changed = 0
    with TemporaryDirectory() as folder:
        trees = [Path(folder) / name for name in ("before", "after")]
        for tree, of in zip(trees, (before, after)):
            subprocess.run(
                ["git", "worktree", "add", "-q", "--detach", tree, of], cwd=ROOT, check=True
            )
        try:
            for line in (" ".join([line, *options]) for line in LINES):
                both, one_side = [], []
                for where, *pair in differences(*(found(line, tree) for tree in trees)):
                    (one_side if ... in pair else both).append((where, *pair))
                changed += bool(both)
                keys = ", ".join(where for where, *_ in one_side)
                print(f"{line}: {len(both)} differ; only in one: {keys or 'none'}", flush=True)
                for where, old, new in both:
                    print(f"  {where}: {old} before, {new} after", flush=True)
        finally:
            for tree in trees:
                subprocess.run(
                    ["git", "worktree", "remove", "--force", tree], cwd=ROOT, check=False
                )
    return changed


if __name__ == "__main__":
    sys.exit(min(main(*sys.argv[1:]), 1))
