"""`cch-audit check`: audit every teacher for one student."""

import math
import shlex
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from cch_audit import terminal
from cch_audit.errors import ExitCode, InputError
from cch_audit.options import estimator_settings, with_settings
from cch_audit.results import InputSummary, Report, Verdict
from cch_audit.settings import (
    AuditSettings,
    EstimatorName,
    InputSettings,
    OutputSettings,
    plain,
)
from cch_audit.verdict import overall

if TYPE_CHECKING:
    from cch_audit.sample import Sample


@with_settings(InputSettings, AuditSettings, OutputSettings)
def check(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="HDF5 file to audit.")],
    inputs: InputSettings,
    settings: AuditSettings,
    output: OutputSettings,
) -> None:
    """Say whether distilling the teacher into the student can help: pass, fail or undecided.

    Compares I(teacher; student) with I(student; labels) by several estimators. Exit codes: 0 pass,
    1 fail, 2 usage or input error, 3 undecided, 70 internal error, 130 interrupted. With several
    teachers: 0 if all pass, 1 if any fails, else 3.
    """
    started = time.perf_counter()
    _check_options(settings)
    terminal.check_output(output.output)
    estimators = estimator_settings(context)
    with terminal.progress_bar(not output.quiet) as progress:
        # Heavy imports wait until the options are known to be good.
        from cch_audit.reading.load import load_sample

        sample = load_sample(file, inputs)
        from cch_audit.audit import audit

        audits = audit(sample, settings, estimators, inputs.seed, progress)
    verdict = overall([one.verdict for one in audits])
    report = Report(
        command=shlex.join(["cch-audit", *sys.argv[1:]]),
        input=_summarize(sample),
        settings={**plain(inputs), **plain(settings), **asdict(estimators)},
        seed=inputs.seed,
        verdict=verdict,
        exit_code=exit_code(verdict, output),
        seconds=time.perf_counter() - started,
        audits=audits,
        warnings=sample.source.warnings,
    )
    deliver(report, output)
    raise typer.Exit(report.exit_code)


def exit_code(verdict: Verdict, output: OutputSettings) -> int:
    """Return the exit code of a verdict; the output format never changes it."""
    if output.exit_zero:
        return ExitCode.PASS
    if verdict == "undecided":
        verdict = output.undecided
    codes = {"pass": ExitCode.PASS, "fail": ExitCode.FAIL, "undecided": ExitCode.UNDECIDED}
    return codes[verdict]


def deliver(report: Report, output: OutputSettings) -> None:
    """Render a report, write it, and say the verdict on standard error where it is not in sight."""
    from cch_audit.rendering import render
    from cch_audit.rendering.summary import summary

    here = terminal.abilities(sys.stdout if output.output is None else None)
    text = render(report, output.format, units=output.units, verbose=output.verbose, **here)
    terminal.write(text, output.output)
    in_sight = output.format == "table" and output.output is None
    if not output.quiet and not in_sight:
        unicode = terminal.shows_unicode(sys.stderr)
        print(summary(report, units=output.units, unicode=unicode), file=sys.stderr)


def _check_options(settings: AuditSettings) -> None:
    """Refuse options that contradict each other."""
    if not settings.estimator:
        raise InputError("no estimator is named; name one with --estimator")
    if not math.isfinite(settings.margin):
        raise InputError(f"--margin is {settings.margin}; it must be a finite number")
    if len(set(settings.estimator)) < len(settings.estimator):
        raise InputError("--estimator names the same estimator twice; name each once")
    if settings.rule in get_args(EstimatorName) and settings.rule not in settings.estimator:
        raise InputError(
            f"--rule {settings.rule} needs that estimator; add --estimator {settings.rule} "
            "or choose another rule"
        )


def _summarize(sample: "Sample") -> InputSummary:
    """Return the report's account of the input."""
    source, labels = sample.source, sample.labels
    groups = sample.groups
    return InputSummary(
        path=source.path,
        sha256=source.sha256,
        teacher_path=source.teacher_path,
        teacher_sha256=source.teacher_sha256,
        n_rows=source.n_rows,
        n_samples=sample.n_samples,
        n_groups=None if groups is None else len(set(groups.tolist())),
        labels_name=sample.labels_name,
        labels_kind=labels.kind,
        n_classes=len(labels.class_names) or None,
        label_entropy=labels.entropy,
        notes=source.notes,
    )
