from dataclasses import replace
from itertools import combinations, permutations

import numpy as np
import pytest
from samplers import audited
from scipy.stats import kendalltau, norm
from threadpoolctl import threadpool_limits
from world import TEACHERS, world

from cch_audit.auditing.judging import judge_teachers
from cch_audit.auditing.measurement import Measured, Measurements, measure
from cch_audit.auditing.parts import Parts
from cch_audit.choice.controls import add_controls
from cch_audit.choice.ranking import (
    _holm,
    check_column,
    first_teachers,
    indistinguishable,
    rank_audits,
    rank_teachers,
)
from cch_audit.columns import COLUMNS
from cch_audit.errors import InputError
from cch_audit.estimators.contract import Estimate
from cch_audit.results import (
    Audit,
    Baselines,
    Companions,
    Confirmation,
    EstimatorResult,
    Gap,
    Interval,
    LevelResult,
    PerInformation,
    Range,
)
from cch_audit.settings import AuditSettings, EstimatorSettings, RankSettings
from tests.rendering.experiments import comparison, of_sizes, size
from tests.rendering.forecasts import forecast

QUICK = AuditSettings(estimator=("ksg",), resamples=500, surrogates=0, jobs=1)
FREE = Parts(None, EstimatorSettings(), 0)
"""Of rows that do not depend on each other."""
SMALL = {"low": -1.0, "high": 1.0, "standard_error": 0.5}


def level(lows: dict[str, float]) -> LevelResult:
    """Return a level whose verdict intervals start here; `gaussian` does not decide."""
    some = Interval(0.0, **SMALL)
    zero = PerInformation(0.0, 0.0, 0.0)
    found = {
        name: EstimatorResult(
            some, some, Gap(0.0, **SMALL, probability_positive=0.5), Range(low, low + 1.0), zero,
            zero, (), "undecided", "built by hand",
        )
        for name, low in lows.items()
    }  # fmt: skip
    return LevelResult("undecided", (), tuple(name for name in lows if name != "gaussian"), found)


def confirmed(change: float, outcome="no_change", metric="accuracy") -> Confirmation:
    """Return a training run with this change of its metric."""
    one = replace(size(outcome), metrics={metric: comparison(0.5, change, 0.01, outcome)})
    return of_sizes(one, metric=metric)


def built(
    teacher: str,
    low: float = 0.0,
    *,
    levels: dict[str, dict[str, float]] | None = None,
    gated=("representations",),
    verdict="undecided",
    known: float = 0.0,
    added: float = 0.0,
    baselines: Baselines | None = None,
    confirmation: Confirmation | None = None,
) -> Audit:
    """Return an audit by hand; the lower end of its gap on representations is `low`."""
    levels = levels or {"representations": {"ksg": low}, "predictions": {"ksg": -low}}
    some = Interval(0.0, **SMALL)
    return Audit(
        teacher=teacher,
        student="student",
        verdict=verdict,
        reasons=(),
        levels={name: level(lows) for name, lows in levels.items()},
        gated=gated,
        companions=Companions(
            None, Interval(known, **SMALL), Interval(added, **SMALL), some, None, None, None
        ),
        notes=(),
        teacher_dimension=2,
        student_dimension=2,
        baselines=baselines,
        confirmation=confirmation,
        is_control="control" in teacher,
    )


SCORES = Baselines(score=0.8, log_me=-1.5, h_score=0.3, cka=0.4)


def ranks(audits, by="gap", alike=None) -> list[tuple[str, int | None]]:
    found = rank_teachers(audits, by, alike or {})
    return [(place.teacher, place.rank) for place in found.teachers]


def test_the_highest_lower_end_comes_first():
    audits = [built("b", 0.2), built("c", -0.3), built("a", 0.5)]
    assert ranks(audits) == [("a", 1), ("b", 2), ("c", 3)]
    assert ranks(audits, "predictions") == [("c", 1), ("b", 2), ("a", 3)]


def test_controls_come_last_in_their_own_order_without_rank():
    audits = [built("low control", -9.0), built("a", 0.1), built("control", 5.0), built("b", 0.2)]
    alike = {("a", "control"): True, ("b", "control"): True}
    expected = [("b", 1), ("a", 2), ("control", None), ("low control", None)]
    assert ranks(audits, alike=alike) == expected
    found = rank_teachers(audits, "gap", alike)
    assert all(place.ties == () for place in found.teachers)


