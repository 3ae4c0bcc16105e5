"""From settings to options: every setting becomes an option, a variable and a config key."""

import inspect
from collections.abc import Callable
from contextlib import suppress
from dataclasses import Field, fields, replace
from difflib import get_close_matches
from enum import Enum, StrEnum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer
import yaml

from cch_audit.commands.terminal import check_output
from cch_audit.errors import InputError
from cch_audit.settings import (
    AuditSettings,
    ConfirmationSettings,
    EstimatorSettings,
    GateSettings,
    InputSettings,
    OutputSettings,
    RankSettings,
    SweepSettings,
)

ENVIRONMENT = "CCH_AUDIT_"
LARGEST_CONFIG = 100_000
"""Most characters of a settings file."""
DEEPEST_CONFIG = 20
"""Most brackets of a settings file that are open at once; its parser's time grows faster."""
MOST_REASON = 300
"""Most characters of a parser's complaint that are shown."""
SECTIONS = (
    InputSettings,
    AuditSettings,
    GateSettings,
    ConfirmationSettings,
    RankSettings,
    SweepSettings,
    OutputSettings,
)


def with_settings(*classes: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one option per field of some settings classes.

    The command is called with its own parameters and one instance per class, in order. An option
    beats the variable `CCH_AUDIT_<NAME>`, which beats the `--config` file, which beats the default;
    settings that belong to one command alone have neither variable nor key.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(command, eval_str=True).parameters.values())
        own = own[: len(own) - len(classes)]
        added = [_parameter(cls, f) for cls in classes for f in fields(cls)]
        config = [_config(classes)] if set(classes) & set(SECTIONS) else []
        parameters = [*own, *config, *added]

        def run(**values: Any) -> None:
            file = values.pop("config", None)
            built = [
                cls(**{f.name: _value(values.pop(f.name)) for f in fields(cls)}) for cls in classes
            ]
            if file is not None:
                for section in built:
                    for name in ("output", "plot"):
                        check_output(getattr(section, name, None), f"--{name}", [file])
            command(*[values[parameter.name] for parameter in own], *built)

        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return decorate


def estimator_settings(context: typer.Context) -> EstimatorSettings:
    """Return the estimators' settings of the config file, or the defaults."""
    found: EstimatorSettings = context.meta.get("estimators", EstimatorSettings())
    return found


def _config(classes: tuple[type, ...]) -> inspect.Parameter:
    """Return the option of the settings file."""
    option = typer.Option(
        "--config",
        help="YAML file of settings, keys as the options' names.",
        metavar="FILE",
        callback=_config_reader(classes),
        is_eager=True,
        envvar=ENVIRONMENT + "CONFIG",
        show_envvar=False,
    )
    return inspect.Parameter(
        "config",
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[Path | None, option],
    )


def _parameter(cls: type, setting: "Field[Any]") -> inspect.Parameter:
    """Turn one field into a keyword parameter with a typer option."""
    kind = get_type_hints(cls)[setting.name]
    default: Any = setting.default
    repeatable = get_origin(kind) is tuple
    metavar = {str: "TEXT", int: "N", float: "X"}.get(_bare(kind))
    if repeatable:
        kind, default = list[_element(get_args(kind)[0])], list(default)  # type: ignore[misc]
    elif get_origin(kind) is UnionType:
        kind = get_args(kind)[0] | None
    name = "--" + setting.name.replace("_", "-")
    low, high = setting.metadata["low"], setting.metadata["high"]
    option = typer.Option(
        name,
        help=setting.metadata["help"],
        metavar=metavar,
        min=low,
        max=high,
        envvar=ENVIRONMENT + setting.name.upper() if cls in SECTIONS else None,
        show_envvar=False,
        show_default=not repeatable or bool(default),
    )
    return inspect.Parameter(
        setting.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, option],
    )


def _bare(kind: Any) -> Any:
    """Return the type inside a tuple or an optional."""
    return get_args(kind)[0] if get_origin(kind) in (tuple, UnionType) else kind


def _element(kind: Any) -> Any:
    """Return the type of a repeatable option's values; typer takes no list of literals."""
    if get_origin(kind) is not Literal:
        return kind
    return StrEnum("Choice", {choice: choice for choice in get_args(kind)})


def _value(value: Any) -> Any:
    """Return an option's value as the settings hold it: tuples and plain strings."""
    if isinstance(value, list):
        return tuple(_value(item) for item in value)
    return value.value if isinstance(value, Enum) else value


def _config_reader(classes: tuple[type, ...]) -> Callable[[typer.Context, Path | None], Any]:
    """Return what makes a YAML file's values the defaults of one command's options."""
    own = {f.name for cls in classes if cls in SECTIONS for f in fields(cls)}

    def read(context: typer.Context, path: Path | None) -> Path | None:
        if path is not None and not context.resilient_parsing:
            defaults, context.meta["estimators"] = _read_config(path)
            # Keys of other commands are checked, and left alone here.
            defaults = {name: value for name, value in defaults.items() if name in own}
            context.default_map = {**(context.default_map or {}), **defaults}
        return path

    return read


