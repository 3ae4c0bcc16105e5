"""`cch-audit map`: every pair of representations, over files and label sets."""

from pathlib import Path
from typing import Annotated

import typer

from cch_audit.commands.options import estimator_settings, with_settings
from cch_audit.commands.reporting import check_files, command_line, deliver_report, exit_code
from cch_audit.commands.terminal import progress_bar, write
from cch_audit.running import RUNS, run_of
from cch_audit.settings import OutputSettings
from cch_audit.settings.declared import Settings


@with_settings(*RUNS["map"], OutputSettings)
def map_pairs(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE...",
            help="HDF5 files whose representations are paired.",
            default_factory=lambda: None,
            show_default=False,
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan with its costs, and audit nothing.")
    ] = False,
    *settings: Settings,
) -> None:
    """Audit every pair of representations, and say who should teach whom.

    All ordered pairs unless --teachers, --students or --pairs name some. What was audited before is
    not audited again, so the same command goes on after an end that came too early. Exit codes: 0
    if at least one pair passes, 1 if all fail, else 3; 75 if the workers were lost; the others as
    for check.
    """
    *sections, output = settings
    assert isinstance(output, OutputSettings)
    asked = run_of("map", sections, estimator_settings(context))
    asked.check()
    from cch_audit.mapping.plan import plan_study
    from cch_audit.mapping.study import map_report

    plan = plan_study(paths or [], asked)
    read = [path for matrix in plan.matrices for path in asked.inputs.files(Path(matrix.path))]
    check_files(output, read)
    if dry_run:
        from cch_audit.rendering.plan import plan_text

        write(plan_text(plan, asked), None)
        raise typer.Exit
    with progress_bar(not output.quiet) as progress:
        report = map_report(
            plan, asked, command_line(), progress, lambda decision: exit_code(decision, output)
        )
    deliver_report(report, output, asked.work)
