"""Audit, before training, whether cross-modal knowledge distillation can help.

`check`, `forecast`, `confirm`, `rank`, `sweep` and `map` return reports, `load` and `simulate` rows
for them; `pack` writes many kinds of files into one, and `extract` what layers of a model say of
every row. See `cch_audit.library`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cch_audit.errors import InputError as InputError
    from cch_audit.extraction.extract import extract as extract
    from cch_audit.library import check as check
    from cch_audit.library import confirm as confirm
    from cch_audit.library import forecast as forecast
    from cch_audit.library import load as load
    from cch_audit.library import map as map
    from cch_audit.library import pack as pack
    from cch_audit.library import rank as rank
    from cch_audit.library import simulate as simulate
    from cch_audit.library import sweep as sweep
    from cch_audit.results import Report as Report
    from cch_audit.sample import Sample as Sample

__version__ = "0.1.0"
_HOMES = {
    "InputError": "errors",
    "Report": "results",
    "Sample": "sample",
    "extract": "extraction.extract",
    **dict.fromkeys(
        (
            *("check", "confirm", "forecast", "load", "map", "pack", "rank", "simulate"),
            "sweep",
        ),
        "library",
    ),
}
__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is: the command line starts without numpy."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
