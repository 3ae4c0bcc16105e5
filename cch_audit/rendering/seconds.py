"""What a run spent its time on, as a table for `--verbose`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cch_audit.work.doing import Spent

HEADERS = ("seconds", "computed", "found", "purpose")
REST = "everything else"


def seconds_table(spent: "Mapping[str, Spent]", total: float) -> str:
    """Return seconds of processor time by purpose, with how many parts were computed and found.

    Parameters
    ----------
    spent : by purpose
    total : seconds of the process and of those beside it, of which the purposes leave a rest:
        loading, reading, ...
    """
    rows = [
        (one.seconds, str(one.done or ""), str(one.found or ""), purpose)
        for purpose, one in spent.items()
    ]
    rest = max(0.0, total - sum(seconds for seconds, *_ in rows))
    lines = [HEADERS, *((f"{seconds:.1f}", *rest) for seconds, *rest in rows)]
    lines += [(f"{rest:.1f}", "", "", REST), (f"{total:.1f}", "", "", "all")]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.rjust(width) for cell, width in zip(line, widths)), line[3]])
        for line in lines
    )
