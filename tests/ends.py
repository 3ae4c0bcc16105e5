"""Tables of training end to end: what foretells it, and what the paper claims."""

import csv
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path, PurePath
from statistics import mean
from textwrap import fill

from cch_audit import columns
from cch_audit.evidence.ledger import Ledger, keep_ledger
from cch_audit.evidence.read import Evidence, read_evidence
from cch_audit.evidence.results import Decisions, Estimate, Share, Trial
from cch_audit.rendering.evidence import decider
from cch_audit.rendering.text import counted
from cch_audit.results import Metric

ENDS = Path(__file__).resolve().parents[1] / "fixtures" / "evidence" / "end_to_end"
OMICS = ("omics", "lihc", "kipan")
DECIDERS = ("verdict", "predictions", "forecast", "heads", "always", "never")
NUMBERS = {
    "verdict": "representations",
    "predictions": "predictions",
    "forecast": "forecast",
    "heads": "heads",
}
"""The number that stands behind a forecaster."""
Line = Sequence[str]


@cache
def evidence(metric: Metric | None = None) -> Evidence:
    """Return the trials of the committed reports; an outcome counts by a metric or by its own."""
    paths = sorted((ENDS / "reports").glob("*/*.json"))
    return read_evidence(paths, controls=False, metric=metric)


def record(metric: Metric | None = None) -> Ledger:
    """Return the record of all of them, whose intervals resample families."""
    return keep_ledger(evidence(metric), "folders")


def by_family() -> dict[str, Ledger]:
    """Return the record of each family."""
    found: dict[str, list[Trial]] = {}
    for trial in evidence().trials:
        found.setdefault(family(trial).replace("_", " "), []).append(trial)
    return {name: keep_ledger(_of(evidence(), trials)) for name, trials in found.items()}


def family(trial: Trial) -> str:
    """Return the folder of a trial's report."""
    return PurePath(trial.report).parent.name


def by_size() -> str:
    """Return how well forecasters do for the smaller and the larger training set of a student."""
    head = ("training rows", "forecaster", "right about transfer", "right about a gain",
            "right about log-loss", "tau, accuracy", "tau, log-loss", "harmful")  # fmt: skip
    sizes: dict[str, Callable[[Trial], bool]] = {
        "the fewer": lambda trial: not is_larger(trial),
        "the more": is_larger,
        "all": lambda trial: True,
    }
    lines = []
    for name, holds in sizes.items():
        own, loss = (
            keep_ledger(_of(found, [one for one in found.trials if holds(one)]), "folders")
            for found in (evidence(), evidence("log_loss"))
        )
        lines += [(name, *_forecaster(one, own, loss)) for one in DECIDERS if _has(own, one)]
    return table([head, *lines])


def reading() -> str:
    """Return what the records say, as a list."""
    own, loss = record(), record("log_loss")
    n_trials = len(own.trials)
    transfer = sum(one.measured == "pass" for one in own.trials)
    gains = sum(one.outcome == "helps" for one in own.trials)
    denied = [
        family(one)
        for one in own.trials
        if one.outcome == "helps" and one.heads and one.heads.outcome in ("no_change", "hurts")
    ]
    choices = [
        f"{columns.title(one.forecaster)} {shown(one.regret, '.3f')}"
        for one in own.scores
        if one.forecaster in (*NUMBERS.values(), "score")
    ]
    verdict, always = _decision(own, "verdict"), _decision(own, "always")
    of_any = max(one.regret_of_any or 0.0 for one in own.scores)
    others = " and ".join(_sign(loss, name) for name in ("representations", "predictions"))
    said = [
        f"**{n_trials} trials**: {gains} gain, {transfer} by transfer, "
        f"{sum(one.outcome == 'hurts' for one in own.trials)} hurt, "
        f"{sum(one.outcome == 'undecided' for one in own.trials)} stay undecided.",
        f"**A training run of heads** is {_how_often(own, loss, 'heads')}. It denies {len(denied)} "
        f"of the {gains} gains, {denied.count('images')} of them of images, where all layers "
        "learn.",
        f"**The forecast**, without any training, is {_how_often(own, loss, 'forecast')}; the "
        f"signs of the gaps on representations and predictions in {others}.",
        f"**The verdict** is right in {_count(verdict.right)} decided trials, about gains of any "
        f"cause in {_count(verdict.right_any_cause)}, and undecided in "
        f"{verdict.n_undecided_forecasts} of {n_trials}. {_count(verdict.harmful)} passes hurt; "
        f"always distilling: right in {_count(always.right)}, hurts in {_count(always.harmful)}.",
        f"**The choice of a teacher** misses, of the gain of the best one: {', '.join(choices)}; "
        f"at random {of_any:.3f}.",
    ]
    return listed(said)


