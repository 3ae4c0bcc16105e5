from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, fields, replace
from typing import Any

import numpy as np
import pytest
import yaml

from cch_audit.commands.options import SECTIONS, with_options
from cch_audit.errors import InputError
from cch_audit.estimators import (
    MineSettings,
    names,
    plain_sections,
    section,
    section_names,
)
from cch_audit.settings import (
    AuditSettings,
    ConfirmationSettings,
    EstimatorSettings,
    EvidenceSettings,
    InputSettings,
    InspectSettings,
    PackSettings,
    SimulateSettings,
    SweepSettings,
    plain,
)
from cch_audit.settings.declared import Settings, declared, setting

ALONE = (InspectSettings, PackSettings, SimulateSettings, EvidenceSettings)
"""Of one command each, without a variable and without a key in the settings file."""
SHOWN = [setting for section in (*SECTIONS, *ALONE) for setting in declared(section)]
INNER = [section(name) for name in section_names()]
EVERY = [setting for section in (*SECTIONS, *ALONE, *INNER) for setting in declared(section)]


@pytest.mark.parametrize("setting", SHOWN, ids=lambda setting: setting.name)
def test_every_option_has_help(setting):
    assert setting.help[0].isupper()
    assert setting.help.endswith(".")


@pytest.mark.parametrize("setting", EVERY, ids=lambda setting: setting.name)
def test_defaults_can_be_had(setting):
    assert setting.checked(setting.default) == setting.default


def test_names_of_options_are_unique():
    names = [setting.name for section in SECTIONS for setting in declared(section)]
    assert len(names) == len(set(names))


def test_estimators_have_settings_of_their_own():
    assert section_names() == ("ksg", "mine", "lmi", "gaussian", "heads")
    assert len(set(INNER)) == len(INNER)


@pytest.mark.parametrize("section", INNER)
def test_inner_settings_are_positive_numbers(section):
    assert all(value > 0 for value in vars(section()).values())


@pytest.mark.parametrize("section", [*SECTIONS, *ALONE, EstimatorSettings, *INNER])
def test_settings_are_frozen(section):
    settings = section()
    with pytest.raises(FrozenInstanceError):
        setattr(settings, fields(settings)[0].name, None)


@pytest.mark.parametrize("section", [*SECTIONS, *INNER])
def test_plain_settings_survive_yaml(section):
    settings = plain(section())
    assert yaml.safe_load(yaml.safe_dump(settings)) == settings


def test_plain_turns_tuples_into_lists():
    assert plain(AuditSettings(estimator=("ksg", "lmi")))["estimator"] == ["ksg", "lmi"]


def test_sections_that_are_not_given_have_their_defaults():
    changed = EstimatorSettings((MineSettings(hidden=32),))
    shown = plain_sections(changed, section_names())
    assert shown.pop("mine") == {**plain(MineSettings()), "hidden": 32}
    default = plain_sections(EstimatorSettings(), section_names())
    assert shown == {name: found for name, found in default.items() if name != "mine"}


WRONG: dict[str, Callable[[], Any]] = {
    "`rule`: expected one of all, majority, any, ksg, mine, lmi, gaussian, found 'allx'": (
        lambda: AuditSettings(rule="allx")
    ),
    "`confidence`: expected a number from 0.5 to 0.999, found 7": (
        lambda: AuditSettings(confidence=7)
    ),
    "`margin`: expected a number from -1000 to 1000, found nan": (
        lambda: AuditSettings(margin=float("nan"))
    ),
    "`resamples`: expected a whole number from 200 to 1000000, found 500.5": (
        lambda: AuditSettings(resamples=500.5)  # type: ignore[arg-type]
    ),
    "`jobs`: expected a whole number from 0 to 1024, found True": (
        lambda: AuditSettings(jobs=True)
    ),
    "`estimator`: expected one of ksg, mine, lmi, gaussian, found 'kgs'": (
        lambda: AuditSettings(estimator=("ksg", "kgs"))
    ),
    "no estimator is named; name one with `estimator`": lambda: AuditSettings(estimator=()),
    "`estimator` names the same estimator twice; name each once": (
        lambda: AuditSettings(estimator=("ksg", "ksg"))
    ),
    "`rule` lmi needs that estimator; add `estimator` lmi or choose another rule": (
        lambda: replace(AuditSettings(), estimator=("ksg",), rule="lmi")
    ),
    "`seeds`: expected a whole number from 2 to 10000, found '8'": (
        lambda: ConfirmationSettings(seeds="8")  # type: ignore[arg-type]
    ),
    "`labelled_rows`: expected a whole number of at least 10, found 9": (
        lambda: ConfirmationSettings(labelled_rows=9)
    ),
    "`fusion`: expected true or false, found 1": (
        lambda: ConfirmationSettings(fusion=1)  # type: ignore[arg-type]
    ),
    "`student`: expected text, found ['a']": (
        lambda: InputSettings(student=["a"])  # type: ignore[arg-type]
    ),
    "`over`: expected one of temperature, weight, found 'noise'": (
        lambda: SweepSettings(over="noise")  # type: ignore[arg-type]
    ),
    "`hidden`: expected a whole number from 1 to 4096, found 0": lambda: MineSettings(hidden=0),
}


@pytest.mark.parametrize("sentence", WRONG)
def test_what_a_setting_cannot_be_is_refused_in_one_sentence(sentence):
    with pytest.raises(InputError) as caught:
        WRONG[sentence]()
    assert str(caught.value) == sentence


def test_one_repetition_is_refused():
    with pytest.raises(InputError, match=r"`seeds`: .* from 2 to 10000, found 1"):
        ConfirmationSettings(seeds=1)


def test_the_command_line_speaks_of_options():
    said = with_options("`train_size` 10 and `seeds` 2 leave `a b` and `Other` to 'test'")
    assert said == "--train-size 10 and --seeds 2 leave `a b` and `Other` to 'test'"


def test_values_are_kept_in_the_type_of_the_setting():
    settings = AuditSettings(estimator=["lmi"], margin=1, resamples=np.int64(300))  # type: ignore[arg-type]
    assert settings == AuditSettings(estimator=("lmi",), margin=1.0, resamples=300)
    assert [type(value) for value in (settings.margin, settings.resamples)] == [float, int]
    assert AuditSettings(estimator="ksg").estimator == ("ksg",)  # type: ignore[arg-type]


def test_choices_may_be_listed_when_they_are_needed():
    @dataclass(frozen=True)
    class Own(Settings):
        one: str = setting("a", "of some", choices=lambda: ("a", *names()))

    assert Own("ksg").one == "ksg"
    with pytest.raises(InputError, match="one of a, ksg, mine"):
        Own("b")


@pytest.mark.parametrize("value", [50, [50], (50,), "50"])
def test_a_list_of_numbers_may_be_text_or_numbers(value):
    assert ConfirmationSettings(train_size=value).train_size == "50"
    assert ConfirmationSettings(weight=[0.2, 0.5]).weight == "0.2,0.5"


@pytest.mark.parametrize("value", [True, [], [True], ["a"], {}])
def test_what_is_no_list_of_numbers(value):
    with pytest.raises(InputError, match="`train_size`: expected text, found"):
        ConfirmationSettings(train_size=value)