@pytest.mark.parametrize("turned", [False, True])
def test_a_rank_is_shared_with_its_first_teacher_alone(turned):
    # a ~ b and b ~ c, but a and c differ: c is not as good as the first of rank 1.
    alike = {("a", "b"): True, ("b", "c"): True, ("a", "c"): False}
    if turned:
        alike = {(other, one): value for (one, other), value in alike.items()}
    audits = [built("c", 0.1), built("b", 0.2), built("a", 0.3)]
    assert ranks(audits, alike=alike) == [("a", 1), ("b", 1), ("c", 3)]
    ties = {p.teacher: p.ties for p in rank_teachers(audits, "gap", alike).teachers}
    assert ties == {"a": ("b",), "b": ("a", "c"), "c": ("b",)}


def test_a_shared_rank_leaves_a_gap():
    audits = [built(name, -number) for number, name in enumerate("abcde")]
    alike = {pair: pair in {("a", "b"), ("c", "d")} for pair in combinations("abcde", 2)}
    assert [rank for _, rank in ranks(audits, alike=alike)] == [1, 1, 3, 3, 5]


def test_without_a_test_equal_values_tie():
    audits = [built("a", known=0.5), built("b", known=0.7), built("c", known=0.5)]
    found = rank_teachers(audits, "teacher_labels", {}).teachers
    assert [(p.teacher, p.rank, p.ties) for p in found] == [
        ("b", 1, ()),
        ("a", 2, ("c",)),
        ("c", 2, ("a",)),
    ]


def test_a_teacher_without_a_value_comes_last():
    audits = [built("a"), built("b", baselines=replace(SCORES, cka=-5.0)), built("c")]
    assert ranks(audits, "cka") == [("b", 1), ("a", 2), ("c", 2)]


def test_every_column():
    audit = built(
        "a",
        levels={
            "representations": {"ksg": 0.5, "mine": 0.2, "gaussian": -7.0},
            "predictions": {"ksg": -0.1, "mine": 0.3},
        },
        known=0.6,
        added=0.1,
        baselines=SCORES,
        confirmation=confirmed(0.02),
    )
    audit = replace(audit, forecast=forecast(estimate=-0.03))
    values = {
        "gap": 0.2,
        "representations": 0.2,
        "predictions": -0.1,
        "teacher_labels": 0.6,
        "teacher_labels_given_student": 0.1,
        "score": 0.8,
        "log_me": -1.5,
        "h_score": 0.3,
        "cka": 0.4,
        "forecast": 0.03,
        "gain": 0.02,
    }
    (place,) = rank_teachers([audit], "gap", {}).teachers
    assert place.columns == values
    assert set(values) == set(COLUMNS)


@pytest.mark.parametrize(
    ("gated", "expected"),
    [
        (("representations",), 0.4),
        (("predictions",), -0.2),
        (("representations", "predictions"), -0.2),
    ],
)
def test_the_gap_is_that_of_the_deciding_levels(gated, expected):
    lows = {"representations": {"ksg": 0.4}, "predictions": {"ksg": -0.2}}
    assert COLUMNS["gap"].value(built("a", levels=lows, gated=gated)) == expected


def test_columns_that_were_not_measured_are_empty():
    columns = rank_teachers([built("a")], "gap", {}).teachers[0].columns
    missing = {name for name, value in columns.items() if value is None}
    assert missing == {"score", "log_me", "h_score", "cka", "forecast", "gain"}


def test_a_lower_error_is_a_gain():
    gain = COLUMNS["gain"].value
    assert gain(built("a")) is None
    assert gain(built("a", confirmation=confirmed(0.02))) == 0.02
    assert gain(built("a", confirmation=confirmed(-0.3, metric="mse"))) == 0.3


def test_the_first_teachers_and_all_controls():
    audits = [built("a", 0.3), built("b", 0.2), built("c", 0.1), built("control", 1.0)]
    found = rank_teachers(audits, "gap", {})
    for top, names in ((1, "a"), (2, "ab"), (3, "abc"), (9, "abc"), (None, "abc")):
        kept = first_teachers(found, top)
        assert [place.teacher for place in kept.teachers] == [*names, "control"]
        assert kept.by == found.by


# What foretold the gains.

GAINS = {"a": 0.03, "b": 0.01, "c": 0.0, "d": -0.02}


def with_gains(values: dict[str, float], **verdicts: str) -> list[Audit]:
    """Return audits with measured gains and this I(teacher; labels)."""
    return [
        built(
            name,
            known=values[name],
            verdict=verdicts.get(name, "undecided"),
            confirmation=confirmed(GAINS[name], "hurts" if GAINS[name] < 0 else "no_change"),
        )
        for name in values
    ]


