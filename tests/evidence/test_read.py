import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cch_audit.columns import COLUMNS
from cch_audit.errors import InputError
from cch_audit.evidence.read import read_evidence
from cch_audit.evidence.results import Estimate
from cch_audit.rendering import as_json
from cch_audit.results import LabelSummary, Report, files
from tests.rendering.experiments import (
    change,
    confirmation,
    confirmed,
    of_sizes,
    own_runs,
    size,
)
from tests.rendering.reports import (
    CONTROLS,
    EVERY_REPORT,
    audit,
    confirmed_regression_report,
    confirmed_report,
    ranked_report,
    report,
)

from .trials import changed, on_file, write

AUDIT = ("audits", 0)
FOUND = (*AUDIT, "confirmation")
SIZE = (*FOUND, "curve", 0)
TRAINED = {
    name: case
    for name, case in EVERY_REPORT.items()
    if any(one.confirmation is not None for one in case.audits)
}


def refusal(path: Path) -> str:
    """Return the one sentence with which a file is refused."""
    with pytest.raises(InputError) as caught:
        read_evidence([path], controls=True)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert len(message) < 300 + len(str(path))
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize("case", TRAINED.values(), ids=TRAINED)
def test_trials_are_what_the_report_says(case: Report, tmp_path: Path) -> None:
    path = write(tmp_path, case)
    found = read_evidence([path], controls=True)
    audits = [one for one in case.audits if one.confirmation is not None]
    assert len(found.trials) == len(audits)
    for trial, one in zip(found.trials, audits, strict=True):
        assert one.confirmation is not None
        assert (trial.report, trial.file) == (str(path), case.input.path)
        assert trial.source == (case.input.sha256, case.input.teacher_sha256)
        assert (trial.teacher, trial.student, trial.verdict) == (
            one.teacher,
            one.student,
            one.verdict,
        )
        found_run = one.confirmation
        assert (trial.outcome, trial.cause, trial.metric, trial.trained, trial.n_train) == (
            found_run.outcome,
            found_run.cause,
            found_run.metric,
            found_run.source,
            found_run.size.n_train,
        )
        assert {name: level.verdict for name, level in trial.levels.items()} == {
            name: level.verdict for name, level in one.levels.items()
        }
        # The columns are those of a ranking.
        assert trial.columns == {name: COLUMNS[name].value(one) for name in trial.columns}


def test_the_gap_of_a_level(tmp_path: Path) -> None:
    (trial,) = read_evidence([write(tmp_path, confirmed_report())], controls=False).trials
    level = trial.levels["representations"]
    # KSG .7046, MINE .82, LMI .82; the Gaussian reference does not decide.
    assert level.gap.estimate == pytest.approx(0.82)
    assert level.gap.low == pytest.approx(1.2345678901234567 - 0.53 - 0.12)
    assert level.gap.high == pytest.approx(0.82 + 0.2371)
    assert set(level.estimators) == {"ksg", "mine", "lmi", "gaussian"}
    gaussian = level.estimators["gaussian"]
    assert gaussian.gap.estimate == pytest.approx(0.98 - 0.43)
    assert gaussian.gap.high == pytest.approx(0.98 - 0.43 + 0.2371)


def test_a_gain_of_accuracy_is_the_change(tmp_path: Path) -> None:
    case = confirmed_report("fail", "hurts")
    (trial,) = read_evidence([write(tmp_path, case)], controls=False).trials
    assert trial.gain.estimate == COLUMNS["gain"].value(case.audits[0])
    assert (trial.gain.low, trial.gain.high) == pytest.approx((-0.0273, -0.0145))


def test_outcomes_can_be_those_of_another_metric(tmp_path: Path) -> None:
    case = confirmed_report("fail", "hurts")
    path = write(tmp_path, case)
    changed(path, (*SIZE, "metrics", "log_loss", "outcome"), "helps")
    (trial,) = read_evidence([path], controls=False, metric="log_loss").trials
    found = case.audits[0].confirmation
    assert found is not None
    loss = found.size.metrics["log_loss"]
    assert (trial.metric, trial.outcome, trial.cause, trial.measured) == (
        "log_loss",
        "helps",
        None,
        "pass",
    )
    assert trial.gain.estimate == pytest.approx(-loss.change.estimate / loss.baseline)
    (own,) = read_evidence([path], controls=False, metric="mse").trials
    assert (own.metric, own.outcome) == (found.metric, found.outcome)


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e9])
def test_a_gain_of_mse_has_no_unit(scale: float, tmp_path: Path) -> None:
    case = confirmed_regression_report(scale=scale)
    (trial,) = read_evidence([write(tmp_path, case)], controls=False).trials
    assert trial.gain.estimate == pytest.approx(0.105 / 1.2345)
    assert (trial.gain.low, trial.gain.high) == pytest.approx((0.026 / 1.2345, 0.184 / 1.2345))


