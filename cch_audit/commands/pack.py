"""`cch-audit pack`: sources of many kinds as one file that `check` reads."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from cch_audit.commands import terminal
from cch_audit.commands.ending import say
from cch_audit.commands.options import with_settings
from cch_audit.settings import PackSettings


@with_settings(PackSettings)
def pack(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="HDF5 file to write.")],
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=SOURCE...", help="Representations, such as text=x.npy or rna=y.h5ad:X."
        ),
    ],
    settings: PackSettings,
) -> None:
    """Write representations and labels of many kinds of files into one that `check` reads.

    Sources are .npy, .npz, .pt, .safetensors, .csv, .tsv, .parquet, .zarr, .h5, .h5ad and .h5mu; an
    array in one is named as FILE:NAME. Rows are joined by ids where there are any, and paired by
    position otherwise. Prints what is in the file and the command that checks it.
    """
    from cch_audit.reading.pack import pack as write
    from cch_audit.reading.pack import packing_of
    from cch_audit.rendering.text import printable

    packing = packing_of(sources, settings)
    paths = [one.path for one in packing.datasets.values()]
    terminal.check_output(str(out), "OUT", paths)
    packed = write(out, packing, max_bytes=settings.max_bytes, force=settings.force)
    unicode = terminal.shows_unicode(sys.stdout)
    rows = [(one.name, str(one.shape), one.type, one.where) for one in packed.arrays]
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = []
    for row, one in zip(rows, packed.arrays):
        *cells, where = [cell.ljust(width) for cell, width in zip(row, widths)]
        note = f" ({one.note})" if one.note else ""
        lines.append(f"{'  '.join(cells)}  from {where.rstrip()}{note}")
    lines.append(shlex.join(["cch-audit", *packing.command(str(out))]))
    terminal.write("".join(f"{printable(line, unicode=unicode)}\n" for line in lines), None)
    for note in packed.notes:
        say(printable(note, unicode=terminal.shows_unicode(sys.stderr)))