def _how_often(own: Ledger, loss: Ledger, name: str) -> str:
    """Return how often heads or the forecast are right, by every measure."""
    found, of_loss = _decision(own, name), _decision(loss, name)
    sizes = [
        _count(_decision(keep_ledger(_of(evidence(), part)), name).right)
        for part in (
            [one for one in own.trials if not is_larger(one)],
            [one for one in own.trials if is_larger(one)],
        )
    ]
    return (
        f"right about transfer in {_count(found.right)} decided trials ({sizes[0]} at the smaller "
        f"number of training rows, {sizes[1]} at the larger), about gains of any cause in "
        f"{_count(found.right_any_cause)}, of log-loss (MSE) in {_count(of_loss.right)}; its sign "
        f"in {_sign(loss, name)}"
    )


def _decision(found: Ledger, name: str) -> Decisions:
    return next(one for one in found.decisions if one.forecaster == name)


def _sign(found: Ledger, name: str) -> str:
    """Return how often the sign of a number is right."""
    sign = next(one for one in found.scores if one.forecaster == name).sign
    return "n/a" if sign is None else _count(sign)


def _count(share: Share) -> str:
    return f"{share.count} of {share.total}"


def listed(said: Sequence[str]) -> str:
    """Return sentences as a list in Markdown."""
    width = {"width": 104, "subsequent_indent": "  ", "break_on_hyphens": False}
    return "\n".join(fill(f"- {text}", **width) for text in said)  # type: ignore[arg-type]


def is_larger(trial: Trial) -> bool:
    """Whether the student learnt from the larger of its numbers of rows."""
    return trial.student.startswith("trained_on_")


def _forecaster(name: str, own: Ledger, loss: Ledger) -> Line:
    """Return how well one forecaster does, by the deciding metric and by log-loss."""
    said, of_loss = _decision(own, name), _decision(loss, name)
    right = [said.right, said.right_any_cause, of_loss.right]
    taus = [
        next(one for one in found.scores if one.forecaster == NUMBERS[name]).kendall_tau_within
        if name in NUMBERS
        else None
        for found in (own, loss)
    ]
    counts = [_count(one) for one in (*right, said.harmful)]
    return (decider(name), *counts[:3], *("" if one is None else shown(one) for one in taus),
            counts[3])  # fmt: skip


def _has(found: Ledger, name: str) -> bool:
    return any(one.forecaster == name for one in found.decisions)


def _of(found: Evidence, trials: Sequence[Trial]) -> Evidence:
    return Evidence(tuple(trials), 0, (), found.metric)


def claims() -> str:
    """Return what the paper claims and what training end to end shows."""
    return claims_of(evidence().trials, weights(ENDS / "weights.csv"))


def claims_of(trials: Sequence[Trial], gains: Mapping[tuple[str, ...], float]) -> str:
    """Return a list of claims; those whose families are not there are left out.

    Parameters
    ----------
    trials : of all families, each by its deciding metric
    gains : by family, student, teacher, rows and weight
    """
    lines: list[Line] = []
    of = {name: [one for one in trials if family(one) == name] for name in map(family, trials)}
    if images := of.get("images"):
        for verdict, claim in (("pass", "where the criterion holds, MNIST-M gains .01 to .035"),
                               ("fail", "where it does not, it loses")):  # fmt: skip
            found = [one for one in images if one.verdict == verdict]
            lines.append((claim, f"verdict {verdict} on MNIST-M", spread(found)))
    seen = [one for name in ("affect", *OMICS) for one in of.get(name, [])]
    fusion = [one for one in seen if is_fusion(one)]
    if affect := [one for one in of.get("affect", []) if not is_fusion(one)]:
        claim = "text to visual gains 1.1 %, text to audio 2.3 % (CMU-MOSEI)"
        found = "; ".join(
            f"{one.teacher} to {name_of(one)}, {one.n_train:,} rows: {points(one)}, "
            f"{outcome(one)}, verdict {one.verdict}"
            for one in affect
        )
        lines.append((claim, "with CREMA-D as a stand-in, in points", found))
    if pairs := [one for one in seen if family(one) in OMICS and not is_fusion(one)]:
        claim, here = "complete correspondence of criterion and gain", counted(len(pairs), "trial")
        lines.append((f"{claim} in omics", here, correspondence(pairs)))
    if fusion:
        students = ", ".join(sorted({name_of(one) for one in fusion}))
        lines.append(("fusion and KD is above fusion", f"students {students}", spread(fusion)))
    if gains:
        lines.append(("small weights are nearer to theory", "sign of the gap and of the gain "
                      "(log-loss, MSE) at weight w", nearer(trials, gains)))  # fmt: skip
    lines.append(("the three estimators agree", counted(len(trials), "trial"), agreement(trials)))
    return listed(
        [
            f"*{claim[:1].upper()}{claim[1:]}.* Here, {here}: {found}."
            for claim, here, found in lines
        ]
    )


