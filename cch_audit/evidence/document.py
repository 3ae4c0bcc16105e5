"""A JSON file and the parts of it, each of which knows where it is when it is not as expected."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cch_audit.errors import InputError

MOST_BYTES = 64 * 2**20
"""A report of a thousand teachers is smaller."""
ADVICE = "write the report again with --format json"
_KINDS = {dict: "an object", list: "a list", bool: "true or false", type(None): "null"}
_LONGEST = 40


@dataclass(frozen=True)
class Part:
    """A value of a JSON document."""

    value: Any
    file: str
    path: str = ""
    """From the top of the document, for messages."""

    def has(self, key: str) -> bool:
        """Return whether a key of this object has a value other than null."""
        self._insist(isinstance(self.value, dict), "an object")
        return self.value.get(key) is not None

    def at(self, *keys: str) -> "Part":
        """Return a value below this one.

        Raises
        ------
        InputError
            If a key is missing, or something that should hold keys does not.
        """
        part = self
        for key in keys:
            part._insist(isinstance(part.value, dict), "an object")
            path = f"{part.path}.{key}".removeprefix(".")
            if key not in part.value:
                raise InputError(f"{self.file}: {path} is missing; {ADVICE}")
            part = Part(part.value[key], self.file, path)
        return part

    def items(self) -> Iterator[tuple[str, "Part"]]:
        """Yield the keys of an object with their values."""
        self._insist(isinstance(self.value, dict), "an object")
        for key in self.value:
            yield key, self.at(key)

    def elements(self) -> Iterator["Part"]:
        """Yield the elements of a list."""
        self._insist(isinstance(self.value, list), "a list")
        for number, value in enumerate(self.value):
            yield Part(value, self.file, f"{self.path}[{number}]")

    def text(self) -> str:
        """Return a text."""
        self._insist(isinstance(self.value, str), "a text")
        return str(self.value)

    def optional_text(self) -> str | None:
        """Return a text, or None for null."""
        return None if self.value is None else self.text()

    def number(self) -> float | None:
        """Return a number; None for null and for one that is not finite."""
        if self.value is None:
            return None
        is_number = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        self._insist(is_number, "a number or null")
        try:
            number = float(self.value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None

    def choice(self, choices: Sequence[str]) -> Any:
        """Return one of some words."""
        known = isinstance(self.value, str) and self.value in choices
        self._insist(known, f"one of {', '.join(choices)}")
        return self.value

    def as_json(self) -> str:
        """Return the value as JSON, equal for equal values."""
        try:
            return json.dumps(self.value, sort_keys=True)
        except RecursionError as err:
            raise InputError(f"{self.file}: {self.path} is nested too deeply; {ADVICE}") from err

    def _insist(self, fits: bool, wanted: str) -> None:
        """Refuse a value that is not what is wanted."""
        if fits:
            return
        found = _KINDS.get(type(self.value)) or self.as_json()[: _LONGEST + 1]
        if len(found) > _LONGEST:
            found = f"{found[:_LONGEST]}..."
        where = self.path or "the document"
        raise InputError(f"{self.file}: {where} is {found}, expected {wanted}; {ADVICE}")


def load(path: Path) -> Part:
    """Return the top of a JSON document; NaN and infinities in it become null.

    Raises
    ------
    InputError
        If the file cannot be read, is too large, or is not JSON.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as err:
        reason = err.strerror or err
        raise InputError(f"{path}: cannot be read ({reason}); name a JSON report") from err
    if len(content) > MOST_BYTES:
        raise InputError(
            f"{path}: has more than {MOST_BYTES:,} bytes; no report of cch-audit is so large, "
            "name a JSON report"
        )
    if not content.strip():
        raise InputError(f"{path}: is empty; {ADVICE}")
    try:
        document = json.loads(content, parse_constant=lambda literal: None)
    except (ValueError, RecursionError) as err:
        reason = str(err) if isinstance(err, json.JSONDecodeError) else _reason(err)
        raise InputError(f"{path}: is not JSON ({reason}); {ADVICE}") from err
    return Part(document, str(path))


def _reason(err: Exception) -> str:
    """Return why a text that is not malformed outright cannot be read."""
    if isinstance(err, RecursionError):
        return "it is nested too deeply"
    if isinstance(err, UnicodeDecodeError):
        return "it is not Unicode text"
    return "it holds a number with too many digits"
