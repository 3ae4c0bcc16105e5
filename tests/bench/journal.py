"""A journal of measured cells, one JSON line each, so that an interrupted bench goes on."""

import json
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"

Cell = dict[str, Any]


class Journal:
    """Cells by key, appended to a file as they are measured."""

    def __init__(self, path: Path, key: tuple[str, ...]) -> None:
        """Read the cells of earlier runs; `key` names the entries that tell cells apart."""
        self._path, self._key, self._lock = path, key, threading.Lock()
        path.parent.mkdir(exist_ok=True)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        cells = map(json.loads, lines)
        self._cells = {self._name(cell): cell for cell in cells}

    def __contains__(self, cell: Cell) -> bool:
        return self._name(cell) in self._cells

    def add(self, cell: Cell) -> None:
        """Append a measured cell; the last one of a key counts."""
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(cell) + "\n")
            self._cells[self._name(cell)] = cell

    def cells(self, wanted: Iterable[Cell]) -> list[Cell]:
        """Return the wanted cells that have been measured."""
        names = map(self._name, wanted)
        return [self._cells[name] for name in names if name in self._cells]

    def everything(self) -> list[Cell]:
        """Return all cells that have been measured."""
        return list(self._cells.values())

    def forget(self, cells: Iterable[Cell]) -> None:
        """Drop cells, so that they are measured again."""
        for cell in cells:
            self._cells.pop(self._name(cell), None)
        lines = "".join(json.dumps(cell) + "\n" for cell in self._cells.values())
        self._path.write_text(lines, encoding="utf-8")

    def _name(self, cell: Cell) -> tuple[Any, ...]:
        return tuple(cell[part] for part in self._key)
