"""What `simulate` may be asked for: which settings go together, and how a file says them."""

from collections.abc import Mapping
from dataclasses import fields

from cch_audit.errors import InputError
from cch_audit.settings import SimulateSettings, TheoremSettings
from cch_audit.settings.declared import option_name

THEOREM = "`verify`"

_GAUSSIAN, _FILE = {"gaussian"}, {"gaussian", "world", "classpaired"}
USED_BY: Mapping[str, set[str]] = {
    "kind": _FILE,
    "n": _FILE,
    "force": _FILE,
    "family": _GAUSSIAN,
    "p1": _GAUSSIAN,
    "p2": _GAUSSIAN,
    "train_size": _GAUSSIAN,
    "k": {"exact"},
    "gap": {"exact", "calibrated"},
    "teacher_r2": {"calibrated"},
    "student_r2": {"exact", "calibrated", "negated", "shrunk", "noise"},
    "classes": {"classpaired"},
    "populations": {THEOREM},
    "format": {THEOREM},
    "output": {THEOREM},
}
"""What a setting needs to have an effect: a kind, a family or the theorem."""


def chosen_by(settings: SimulateSettings) -> set[str]:
    """Return the names of what is wanted."""
    return {settings.kind, *([settings.family] if settings.kind == "gaussian" else [])}


def refuse_idle(chosen: set[str], *sections: SimulateSettings | TheoremSettings) -> None:
    """Refuse settings that differ from their default and would change nothing."""
    for settings in sections:
        for f in fields(settings):
            users = USED_BY.get(f.name, chosen)
            if getattr(settings, f.name) != f.default and not users & chosen:
                raise InputError(
                    f"`{f.name}` changes nothing with {', '.join(sorted(chosen))}; it belongs to "
                    f"{', '.join(sorted(users))}"
                )


def recipe(settings: SimulateSettings) -> str:
    """Return the options that decide what the file holds."""
    chosen = chosen_by(settings)
    values = {f.name: getattr(settings, f.name) for f in fields(settings)}
    return " ".join(
        f"{option_name(name)} {format(value, 'g') if isinstance(value, float) else value}"
        for name, value in values.items()
        if value is not None and name != "force" and USED_BY.get(name, chosen) & chosen
    )
