"""`cch-audit config`: the effective settings."""

import typer
import yaml

from cch_audit.commands import terminal
from cch_audit.commands.options import estimator_settings, with_settings
from cch_audit.estimators import plain_sections, section_names
from cch_audit.settings import (
    AuditSettings,
    ConfirmationSettings,
    GateSettings,
    InputSettings,
    OutputSettings,
    RankSettings,
    SweepSettings,
    plain,
)


@with_settings(
    InputSettings,
    AuditSettings,
    RankSettings,
    SweepSettings,
    GateSettings,
    ConfirmationSettings,
    OutputSettings,
)
def config(
    context: typer.Context,
    inputs: InputSettings,
    audit: AuditSettings,
    ranking: RankSettings,
    swept: SweepSettings,
    gate: GateSettings,
    training: ConfirmationSettings,
    output: OutputSettings,
) -> None:
    """Print the effective settings as YAML that --config accepts.

    An option beats the environment (CCH_AUDIT_SEED, ...), which beats the file given with --config,
    which beats the default.
    """
    effective = plain_sections(estimator_settings(context), section_names())
    chosen = (inputs, audit, ranking, swept, gate, training, output)
    sections = [plain(section) for section in chosen]
    merged = {key: value for section in (*sections, effective) for key, value in section.items()}
    terminal.write(yaml.safe_dump(merged, sort_keys=False), None)
