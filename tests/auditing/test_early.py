"""Stopping early changes no verdict."""

from dataclasses import replace
from itertools import combinations_with_replacement, product
from pathlib import Path

import numpy as np
import pytest
from samplers import audited
from threadpoolctl import threadpool_limits

import cch_audit
from cch_audit.auditing import verdict
from cch_audit.auditing.early import measure_needed
from cch_audit.auditing.judging import judge_teachers
from cch_audit.auditing.measurement import measure
from cch_audit.auditing.parts import Parts
from cch_audit.auditing.verdict import _winner, possible
from cch_audit.estimators import find
from cch_audit.settings import RULES, AuditSettings, EstimatorSettings

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
FEW = ("breast_cancer", "diabetes", "classpaired")
SETTINGS = AuditSettings(estimator=("ksg", "gaussian"), resamples=200, surrogates=1, jobs=1)
CASES = [
    *product(("all",), (-3.0, 0.0, 0.3, 3.0), ("representations",)),
    *product(("all", "majority"), (0.0, 0.3), ("both",)),
    *product(("any", "gaussian"), (0.3,), ("predictions",)),
]


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((100, 2))

    def near(noise):
        return shared + noise * rng.standard_normal(shared.shape)

    y = np.asarray(near(0.5)[:, 0] > 0, dtype=np.int64)
    return audited({"near": near(0.4), "far": near(1.5)}, near(0.4), y)


@pytest.fixture
def two_voters(monkeypatch):
    """Let the reference, which costs next to nothing, vote as any other."""
    monkeypatch.setattr(verdict, "find", lambda name: replace(find(name), is_reference=False))


@pytest.fixture(scope="module")
def both(sample):
    """Return what audits with some settings, measuring everything and stopping early."""
    parts = Parts(sample.dependence, EstimatorSettings(), 0)

    def run(chosen=sample, **changes):
        settings = replace(SETTINGS, **changes)
        with threadpool_limits(1):
            return tuple(
                judge_teachers(chosen, measuring(chosen, settings, parts), settings, parts)
                for measuring in (measure, measure_needed)
            )

    return run


@pytest.mark.usefixtures("two_voters")
def test_no_verdict_changes(both):
    seen, idle = set(), 0
    for rule, margin, level in CASES:
        everything, needed = both(rule=rule, margin=margin, level=level)
        for full, early in zip(everything, needed, strict=True):
            assert early.verdict == full.verdict
            assert set(early.levels) == set(early.gated)
            seen.add(early.verdict)
            for name, found in early.levels.items():
                assert found.verdict == full.levels[name].verdict or level == "both"
                assert {*found.estimators, *found.not_needed} == {"ksg", "gaussian"}
                idle += len(found.not_needed)
                for estimator, result in found.estimators.items():
                    # What was measured is the same number for number, but for a bias.
                    known = full.levels[name].estimators[estimator]
                    assert replace(result, bias=None) == replace(known, bias=None) or (
                        result.bias is None and result.verdict == known.verdict == "undecided"
                    )
    assert seen == {"pass", "fail", "undecided"}
    assert idle > 0


def test_what_is_undecided_needs_no_surrogates(both):
    _, (early, _) = both(margin=0.4, rule="ksg")
    (result,) = early.levels["representations"].estimators.values()
    if result.verdict == "undecided":
        assert result.bias is None
    _, (early, _) = both(margin=-3.0, rule="ksg")
    assert early.levels["representations"].estimators["ksg"].bias is not None


@pytest.mark.usefixtures("two_voters")
def test_rows_in_doubt_need_one_estimator(both, sample):
    twice = np.repeat(np.arange(50), 2)
    copies = replace(
        sample,
        teachers={name: x[twice] for name, x in sample.teachers.items()},
        student=sample.student[twice],
        labels=replace(sample.labels, values=sample.labels.values[twice]),
    )
    everything, needed = both(copies, margin=-3.0)
    for full, early in zip(everything, needed, strict=True):
        assert early.doubts == full.doubts != ()
        assert early.verdict == full.verdict == "undecided"
        assert early.levels["representations"].not_needed == ("ksg",)


@pytest.mark.parametrize("rule", [*RULES, "ksg"])
@pytest.mark.parametrize("n_voters", [1, 2, 3, 4])
def test_possible_endings_are_those_of_all_completions(rule, n_voters):
    verdicts = ("pass", "fail", "undecided")
    for n_votes in range(n_voters + 1):
        for votes in combinations_with_replacement(verdicts, n_votes):
            endings = set()
            for rest in product(verdicts, repeat=n_voters - n_votes):
                every = [*votes, *rest]
                endings.add(_winner(every.count("pass"), every.count("fail"), n_voters, rule))
            assert possible(votes, n_voters, rule) == endings


@pytest.mark.slow
@pytest.mark.parametrize("name", FEW)
def test_no_verdict_on_a_fixture_changes(name, tmp_path):
    settings = {"max_samples": 300, "resamples": 300, "cache": str(tmp_path / "cache")}
    for level in ("representations", "both"):
        full, early = (
            cch_audit.check(FIXTURES / f"{name}.h5", level=level, stop_early=stop, **settings)
            for stop in (False, True)
        )
        assert early.decision == full.decision
        assert [one.verdict for one in early.audits] == [one.verdict for one in full.audits]
        assert early.settings["stop_early"]
        assert type(early).from_json(early.to_json()).audits == early.audits
        assert early.render("table")
        assert early.render("html")