@pytest.mark.parametrize("baseline", [0.0, -1.0, None, 1e-320])
def test_a_gain_of_no_error_is_not_known(baseline: float | None, tmp_path: Path) -> None:
    path = write(tmp_path, confirmed_regression_report())
    changed(path, (*SIZE, "metrics", "mse", "baseline"), baseline)
    (trial,) = read_evidence([path], controls=False).trials
    assert trial.gain == Estimate(None, None, None)


def test_controls_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, ranked_report())
    without, with_them = (read_evidence([path], controls=wanted) for wanted in (False, True))
    assert (len(without.trials), without.n_controls_left_out) == (5, 2)
    assert (len(with_them.trials), with_them.n_controls_left_out) == (7, 0)
    assert {one.teacher for one in with_them.trials} - {one.teacher for one in without.trials} == {
        *CONTROLS
    }


def test_controls_alone_are_no_evidence(tmp_path: Path) -> None:
    path = write(
        tmp_path, report(confirmed(replace(audit(CONTROLS[0]), is_control=True), confirmation()))
    )
    with pytest.raises(InputError, match=r"report\.json: .* add --controls"):
        read_evidence([path], controls=False)
    assert len(read_evidence([path], controls=True).trials) == 1


def test_teachers_without_a_training_run_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, report(audit("a"), confirmed(audit("b"), confirmation())))
    found = read_evidence([path], controls=False)
    assert [trial.teacher for trial in found.trials] == ["b"]
    assert found.warnings == (f"{path}: 1 of 2 teachers have no training run and are left out",)


def test_the_same_report_twice_counts_once(tmp_path: Path) -> None:
    one = write(tmp_path, ranked_report(), "a.json")
    two = write(tmp_path, ranked_report(), "b.json")
    found = read_evidence([one, two], controls=True)
    assert found.trials == read_evidence([one], controls=True).trials
    assert read_evidence([one, two], controls=False).n_controls_left_out == len(CONTROLS)
    assert found.warnings == (
        f"{two}: 7 training runs are in {one} already (same file, teacher, student and settings) "
        "and counted once",
    )


def test_what_does_not_bear_on_the_training_makes_no_other_trial(tmp_path: Path) -> None:
    base = confirmed_report()
    again = replace(
        base,
        command="another",
        seconds=1.0,
        input=replace(base.input, path="moved.h5", notes=()),
        settings={
            **base.settings,
            "estimator": ("ksg",),
            "confidence": 0.9,
            "accept": "regularisation",
            "budget": 60.0,
        },
    )
    paths = [write(tmp_path, base, "a.json"), write(tmp_path, again, "b.json")]
    assert len(read_evidence(paths, controls=False).trials) == 1


def _trained_otherwise(case: Report, **changes: Any) -> Report:
    (one,) = case.audits
    assert one.confirmation is not None
    return replace(case, audits=(replace(one, confirmation=replace(one.confirmation, **changes)),))


def _own(baseline: float) -> Report:
    """Return training runs of the user's own, which scored so much without distillation."""
    found = own_runs()
    metrics = {"accuracy": replace(found.main, baseline=baseline)}
    return report(confirmed(audit(), replace(found, curve=(replace(found.size, metrics=metrics),))))


