"""`cch-audit config`: the effective settings."""

import typer
import yaml

from cch_audit.commands import terminal
from cch_audit.commands.options import SECTIONS, estimator_settings, with_settings
from cch_audit.estimators import plain_sections, section_names
from cch_audit.settings import plain
from cch_audit.settings.declared import Settings


@with_settings(*SECTIONS)
def config(context: typer.Context, *settings: Settings) -> None:
    """Print the effective settings as YAML that --config accepts.

    An option beats the environment (CCH_AUDIT_SEED, ...), which beats the file given with --config,
    which beats the default.
    """
    effective = plain_sections(estimator_settings(context), section_names())
    sections = [*map(plain, settings), effective]
    merged = {key: value for section in sections for key, value in section.items()}
    terminal.write(yaml.safe_dump(merged, sort_keys=False), None)
