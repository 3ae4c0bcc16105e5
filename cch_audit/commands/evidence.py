"""`cch-audit evidence`: how often the verdict was right about what training showed."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from cch_audit.commands import terminal
from cch_audit.commands.ending import say
from cch_audit.commands.options import with_settings
from cch_audit.commands.plotting import check_pictures, write_plot
from cch_audit.settings import EvidenceSettings


@with_settings(EvidenceSettings)
def evidence(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="RESULT.json", help="JSON reports with training runs (--confirm)."),
    ],
    settings: EvidenceSettings,
) -> None:
    """Compare what reports forecast with what their training runs showed.

    Reads JSON reports of check --confirm, confirm, rank --confirm and sweep, and shows how often
    the verdict, each estimator and each column of rank were right. Exits with 0 whatever comes
    out, and with 2 if a report cannot be used.
    """
    terminal.check_output(settings.output, inputs=files)
    check_pictures(settings.format, settings.output, settings.plot, files)
    from cch_audit.evidence.ledger import keep_ledger
    from cch_audit.evidence.read import read_evidence
    from cch_audit.rendering.evidence import render
    from cch_audit.rendering.evidence_words import closing

    ledger = keep_ledger(read_evidence(files, controls=settings.controls))
    here = terminal.abilities(sys.stdout if settings.output is None else None)
    terminal.write(render(ledger, settings.format, **here), settings.output)
    if settings.plot is not None:
        write_plot(ledger, settings.plot)
    in_sight = settings.format == "table" and settings.output is None
    if not settings.quiet and not in_sight:
        say(closing(ledger))