OTHERS = {
    "file": on_file(confirmed_report(), 7),
    "teacher's file": replace(
        confirmed_report(), input=replace(confirmed_report().input, teacher_sha256="0" * 64)
    ),
    "labels": replace(
        confirmed_report(),
        input=replace(confirmed_report().input, labels=LabelSummary("l", "classes", 7, 1.7171)),
    ),
    "rows": replace(confirmed_report(), input=replace(confirmed_report().input, n_samples=1999)),
    "draw of rows": replace(confirmed_report(), seed=1),
    "teacher": report(confirmed(audit("other"), confirmation())),
    "student": report(confirmed(audit(student="other"), confirmation())),
    "settings": replace(
        confirmed_report(), settings={**confirmed_report().settings, "split_seed": 1}
    ),
    "most repetitions": replace(
        confirmed_report(), settings={**confirmed_report().settings, "seeds": 9}
    ),
    "training rows": _trained_otherwise(confirmed_report(), curve=(size(n_train=399),)),
    "sizes": _trained_otherwise(confirmed_report(), curve=(size(n_train=200), size())),
    "the size that decides": _trained_otherwise(confirmed_report(), labelled_rows=400),
    "metric": _trained_otherwise(confirmed_report(), metric="log_loss"),
    "own runs": _own(0.7343),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_another_training_run_is_another_trial(other: Report, tmp_path: Path) -> None:
    paths = [write(tmp_path, confirmed_report(), "a.json"), write(tmp_path, other, "b.json")]
    found = read_evidence(paths, controls=False)
    assert len(found.trials) == 2
    assert found.warnings == ()


def test_own_runs_are_known_by_their_numbers(tmp_path: Path) -> None:
    cases = {"a.json": _own(0.7), "b.json": _own(0.7), "c.json": _own(0.71)}
    found = read_evidence(
        [write(tmp_path, one, name) for name, one in cases.items()], controls=False
    )
    assert [trial.trained for trial in found.trials] == ["runs", "runs"]


def test_the_seed_says_nothing_where_all_rows_are_used(tmp_path: Path) -> None:
    base = confirmed_report()
    base = replace(base, input=replace(base.input, n_samples=base.input.n_rows))
    paths = [write(tmp_path, replace(base, seed=seed), f"{seed}.json") for seed in (0, 1)]
    assert len(read_evidence(paths, controls=False).trials) == 1


def test_trials_of_one_report_are_different_ones(tmp_path: Path) -> None:
    # As in a sweep, whose steps have one teacher.
    steps = [confirmed(audit(), confirmation(outcome)) for outcome in ("helps", "hurts")]
    one, two = (write(tmp_path, report(*steps), name) for name in ("a.json", "b.json"))
    found = read_evidence([one, two], controls=False)
    assert [trial.outcome for trial in found.trials] == ["helps", "hurts"]
    assert "2 training runs are in" in found.warnings[0]


def test_trials_keep_the_order_of_the_reports(tmp_path: Path) -> None:
    paths = [
        write(tmp_path, report(confirmed(audit(name), confirmation())), f"{name}.json")
        for name in "cab"
    ]
    found = read_evidence(paths, controls=False)
    assert [trial.teacher for trial in found.trials] == ["c", "a", "b"]


def test_numbers_that_are_not_finite_are_unknown(tmp_path: Path) -> None:
    main = replace(confirmation().main, change=change(float("nan")))
    odd = of_sizes(replace(size(), metrics={"accuracy": main}))
    (trial,) = read_evidence(
        [write(tmp_path, report(confirmed(audit(), odd)))], controls=False
    ).trials
    assert trial.gain == Estimate(None, None, None)


@pytest.mark.parametrize("literal", ["NaN", "-Infinity", "1e999", "1" + "0" * 400, "null"])
def test_numbers_that_json_does_not_know_are_unknown(literal: str, tmp_path: Path) -> None:
    path = write(tmp_path, confirmed_report())
    keys = ("audits", 0, "levels", "representations", "estimators", "ksg", "verdict_interval")
    changed(path, (*keys, "low"), "HERE")
    path.write_text(path.read_text().replace('"HERE"', literal))
    (trial,) = read_evidence([path], controls=False).trials
    assert trial.levels["representations"].estimators["ksg"].gap.low is None
    assert trial.levels["representations"].gap.low is None
    assert trial.levels["representations"].gap.high is not None
    assert trial.columns["representations"] is None


def test_estimators_and_levels_of_the_future_are_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path, confirmed_report())
    level = json.loads(path.read_text())["audits"][0]["levels"]["representations"]
    changed(path, ("audits", 0, "levels", "embeddings"), level)
    estimator = level["estimators"]["ksg"]
    changed(path, ("audits", 0, "levels", "representations", "estimators", "smile"), estimator)
    (trial,) = read_evidence([path], controls=False).trials
    assert set(trial.levels) == {"representations", "predictions"}
    assert "smile" not in trial.levels["representations"].estimators


