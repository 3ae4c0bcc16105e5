"""`cch-audit config`: the effective settings."""

from dataclasses import asdict

import typer
import yaml

from cch_audit.options import estimator_settings, with_settings
from cch_audit.settings import AuditSettings, InputSettings, OutputSettings, plain


@with_settings(InputSettings, AuditSettings, OutputSettings)
def config(
    context: typer.Context, inputs: InputSettings, audit: AuditSettings, output: OutputSettings
) -> None:
    """Print the effective settings as YAML that --config accepts.

    An option beats the environment (CCH_AUDIT_SEED, ...), which beats the file given with --config,
    which beats the default.
    """
    estimators = estimator_settings(context)
    effective = {**plain(inputs), **plain(audit), **plain(output), **asdict(estimators)}
    typer.echo(yaml.safe_dump(effective, sort_keys=False), nl=False)
