"""From settings to options: every setting becomes an option, a variable and a config key."""

import re
from collections.abc import Callable
from contextlib import suppress
from difflib import get_close_matches
from enum import StrEnum
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import yaml

from cch_audit.commands.completing import dataset_names
from cch_audit.commands.terminal import check_output
from cch_audit.errors import InputError
from cch_audit.estimators import OWN, section, section_names
from cch_audit.settings import (
    AuditSettings,
    BackendSettings,
    ConfirmationSettings,
    EarlySettings,
    EstimatorSettings,
    ForecastSettings,
    GateSettings,
    InputSettings,
    IntervalSettings,
    MapSettings,
    OrderSettings,
    OutputSettings,
    OwnRunsSettings,
    RankSettings,
    SweepSettings,
    WorkSettings,
)
from cch_audit.settings.declared import Setting, Settings, declared, option_name

ENVIRONMENT = "CCH_AUDIT_"
LARGEST_CONFIG = 100_000
"""Most characters of a settings file."""
DEEPEST_CONFIG = 20
"""Most brackets of a settings file that are open at once; its parser's time grows faster."""
MOST_REASON = 300
"""Most characters of a parser's complaint that are shown."""
PANELS: dict[type[Settings], str] = {
    InputSettings: "What is audited",
    AuditSettings: "Estimates and verdict",
    GateSettings: "Gate",
    EarlySettings: "Gate",
    ConfirmationSettings: "Training runs",
    ForecastSettings: "Forecast",
    IntervalSettings: "Forecast",
    OwnRunsSettings: "Training runs of your own",
    MapSettings: "Study",
    OrderSettings: "Study",
    RankSettings: "Ranking",
    SweepSettings: "Sweep",
    BackendSettings: "Where it runs",
    WorkSettings: "Cache",
    OutputSettings: "Output",
}
"""Titles in the help of a command."""
METAVARS = {str: "TEXT", int: "N", float: "X"}
SECTIONS: tuple[type[Settings], ...] = (
    InputSettings,
    AuditSettings,
    GateSettings,
    EarlySettings,
    ConfirmationSettings,
    RankSettings,
    MapSettings,
    SweepSettings,
    BackendSettings,
    WorkSettings,
    OutputSettings,
)
"""Those that a variable or a settings file can say; not OwnRunsSettings, which run programs."""


