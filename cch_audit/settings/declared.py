"""A setting, declared once: its type, default, range, choices and help; and what refuses others."""

import reprlib
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from math import inf
from numbers import Integral, Real
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from cch_audit.errors import InputError

ACCEPTED: dict[type, type] = {bool: bool, int: Integral, float: Real, str: str}
NOUNS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def setting(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Callable[[], tuple[str, ...]] | None = None,
    short: str | None = None,
    rare: bool = False,
    numbers: bool = False,
) -> Any:
    """Return a dataclass field with its help, its closed range, and choices that no type can list.

    `short` is a second name of its option, as -o; what is `rare` stands last in the help. `numbers`
    says that the text lists numbers, so that a number or a list of them stands for their text.

    The type is bool, int, float, str, a Literal of strings, one of these or None, or a tuple of
    any number of these.
    """
    metadata = {
        **{"help": help, "low": low, "high": high, "choices": choices},
        **{"short": short, "rare": rare, "numbers": numbers},
    }
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Setting:
    """All that is known of one setting."""

    name: str
    kind: type
    """bool, int, float or str."""
    default: Any
    help: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    """Empty: any value of the kind."""
    short: str | None
    """Of its option; None: it has but one name."""
    rare: bool
    """Whether few need it."""
    numbers: bool
    """Whether the text lists numbers, separated by commas."""
    is_optional: bool
    is_repeatable: bool

    @property
    def expected(self) -> str:
        """What a value can be, in words."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        low, high = (
            None if end is None else format(end, "g" if self.kind is float else "d")
            for end in (self.low, self.high)
        )
        if low and high:
            return f"{NOUNS[self.kind]} from {low} to {high}"
        if low:
            return f"{NOUNS[self.kind]} of at least {low}"
        return NOUNS[self.kind] + (f" of at most {high}" if high else "")

    def checked(self, value: Any) -> Any:
        """Return a value in the setting's own type; a single one stands for a list of one.

        Raises
        ------
        InputError
            If the setting cannot have it.
        """
        if self.is_repeatable:
            listed = value if isinstance(value, list | tuple) else [value]
            return tuple(self._single(item) for item in listed)
        return None if value is None and self.is_optional else self._single(value)

    def _single(self, value: Any) -> Any:
        if self.numbers and not isinstance(value, str):
            listed = value if isinstance(value, list | tuple) else [value]
            if listed and all(_is_number(item) for item in listed):
                value = ",".join(map(str, listed))
        fits = isinstance(value, ACCEPTED[self.kind])
        if self.kind in (int, float):
            low = -inf if self.low is None else self.low
            high = inf if self.high is None else self.high
            fits = fits and not isinstance(value, bool) and low <= value <= high
        if not fits or (self.choices and value not in self.choices):
            raise InputError(
                f"`{self.name}`: expected {self.expected}, found {reprlib.repr(value)}"
            )
        return self.kind(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


@dataclass(frozen=True)
class Settings:
    """Base of settings, frozen dataclasses whose fields `setting` makes; made, they are valid."""

    def __post_init__(self) -> None:
        """Check every value, and keep it in the setting's own type.

        Raises
        ------
        InputError
            If a setting cannot have its value; names of settings are in backticks.
        """
        for setting in declared(type(self)):
            object.__setattr__(self, setting.name, setting.checked(getattr(self, setting.name)))


def option_name(setting: str) -> str:
    """Return the option of the setting of that name."""
    return "--" + setting.replace("_", "-")


def declared(cls: type[Settings]) -> tuple[Setting, ...]:
    """Return the settings of a class in order."""
    hints = get_type_hints(cls)
    found = []
    for f in fields(cls):
        kind, metadata = hints[f.name], dict(f.metadata)
        origin, list_choices = get_origin(kind), metadata.pop("choices")
        is_optional, is_repeatable = origin in (Union, UnionType), origin is tuple
        if is_optional or is_repeatable:
            kind = get_args(kind)[0]
        choices = () if list_choices is None else list_choices()
        if get_origin(kind) is Literal:
            choices, kind = get_args(kind), str
        metadata |= {"choices": choices, "is_optional": is_optional, "is_repeatable": is_repeatable}
        found.append(Setting(f.name, kind, f.default, **metadata))
    return tuple(found)