@pytest.mark.parametrize("values", list(permutations(range(4))), ids=str)
def test_record_of_a_column(values):
    known = dict(zip("abcd", map(float, values)))
    found = rank_teachers(with_gains(known), "gap", {}).records["teacher_labels"]
    pairs = [(a > b) == (GAINS[x] > GAINS[y]) for (x, a), (y, b) in combinations(known.items(), 2)]
    assert found.kendall_tau == pytest.approx((sum(pairs) - pairs.count(False)) / 6)
    first = max(known, key=lambda name: known[name])
    assert found.regret == pytest.approx(0.03 - GAINS[first])
    assert found.harmful == (first == "d")


def test_harmful_is_a_share_of_as_many_as_pass():
    known = {"d": 3.0, "a": 2.0, "b": 1.0, "c": 0.0}
    passing = dict.fromkeys("bc", "pass")
    records = rank_teachers(with_gains(known, **passing), "gap", {}).records
    assert records["teacher_labels"].harmful == 0.5


def test_ties_in_a_column_lower_its_tau():
    known = {"a": 1.0, "b": 1.0, "c": 0.0, "d": 0.0}
    found = rank_teachers(with_gains(known), "gap", {}).records["teacher_labels"]
    expected = kendalltau(list(known.values()), list(GAINS.values())).statistic
    assert found.kendall_tau == pytest.approx(expected)
    assert found.kendall_tau < 1.0


def test_a_column_that_never_changes_has_no_tau():
    records = rank_teachers(with_gains(dict.fromkeys("abcd", 0.0)), "gap", {}).records
    assert records["teacher_labels"].kendall_tau is None


def test_controls_and_columns_without_values_have_no_part_in_the_record():
    audits = with_gains({"a": 1.0, "d": 0.0})
    audits[0] = replace(audits[0], baselines=SCORES)
    control = built("control", known=9.0, confirmation=confirmed(-0.5, "hurts"))
    records = rank_teachers([*audits, control], "gap", {}).records
    assert records["teacher_labels"].regret == 0.0
    assert records["teacher_labels"].kendall_tau == pytest.approx(1.0)
    assert set(records) == {
        "representations",
        "predictions",
        "teacher_labels",
        "teacher_labels_given_student",
    }


@pytest.mark.parametrize("n_trained", [0, 1, 3])
def test_no_record_unless_all_of_several_teachers_were_trained(n_trained):
    audits = with_gains(dict.fromkeys("abcd", 0.0))
    audits[n_trained:] = [replace(one, confirmation=None) for one in audits[n_trained:]]
    assert rank_teachers(audits, "gap", {}).records == {}
    assert rank_teachers(audits[:1], "gap", {}).records == {}


# Who cannot be told apart.


def estimated(columns: dict[str, np.ndarray], *, seed_variance=0.0, others=()) -> Measurements:
    """Return measurements with these pseudo-values of I(teacher; student)."""
    found = {}
    for (where, voter), values in {("representations", "ksg"): columns, **dict(others)}.items():
        for teacher, pseudo in values.items():
            estimate = Estimate(float(pseudo.mean()), pseudo, seed_variance)
            key = (where, voter, "teacher_student", teacher, "student")
            found[key] = Measured(estimate, np.zeros(2), None)
    return Measurements({}, "student", found)


def apart(columns, *, names=None, voters=("ksg",), levels=("representations",), **found):
    """Return the pairs of teachers that are told apart."""
    lows = {level: dict.fromkeys(voters, 0.0) for level in levels}
    audits = [built(name, levels=lows) for name in names or columns]
    measured = estimated(columns, **found)
    alike = indistinguishable(measured, audits, levels, QUICK, FREE)
    assert len(alike) == len(audits) * (len(audits) - 1) // 2
    return {frozenset(pair) for pair, same in alike.items() if not same}


def pseudo(means: dict[str, float], n: int = 400, seed: int = 0, common: float = 1.0, by_chance=0):
    """Return pseudo-values that share a part, as those of teachers of one student do.

    The differences of their means are those of `means`, to which chance adds if `by_chance` is 1.
    """
    rng = np.random.default_rng(seed)
    shared = common * rng.standard_normal(n)
    own = rng.standard_normal((len(means), n))
    own -= (1 - by_chance) * own.mean(axis=1, keepdims=True)
    return {name: mean + shared + x for (name, mean), x in zip(means.items(), own)}