def with_settings(
    *classes: type[Settings],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one option per field of some settings classes.

    The command is called with its own parameters and one instance per class, in order. An option
    beats the variable `CCH_AUDIT_<NAME>`, which beats the `--config` file, which beats the default;
    settings that belong to one command alone have neither variable nor key.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = list(signature(command, eval_str=True).parameters.values())
        own = [one for one in own if one.annotation not in (*classes, Settings)]
        pairs = [(setting, cls) for cls in classes for setting in declared(cls)]
        added = [_parameter(*pair) for pair in sorted(pairs, key=lambda pair: pair[0].rare)]
        config = [_config(classes)] if any(map(_is_known, classes)) else []
        parameters = [*own, *config, *added]

        def run(**values: Any) -> None:
            file = values.pop("config", None)
            built = [
                cls(**{setting.name: values.pop(setting.name) for setting in declared(cls)})
                for cls in classes
            ]
            if file is not None:
                for section in built:
                    for path in getattr(section, "output", ()):
                        check_output(path, "--output", [file])
                    check_output(getattr(section, "plot", None), "--plot", [file])
            command(*[values[parameter.name] for parameter in own], *built)

        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return decorate


def _is_known(cls: type[Settings]) -> bool:
    """Whether a variable or a settings file can say these settings, alone or among others."""
    return any(issubclass(section, cls) for section in SECTIONS)


def file_argument(help: str) -> Any:
    """Return the argument FILE, which may be left out, with its help."""
    return typer.Argument(
        metavar="FILE", help=help, default_factory=lambda: None, show_default=False
    )


def estimator_settings(context: typer.Context) -> EstimatorSettings:
    """Return the estimators' settings of the config file, or the defaults."""
    found: EstimatorSettings = context.meta.get("estimators", EstimatorSettings())
    return found


def _config(classes: tuple[type[Settings], ...]) -> Parameter:
    """Return the option of the settings file, whose values become the defaults of the others."""
    own = {setting.name for cls in classes if _is_known(cls) for setting in declared(cls)}

    def read(context: typer.Context, path: Path | None) -> Path | None:
        if path is not None and not context.resilient_parsing:
            defaults, context.meta["estimators"] = _read_config(path)
            # Keys of other commands are checked, and left alone here.
            defaults = {name: value for name, value in defaults.items() if name in own}
            context.default_map = {**(context.default_map or {}), **defaults}
        return path

    option = typer.Option(
        "--config",
        help="YAML file of settings, keys as the options' names.",
        metavar="FILE",
        callback=read,
        is_eager=True,
        envvar=ENVIRONMENT + "CONFIG",
        show_envvar=False,
    )
    kind = Annotated[Path | None, option]
    return Parameter("config", Parameter.KEYWORD_ONLY, default=None, annotation=kind)


def with_options(message: str) -> str:
    """Return what a setting's refusal says, with options for the names in backticks."""
    return re.sub("`([a-z][a-z0-9_]*)`", lambda found: option_name(found[1]), message)


def _parameter(setting: Setting, cls: type[Settings]) -> Parameter:
    """Turn a setting into a keyword parameter with a typer option."""
    kind: Any = _kind(setting)
    default = setting.default
    if setting.is_repeatable:
        kind, default = list[kind], list(default)
    option = typer.Option(
        option_name(setting.name),
        *([] if setting.short is None else [setting.short]),
        help=setting.help,
        rich_help_panel="Advanced" if setting.rare else PANELS.get(cls, "Options"),
        metavar=None if setting.choices else METAVARS.get(setting.kind),
        min=setting.low,
        max=setting.high,
        envvar=ENVIRONMENT + setting.name.upper() if _is_known(cls) else None,
        show_envvar=False,
        show_default=not setting.is_repeatable or bool(default),
        autocompletion=dataset_names(setting.name),
    )
    kind = Annotated[kind | None if setting.is_optional else kind, option]
    return Parameter(setting.name, Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def _kind(setting: Setting) -> Any:
    """Return the type of one value; typer takes no list of literals."""
    if not setting.choices:
        return setting.kind
    if setting.is_repeatable:
        return StrEnum("Choice", {choice: choice for choice in setting.choices})
    return Literal[setting.choices]


def _read_config(path: Path) -> tuple[dict[str, Any], EstimatorSettings]:
    """Return a YAML file's options and estimators' settings."""
    known = {setting.name: setting for cls in SECTIONS for setting in declared(cls)}
    sections: list[Settings] = []
    defaults: dict[str, Any] = {}
    given: dict[str, Any] = {}
    for key, value in _mapping(_load(path), str(path)).items():
        name = str(key).replace("-", "_")
        where = f"{path}: {key}"
        if given.setdefault(name, key) != key:
            raise InputError(f"{path}: {given[name]!r} and {key!r} are the same key; give one")
        if name in known:
            defaults[name] = _as_option(value, known[name], where)
        elif name in section_names():
            sections.append(_section(section(name), _mapping(value, where), where))
        else:
            inner = {f"{own.name}.{one.name}" for own in OWN for one in declared(own.settings)}
            raise InputError(f"{path}: {_unknown(str(key), {*known, *section_names(), *inner})}")
    return defaults, EstimatorSettings(tuple(sections))


def _as_option(value: Any, setting: Setting, where: str) -> Any:
    """Return a YAML value as the command line would give it: a list only for repeatable options."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, list | dict | set | bytes):
            raise InputError(
                f"{where}: expected a value or a list of values, found {type(item).__name__}"
            )
    if isinstance(value, list):
        return value if setting.is_repeatable else ",".join(str(item) for item in value)
    return [value] if setting.is_repeatable and value is not None else value


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


def _section(kind: type[Settings], values: dict[Any, Any], where: str) -> Settings:
    """Return the settings of one section."""
    known = {setting.name: setting for setting in declared(kind)}
    for key, value in values.items():
        if key not in known:
            raise InputError(f"{where}: {_unknown(str(key), set(known))}")
        if known[key].kind is float and isinstance(value, str):
            with suppress(ValueError):  # YAML 1.1 reads 1e-3 as text
                values[key] = float(value)
    try:
        return kind(**values)
    except InputError as err:
        raise InputError(f"{where}.{str(err).replace('`', '', 2)}") from err


def _unknown(key: str, known: set[str]) -> str:
    """Say that a key is unknown, with the nearest known one."""
    near = get_close_matches(key.replace("-", "_"), known, n=1, cutoff=0.0)
    return f"unknown key {key!r}; the nearest known one is {near[0]!r}"