def name_of(trial: Trial) -> str:
    """Return the student without the number of rows that trained it."""
    return trial.student.rpartition("/")[2]


def is_fusion(trial: Trial) -> bool:
    """Whether the student joins views, as its name says."""
    return "_" in name_of(trial)


def spread(trials: Sequence[Trial]) -> str:
    """Return the range of gains and how many there are of each outcome."""
    gains = [100 * one.gain.estimate for one in trials if one.gain.estimate is not None]
    if not gains:
        return "no trial"
    counts = ", ".join(
        f"{sum(one.outcome == kind for one in trials)} {words}"
        for kind, words in (("helps", "gain"), ("hurts", "lose"), ("no_change", "change nothing"))
    )
    transfer = sum(one.measured == "pass" for one in trials)
    ends = f"{min(gains):+.1f} to {max(gains):+.1f} points, {mean(gains):+.1f} on average"
    return f"{ends}; of {counted(len(trials), 'trial')} {counts}; {transfer} by transfer"


def points(trial: Trial) -> str:
    """Return a gain in points or percent with its interval."""
    return shown(trial.gain, "+.1f", 100)


def outcome(trial: Trial) -> str:
    """Return an outcome in words."""
    if trial.outcome != "helps":
        return trial.outcome.replace("_", " ")
    return f"helps, {trial.cause if trial.cause == 'unclear' else f'by {trial.cause}'}"


def correspondence(trials: Sequence[Trial]) -> str:
    """Return how often criterion and gain of any cause correspond where both are decided."""
    decided = [one for one in trials if "undecided" not in (one.verdict, one.outcome)]
    right = sum((one.verdict == "pass") == (one.outcome == "helps") for one in decided)
    open_ = sum(one.verdict == "undecided" for one in trials)
    helps = sum(one.outcome == "helps" for one in trials)
    return (
        f"{right} of {len(decided)} decided; {counted(open_, 'verdict')} undecided; "
        f"{helps} gain"
    )  # fmt: skip


def nearer(trials: Sequence[Trial], gains: Mapping[tuple[str, ...], float]) -> str:
    """Return for each weight in how many trials the gain has the sign of the gap."""
    gaps = {
        (family(one), one.student.rpartition("/")[2], one.teacher, str(one.n_train)): gap
        for one in trials
        if (gap := one.levels["representations"].gap.estimate) is not None
    }
    found = []
    for weight in sorted({key[-1] for key in gains}, key=float):
        same = [(gain > 0) == (gaps[key[:-1]] > 0) for key, gain in gains.items()
                if key[-1] == weight and key[:-1] in gaps]  # fmt: skip
        found.append(f"{sum(same)} of {len(same)} at w = {weight}")
    return ", ".join(found)


def agreement(trials: Sequence[Trial]) -> str:
    """Return how often the estimators of representations say the same, and contradict."""
    votes = [one.levels["representations"].estimators.values() for one in trials]
    signs = [{(one.gap.estimate or 0.0) > 0 for one in found} for found in votes]
    said = [{one.verdict for one in found} for found in votes]
    same, verdicts = sum(len(one) == 1 for one in signs), sum(len(one) == 1 for one in said)
    contradict = sum({"pass", "fail"} <= one for one in said)
    return (
        f"the same sign in {same}, the same verdict in {verdicts}; pass beside fail in {contradict}"
    )


def weights(path: Path) -> dict[tuple[str, ...], float]:
    """Return the gain by family, student, teacher, rows and weight."""
    names = ("family", "student", "teacher", "train_size", "weight")
    with path.open(newline="", encoding="utf-8") as lines:
        return {
            tuple(line[name] for name in names): float(line["gain"])
            for line in csv.DictReader(lines)
        }


def shown(value: Estimate, format: str = ".2f", scale: float = 1) -> str:
    """Return an estimate, and its interval if it has one."""
    if value.estimate is None:
        return "n/a"
    ends = [f"{scale * end:{format}}" for end in (value.low, value.high) if end is not None]
    interval = f" [{', '.join(ends)}]" if ends else ""
    return f"{scale * value.estimate:{format}}{interval}"


def table(lines: Sequence[Line]) -> str:
    """Return lines, the first of which names the columns, as Markdown."""
    head, *others = lines
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *others))