def test_a_level_that_was_not_audited(tmp_path: Path) -> None:
    path = changed(write(tmp_path, confirmed_report()), ("audits", 0, "levels", "predictions"), ...)
    (trial,) = read_evidence([path], controls=False).trials
    assert set(trial.levels) == {"representations"}
    assert "predictions" not in trial.columns


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_every_unicode_encoding_is_read(encoding: str, tmp_path: Path) -> None:
    path = write(tmp_path, confirmed_report())
    path.write_text(path.read_text(encoding="utf-8"), encoding=encoding)
    assert len(read_evidence([path], controls=False).trials) == 1


def test_hostile_names_survive(tmp_path: Path) -> None:
    case = EVERY_REPORT["hostile ranking"]
    found = read_evidence([write(tmp_path, case)], controls=True)
    assert [trial.teacher for trial in found.trials] == [one.teacher for one in case.audits]


NOT_A_REPORT: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "is empty; write the report again with --format json"),
    "white space": (b" \n", "is empty"),
    "a table": (b"Cross-modal complementarity audit", "is not JSON (Expecting value"),
    "half a file": (b'{"audits": [', "is not JSON ("),
    "two documents": (b"{} {}", "is not JSON (Extra data"),
    "binary": (b"\x89HDF\r\n\x1a\n\xff\xfe", "is not JSON (it is not Unicode text)"),
    "a deep nest": (b"[" * 200_000, "is not JSON (it is nested too deeply)"),
    "a long number": (b"1" * 10_000, "the document is Infinity, expected an object"),
    "a list": (b"[1]", "the document is a list, expected an object"),
    "a number": (b"3", "the document is 3, expected an object"),
    "null": (b"null", "the document is null, expected an object"),
    "something else": (b'{"a": 1}', "is JSON, but no audit report of cch-audit; give what check"),
    "no version": (b'{"audits": []}', "is JSON, but no audit report of cch-audit"),
    "no audits": (
        as_json.render(replace(report(), audits=())).encode(),
        "holds no training run, so there is no outcome to compare a forecast with; run check or "
        "rank again with --confirm, or confirm",
    ),
}


@pytest.mark.parametrize(("content", "reason"), NOT_A_REPORT.values(), ids=NOT_A_REPORT)
def test_what_is_no_report_is_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    assert refusal(path).startswith(reason)


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "no.json") == (
        "cannot be read (No such file or directory); name a JSON report"
    )
    assert refusal(tmp_path).startswith("cannot be read (Is a directory)")


def test_a_huge_file_is_refused_before_it_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 1000)
    assert refusal(write(tmp_path, confirmed_report())).startswith("has more than 1,000 bytes")


def test_an_endless_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 1000)
    assert refusal(Path("/dev/zero")).startswith("has more than 1,000 bytes")


def test_a_report_without_training_is_refused(tmp_path: Path) -> None:
    assert "run check or rank again with --confirm" in refusal(write(tmp_path, report()))


def test_one_bad_file_among_good_ones_is_refused(tmp_path: Path) -> None:
    good, bad = write(tmp_path, confirmed_report(), "a.json"), write(tmp_path, report(), "b.json")
    with pytest.raises(InputError, match=r"b\.json: holds no training run"):
        read_evidence([good, bad], controls=False)


