from dataclasses import FrozenInstanceError, fields

import pytest
import yaml

from cch_audit.commands.options import SECTIONS
from cch_audit.settings import (
    AuditSettings,
    EstimatorSettings,
    EvidenceSettings,
    GaussianSettings,
    HeadSettings,
    InspectSettings,
    KsgSettings,
    LmiSettings,
    MineSettings,
    SimulateSettings,
    plain,
)

ALONE = (InspectSettings, SimulateSettings, EvidenceSettings)
"""Of one command each, without a variable and without a key in the settings file."""
SHOWN = [field for section in (*SECTIONS, *ALONE) for field in fields(section)]
INNER = (GaussianSettings, HeadSettings, KsgSettings, LmiSettings, MineSettings)


@pytest.mark.parametrize("field", SHOWN, ids=lambda field: field.name)
def test_every_option_has_help(field):
    text = field.metadata["help"]
    assert text[0].isupper()
    assert text.endswith(".")


@pytest.mark.parametrize("field", SHOWN, ids=lambda field: field.name)
def test_defaults_lie_in_their_range(field):
    low, high = field.metadata["low"], field.metadata["high"]
    if field.default is not None:
        assert low is None or field.default >= low
        assert high is None or field.default <= high


def test_names_of_options_are_unique():
    names = [field.name for section in SECTIONS for field in fields(section)]
    assert len(names) == len(set(names))


def test_estimators_have_settings_of_their_own():
    assert {field.name for field in fields(EstimatorSettings)} == {
        "ksg",
        "mine",
        "lmi",
        "gaussian",
        "heads",
    }


@pytest.mark.parametrize("section", INNER)
def test_inner_settings_are_positive_numbers(section):
    # The config file accepts nothing else.
    assert all(value > 0 for value in vars(section()).values())


@pytest.mark.parametrize("section", [*SECTIONS, *ALONE, EstimatorSettings, *INNER])
def test_settings_are_frozen(section):
    settings = section()
    with pytest.raises(FrozenInstanceError):
        setattr(settings, fields(settings)[0].name, None)


@pytest.mark.parametrize("section", [*SECTIONS, EstimatorSettings])
def test_plain_settings_survive_yaml(section):
    settings = plain(section())
    assert yaml.safe_load(yaml.safe_dump(settings)) == settings


def test_plain_turns_tuples_into_lists():
    assert plain(AuditSettings(estimator=("ksg", "lmi")))["estimator"] == ["ksg", "lmi"]
