"""`cch-audit evidence`: how often the verdict was right about what training showed."""

from pathlib import Path
from typing import Annotated

import typer

from cch_audit.commands.ending import say
from cch_audit.commands.options import with_settings
from cch_audit.commands.reporting import check_files, deliver, is_out_of_sight
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
    check_files(settings, files)
    from cch_audit.evidence.ledger import keep_ledger
    from cch_audit.evidence.read import read_evidence
    from cch_audit.rendering.evidence_words import closing

    metric = None if settings.metric == "auto" else settings.metric
    found = read_evidence(files, controls=settings.controls, metric=metric)
    ledger = keep_ledger(found, settings.resample)
    deliver(ledger, settings)
    if is_out_of_sight(settings):
        say(closing(ledger))