def _read_config(path: Path) -> tuple[dict[str, Any], EstimatorSettings]:
    """Return a YAML file's options and estimators' settings."""
    known = {name: kind for cls in SECTIONS for name, kind in get_type_hints(cls).items()}
    estimators = EstimatorSettings()
    sections = vars(estimators)
    keys = {f"{name}.{key}" for name, section in sections.items() for key in vars(section)}
    defaults: dict[str, Any] = {}
    given: dict[str, Any] = {}
    for key, value in _mapping(_load(path), str(path)).items():
        name = str(key).replace("-", "_")
        if given.setdefault(name, key) != key:
            raise InputError(f"{path}: {given[name]!r} and {key!r} are the same key; give one")
        if name in sections:
            where = f"{path}: {key}"
            changed = _section(sections[name], _mapping(value, where), where)
            estimators = replace(estimators, **{name: changed})
        elif name in known:
            defaults[name] = _as_option(value, known[name], f"{path}: {key}")
        else:
            raise InputError(f"{path}: {_unknown(str(key), {*known, *sections, *keys})}")
    return defaults, estimators


def _as_option(value: Any, kind: Any, where: str) -> Any:
    """Return a YAML value as the command line would give it: a list only for repeatable options."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, list | dict | set | bytes):
            raise InputError(
                f"{where}: expected a value or a list of values, found {type(item).__name__}"
            )
    repeatable = get_origin(kind) is tuple
    if isinstance(value, list):
        return value if repeatable else ",".join(str(item) for item in value)
    return [value] if repeatable and value is not None else value


def _load(path: Path) -> Any:
    """Parse a YAML file safely."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LARGEST_CONFIG + 1)
        if len(text) > LARGEST_CONFIG:
            raise InputError(f"{path}: is larger than {LARGEST_CONFIG} characters; check --config")
        return yaml.load(text, _Strict) or {}  # a SafeLoader
    except OSError as err:
        raise InputError(f"{path}: cannot be read ({err.strerror}); check --config") from err
    except RecursionError as err:
        raise InputError(f"{path}: is nested too deeply; settings have two levels") from err
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError) as err:
        # The last three come from a tag on a value that is none of its kind, as !!bool x.
        reason = " ".join(str(err).split())
        raise InputError(f"{path}: is not valid YAML ({reason[:MOST_REASON]})") from err


class _Strict(yaml.SafeLoader):
    """YAML without what could make a settings file say two things, or never end."""

    def fetch_flow_collection_start(self, token: Any) -> None:
        if self.flow_level >= DEEPEST_CONFIG:
            raise RecursionError
        super().fetch_flow_collection_start(token)

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.YAMLError(f"aliases are not allowed, line {mark.line + 1}")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise yaml.YAMLError(f"the key {twice!r} is given twice")
        return super().construct_mapping(node, deep)


def _mapping(value: Any, where: str) -> dict[Any, Any]:
    """Insist on a mapping."""
    if isinstance(value, dict):
        return value
    raise InputError(f"{where}: expected keys with values, found {type(value).__name__}")


def _section(section: Any, values: dict[Any, Any], where: str) -> Any:
    """Return one estimator's settings with some values replaced."""
    settings = {f.name: f for f in fields(section)}
    checked = {}
    for key, value in values.items():
        if key not in settings:
            raise InputError(f"{where}: {_unknown(str(key), set(settings))}")
        checked[key] = _number(value, settings[key], f"{where}.{key}")
    return replace(section, **checked)


def _number(value: Any, setting: "Field[Any]", where: str) -> int | float:
    """Return a value of an estimator's section as its type, within its range."""
    whole = isinstance(setting.default, int)
    low, high = setting.metadata["low"], setting.metadata["high"]
    number = value
    if not whole and isinstance(value, int | str) and not isinstance(value, bool):
        with suppress(ValueError):  # YAML 1.1 reads 1e-3 as text
            number = float(value)
    fits = isinstance(number, int if whole else float) and not isinstance(number, bool)
    if not (fits and low <= number <= high):
        noun = "whole number" if whole else "number"
        raise InputError(f"{where}: expected a {noun} from {low:g} to {high:g}, found {value!r}")
    checked: int | float = number
    return checked


def _unknown(key: str, known: set[str]) -> str:
    """Say that a key is unknown, with the nearest known one."""
    near = get_close_matches(key.replace("-", "_"), known, n=1, cutoff=0.0)
    return f"unknown key {key!r}; the nearest known one is {near[0]!r}"