def test_holm_step_by_step():
    rng = np.random.default_rng(0)
    for count in (1, 2, 3, 10, 45):
        p = rng.random(count) ** 4
        corrected, sofar = {}, 0.0
        for number, index in enumerate(sorted(range(count), key=lambda i: p[i])):
            sofar = max(sofar, min(1.0, (count - number) * p[index]))
            corrected[index] = sofar
        np.testing.assert_allclose(_holm(p), [corrected[i] for i in range(count)])


def test_difference_is_tested_on_the_same_rows():
    # The common part is ten times as large as the difference; only pairing sees past it.
    columns = pseudo({"a": 0.0, "b": 0.5}, common=10.0)
    assert apart(columns) == {frozenset("ab")}


def test_p_is_corrected_for_the_number_of_pairs():
    # 2.4 standard errors: p = .016 for one pair, .098 for six.
    assert 6 * 2 * norm.sf(2.4) == pytest.approx(0.098, abs=1e-3)
    difference = 2.4 * np.sqrt(2 / 400)
    between = dict.fromkeys("xy", difference / 2)
    near, far = {"a": 0.0, "b": difference}, {"c": 50.0, "d": -50.0}
    assert apart(pseudo(near)) == {frozenset("ab")}
    assert apart(pseudo({**near, **between})) == set()
    # Step by step: pairs that differ beyond doubt cost nothing.
    assert len(apart(pseudo({**near, **far}))) == 6


@pytest.mark.slow
def test_false_differences_are_rare():
    # Four teachers of equal information: at most 5 % of samples tell any two apart. With 300
    # samples the share has a standard error of .0126.
    equal = dict.fromkeys("abcd", 0.0)
    wrong = [bool(apart(pseudo(equal, 200, seed, by_chance=1))) for seed in range(300)]
    assert np.mean(wrong) < 0.05 + 3 * 0.0126


def test_estimators_and_levels_must_agree():
    far, near = {"a": 0.0, "b": 1.0}, {"a": 0.0, "b": 0.0}
    turned = {"a": 1.0, "b": 0.0}
    both = ("representations", "predictions")
    for second, expected in ((far, {frozenset("ab")}), (near, set()), (turned, set())):
        columns, others = pseudo(far), pseudo(second, seed=1)
        by_voter = [(("representations", "mine"), others)]
        assert apart(columns, voters=("ksg", "mine"), others=by_voter) == expected
        by_level = [(("predictions", "ksg"), others)]
        assert apart(columns, levels=both, others=by_level) == expected


def test_copies_cannot_be_told_apart():
    columns = pseudo({"a": 0.0})
    assert apart({**columns, "b": columns["a"]}) == set()


def test_one_teacher_has_no_pairs():
    assert apart(pseudo({"a": 0.0})) == set()


def test_groups_are_resampled_whole():
    # Twenty groups of equal rows: .3 is 4.2 standard errors of 400 rows, but .95 of 20.
    columns = {name: np.repeat(x, 20) for name, x in pseudo({"a": 0.0, "b": 0.3}, 20).items()}
    audits = [built(name) for name in columns]
    sample = audited({}, np.zeros((400, 1)), np.zeros((400, 1)))
    grouped = replace(sample, groups=np.repeat(np.arange(20), 20))
    arguments = (estimated(columns), audits, ("representations",), QUICK)
    free, together = (Parts(one.dependence, EstimatorSettings(), 0) for one in (sample, grouped))
    assert not indistinguishable(*arguments, free)["a", "b"]
    assert indistinguishable(*arguments, together)["a", "b"]


def test_the_variance_over_seeds_widens_the_spread():
    columns = pseudo({"a": 0.0, "b": 0.5})
    assert apart(columns, seed_variance=0.0) == {frozenset("ab")}
    assert apart(columns, seed_variance=0.1) == set()


@pytest.mark.slow
def test_the_order_of_teachers_and_others_do_not_matter():
    # Differences around 1.96 standard errors, .31 with the variance over seeds.
    settings = {"seed_variance": 0.01}
    for difference in np.linspace(0.29, 0.33, 41):
        columns = pseudo({"a": 0.0, "b": difference, "c": 60.0, "d": -60.0})
        two = {name: columns[name] for name in "ab"}
        expected = apart(two, **settings)
        assert apart(two, names=("b", "a"), **settings) == expected
        # Among pairs that differ beyond doubt, Holm leaves the p of the last one as it is.
        for names in ("abcd", "dcba", "cbda"):
            pairs = apart(columns, names=tuple(names), **settings)
            assert pairs & {frozenset("ab")} == expected