KSG = (*AUDIT, "levels", "representations", "estimators", "ksg")
WRONG: dict[str, tuple[tuple[str | int, ...], Any, str]] = {
    "another version": (
        ("schema_version",),
        "3",
        "has schema_version '3', and this cch-audit reads '2'; write the report again with this",
    ),
    "an earlier version": (
        ("schema_version",),
        "1",
        "was written by an earlier cch-audit, and its training runs cannot be read",
    ),
    "a version that is a number": (("schema_version",), 1, "schema_version is 1, expected a text"),
    "audits as object": (("audits",), {"a": 1}, "audits is an object, expected a list"),
    "audit as number": (AUDIT, 3, "audits[0] is 3, expected an object"),
    "no teacher": ((*AUDIT, "teacher"), ..., "audits[0].teacher is missing; write the report"),
    "teacher as list": ((*AUDIT, "teacher"), ["a"], "audits[0].teacher is a list, expected a text"),
    "student as null": ((*AUDIT, "student"), None, "audits[0].student is null, expected a text"),
    "unknown verdict": (
        (*AUDIT, "verdict"),
        "maybe",
        'audits[0].verdict is "maybe", expected one of pass, fail, undecided',
    ),
    "verdict as object": ((*AUDIT, "verdict"), {}, "audits[0].verdict is an object, expected one"),
    "a long verdict": (
        (*AUDIT, "verdict"),
        "x" * 10_000,
        'audits[0].verdict is "' + "x" * 39 + "..., expected one of",
    ),
    "no levels": ((*AUDIT, "levels"), ..., "audits[0].levels is missing"),
    "level as text": (
        (*AUDIT, "levels", "representations"),
        "pass",
        'audits[0].levels.representations is "pass", expected an object',
    ),
    "no such voter": (
        (*AUDIT, "levels", "representations", "voters"),
        ["ghost"],
        "audits[0].levels.representations.estimators.ghost is missing",
    ),
    "gap as text": (
        (*KSG, "gap", "estimate"),
        "0.5",
        'audits[0].levels.representations.estimators.ksg.gap.estimate is "0.5", expected a number',
    ),
    "a boolean as number": (
        (*KSG, "verdict_interval", "low"),
        True,
        "audits[0].levels.representations.estimators.ksg.verdict_interval.low is true or false",
    ),
    "no companions": ((*AUDIT, "companions"), ..., "audits[0].companions is missing"),
    "baselines as list": ((*AUDIT, "baselines"), [1], "audits[0].baselines is a list, expected"),
    "no score": ((*AUDIT, "baselines"), {"cka": 1}, "audits[0].baselines.score is missing"),
    "training run as text": (FOUND, "yes", 'audits[0].confirmation is "yes", expected an object'),
    "empty training run": (FOUND, {}, "audits[0].confirmation.source is missing"),
    "unknown outcome": ((*FOUND, "outcome"), "fine", 'audits[0].confirmation.outcome is "fine"'),
    "unknown metric": ((*FOUND, "metric"), "f1", 'audits[0].confirmation.metric is "f1", expected'),
    "no curve": ((*FOUND, "curve"), ..., "audits[0].confirmation.curve is missing"),
    "an empty curve": ((*FOUND, "curve"), [], "audits[0].confirmation.curve[0] is missing"),
    "unknown cause": ((*FOUND, "cause"), "luck", 'audits[0].confirmation.cause is "luck"'),
    "no change": (
        (*SIZE, "metrics", "accuracy", "change"),
        ...,
        "audits[0].confirmation.curve[0].metrics.accuracy.change is missing",
    ),
    "no input": (("input",), ..., "input is missing"),
    "no checksum": (("input", "sha256"), ..., "input.sha256 is missing"),
    "checksum as number": (("input", "sha256"), 1.5, "input.sha256 is 1.5, expected a text"),
    "settings as text": (("settings",), "none", 'settings is "none", expected an object'),
}


@pytest.mark.parametrize(("keys", "value", "reason"), WRONG.values(), ids=WRONG)
def test_what_is_not_as_expected_is_named(
    keys: tuple[str | int, ...], value: Any, reason: str, tmp_path: Path
) -> None:
    path = changed(write(tmp_path, confirmed_report()), keys, value)
    assert refusal(path).startswith(reason)


VALUES: tuple[Any, ...] = (..., None, "x", [])


def sentence(path: Path) -> str:
    """Return with what a file is refused, or that it is not."""
    try:
        read_evidence([path], controls=False)
    except InputError as err:
        return str(err)
    return f"{path}: is read"


def test_a_deep_nest_in_a_setting_is_read_or_refused(tmp_path: Path) -> None:
    path = changed(write(tmp_path, confirmed_report()), ("settings", "weight"), "HERE")
    text = path.read_text()
    for depth in (100, 900, 970, 990):
        path.write_text(text.replace('"HERE"', "[" * depth + "]" * depth))
        assert "is read" in sentence(path) or "nested too deeply" in sentence(path)


@pytest.mark.slow
def test_whatever_is_removed_or_spoilt_ends_in_a_sentence_or_does_no_harm(tmp_path: Path) -> None:
    text = as_json.render(confirmed_report())
    path = tmp_path / "spoilt.json"
    said = set()

    def spoil(part: Any, keys: tuple[str | int, ...]) -> None:
        children = part.items() if isinstance(part, dict) else enumerate(part)
        for key, child in children:
            for value in VALUES:
                path.write_text(text)
                said.add(sentence(changed(path, (*keys, key), value)))
            if isinstance(child, dict | list) and key != "grid" and len(keys) < 7:
                spoil(child, (*keys, key))

    spoil(json.loads(text), ())
    assert len(said) > 100
    assert all(one.startswith(f"{path}: ") for one in said)