# From a sample to its ranking.


@threadpool_limits.wrap(limits=1)
def judged(sample, n_controls=0, jobs=1, **changes):
    """Return what `rank_audits` takes before the column: sample, measurements, audits."""
    settings = replace(QUICK, jobs=jobs, **changes)
    parts = Parts(sample.dependence, EstimatorSettings(), 0)
    if n_controls:
        sample = add_controls(sample, parts, jobs)
        assert len(sample.controls) == n_controls
    measured = measure(sample, settings, parts)
    audits = judge_teachers(sample, measured, settings, parts)
    return sample, measured, audits


@threadpool_limits.wrap(limits=1)
def ordered(found, by: str = "gap", jobs=1):
    """Return the audits and the ranking of what `judged` returned."""
    settings, parts = replace(QUICK, jobs=jobs), Parts(found[0].dependence, EstimatorSettings(), 0)
    return rank_audits(*found, RankSettings(by=by), settings, parts=parts)


@pytest.fixture(scope="module")
def small():
    return world(800)


def test_teachers_with_equal_and_with_very_different_information(small):
    rng = np.random.default_rng(0)
    s = small.student[:, :4]
    one, two = (s + 0.5 * rng.standard_normal(s.shape) for _ in range(2))
    far = s + 5.0 * rng.standard_normal(s.shape)
    sample = replace(small, student=s, teachers={"far": far, "one": one, "two": two})
    _, found = ordered(judged(sample))
    assert [place.rank for place in found.teachers] == [1, 1, 3]
    assert found.teachers[2].teacher == "far"
    assert [place.ties for place in found.teachers][2] == ()


@pytest.mark.slow
def test_ranking_of_the_constructed_world(small):
    audits, found = ordered(judged(small, level="predictions", n_controls=4))
    names = [place.teacher for place in found.teachers]
    assert [audit.teacher for audit in audits] == names
    # The copy is the student: no teacher shares more with it.
    assert names[:2] == ["copy", "good"]
    assert set(names[2:4]) == {"weak", "nuisance"}
    assert [place.rank is None for place in found.teachers] == [False] * 4 + [True] * 4
    assert found.by == "gap"
    assert found.records == {}
    for place, audit in zip(found.teachers, audits):
        assert audit.baselines is not None
        assert place.columns["score"] == audit.baselines.score
        assert place.columns["gap"] == place.columns["predictions"]
        assert place.columns["forecast"] is None


@pytest.mark.slow
def test_ranking_does_not_depend_on_jobs_or_order(small):
    turned = {name: small.teachers[name] for name in reversed(TEACHERS)}
    others = [judged(small, 4, jobs=2), judged(replace(small, teachers=turned), 4)]
    once = judged(small, 4)
    for by in ("gap", "predictions", "score"):
        expected = ordered(once, by)
        assert [ordered(parts, by, jobs=2) for parts in others] == [expected, expected]


@pytest.mark.slow
def test_controls_change_no_other_number(small):
    alone, beside = ordered(judged(small)), ordered(judged(small, 4))
    assert beside[0][:4] == alone[0]
    assert beside[1].teachers[:4] == alone[1].teachers


def numbers(p: int, n: int = 60):
    rng = np.random.default_rng(0)
    student = rng.standard_normal((n, p))
    return audited({"teacher": student[:, ::-1].copy()}, student, student[:, :1])


def test_a_column_that_does_not_apply_is_refused(small):
    check_column(small, "h_score")
    check_column(numbers(5), "forecast")
    check_column(numbers(58), "gap")
    for sample, by, why in (
        (numbers(5), "h_score", "the H-score is for classes, and the labels are continuous"),
    ):
        with pytest.raises(InputError, match=f"`by` {by}: .*{why}; choose another column"):
            check_column(sample, by)


def test_an_h_score_of_too_many_columns_is_refused(small):
    wide = np.random.default_rng(0).standard_normal((len(small.student), len(small.student)))
    check_column(replace(small, teachers={"wide": wide, "one": wide[:, :1]}), "h_score")
    with pytest.raises(InputError, match="every teacher has too many columns for an H-score"):
        check_column(replace(small, teachers={"wide": wide}), "h_score")


def test_the_gap_has_a_record_where_no_level_stands_for_it():
    audits = with_gains({"a": 1.0, "d": 0.0})
    assert "gap" not in rank_teachers(audits, "gap", {}).records
    both = [replace(one, gated=("representations", "predictions")) for one in audits]
    assert "gap" in rank_teachers(both, "gap", {}).records
