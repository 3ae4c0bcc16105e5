"""Estimates on request in an environment of its own: one JSON line in, one out.

A request names the method, a seed and an .npz file with x and y; the reply has the estimate in
nats and what it cost (seconds, seconds of the processor, peak memory), or what went wrong. Every
method runs with its package's defaults. This file imports nothing of the bench.

Class codes reach a peer's networks as one-hot columns. A nearest-neighbour peer gets them only
where its package knows about classes.
"""

import contextlib
import json
import os
import sys
import time
from pathlib import Path

import numpy as np


def ours(name):
    def run(x, y, seed):
        from cch_audit.estimators import estimate
        from cch_audit.settings import EstimatorSettings

        found = estimate(name, x, y, np.random.default_rng(seed), EstimatorSettings())
        # An estimator that calibrates itself keeps the raw value beside.
        raw = getattr(found, "raw", None)
        return found.value, {} if raw is None else {"raw": float(raw)}

    return run


def corrected(name):
    """Our estimate less its mean error on two surrogates, as the verdict interval uses it."""

    def run(x, y, seed):
        from cch_audit.auditing.surrogates import draw_surrogate
        from cch_audit.estimators import estimate
        from cch_audit.settings import EstimatorSettings

        rng, settings = np.random.default_rng(seed), EstimatorSettings()
        errors = []
        for _ in range(2):
            drawn = draw_surrogate(x, y, rng)
            errors.append(estimate(name, drawn.x, drawn.y, rng, settings).value - drawn.information)
        return estimate(name, x, y, rng, settings).value - np.mean(errors)

    return run


def npeet(x, y, seed, k=3):
    """KSG-1 with the Chebyshev distance on trees, as NPEET has it: raw columns, a little noise."""
    from scipy.spatial import cKDTree
    from scipy.special import digamma

    rng = np.random.default_rng(seed)
    if y.ndim == 1:
        return npeet_classes(x, y, rng, k)
    x, y = (side + 1e-10 * rng.random(side.shape) for side in (x, y))
    joint = np.hstack([x, y])
    radius = cKDTree(joint).query(joint, k + 1, p=np.inf)[0][:, -1] - 1e-15
    n_x, n_y = (
        cKDTree(side).query_ball_point(side, radius, p=np.inf, return_length=True)
        for side in (x, y)
    )
    return digamma(k) + digamma(len(x)) - digamma(n_x).mean() - digamma(n_y).mean()


def npeet_classes(x, y, rng, k):
    """Entropy of all rows less that within classes (Kozachenko-Leonenko), as NPEET's `micd`."""
    from scipy.spatial import cKDTree
    from scipy.special import digamma

    def entropy(rows):
        rows = rows + 1e-10 * rng.random(rows.shape)
        distances = cKDTree(rows).query(rows, k + 1, p=np.inf)[0][:, -1]
        volume = rows.shape[1] * (np.log(2) + np.log(distances).mean())
        return digamma(len(rows)) - digamma(k) + volume

    whole = entropy(x)
    parts = [x[y == code] for code in np.unique(y)]
    within = [entropy(part) if len(part) > k else whole for part in parts]
    return whole - np.dot([len(part) / len(x) for part in parts], within)


def bmi(name, **settings):
    def run(x, y, seed):
        from bmi import estimators

        if name.startswith("KSG"):
            return estimators.KSGEnsembleFirstEstimator().estimate(x, columns_only(y))
        # The default batch of 256 must fit into the training half.
        batch = min(256, len(x) // 4)
        kind = getattr(estimators, name)
        return kind(verbose=False, seed=seed, batch_size=batch).estimate(x, one_hot(y))

    return run


def mist(name, held_out=False):
    """Run torch-mist; without test data it evaluates on the rows that it trained on."""

    def run(x, y, seed):
        import torch
        import torch_mist

        torch.manual_seed(seed)
        data = {"data": (x, one_hot(y))}
        if held_out:
            fifth = len(x) // 5
            (x_test, x), (y_test, y) = (np.split(side, [fifth]) for side in data["data"])
            data = {"data": (x, y), "test_data": (x_test, y_test)}
        found = torch_mist.estimate_mi(**data, estimator=name, verbose=False)
        return found[0] if isinstance(found, tuple) else found

    return run


def latentmi(x, y, seed):
    import torch
    from latentmi import lmi

    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the package draws from the global generator
    return np.nanmean(lmi.estimate(x, one_hot(y))[0]) * np.log(2)  # bits


def infomeasure(x, y, seed):
    from infomeasure import mutual_information

    return mutual_information(x, columns_only(y), approach="metric")


def ennemi(x, y, seed):
    from ennemi import estimate_mi

    single_column(x, y)
    if y.ndim == 1:
        return estimate_mi(y, x[:, 0], discrete_y=True)[0, 0]
    return estimate_mi(y[:, 0], x[:, 0])[0, 0]


def scikit_learn(x, y, seed):
    from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

    single_column(x, y)
    if y.ndim == 1:
        return mutual_info_classif(x, y, discrete_features=False, random_state=seed)[0]
    return mutual_info_regression(x, y[:, 0], random_state=seed)[0]


class NotApplicable(Exception):
    """The package has no estimate for data of this kind."""


def one_hot(y):
    return np.eye(int(y.max()) + 1)[y] if y.ndim == 1 else y


def columns_only(y):
    if y.ndim == 1:
        raise NotApplicable("classes")
    return y


def single_column(x, y):
    if x.shape[1] > 1 or (y.ndim == 2 and y.shape[1] > 1):
        raise NotApplicable("several columns")


METHODS = {
    "ksg": ours("ksg"),
    "mine": ours("mine"),
    "lmi": ours("lmi"),
    "gaussian": ours("gaussian"),
    "ksg corrected": corrected("ksg"),
    "mine corrected": corrected("mine"),
    "lmi corrected": corrected("lmi"),
    "npeet ksg": npeet,
    "bmi ksg": bmi("KSG"),
    "bmi mine": bmi("MINEEstimator"),
    "bmi infonce": bmi("InfoNCEEstimator"),
    "bmi nwj": bmi("NWJEstimator"),
    "mist mine": mist("mine"),
    "mist smile": mist("smile"),
    "mist infonce": mist("infonce"),
    "mist mine held out": mist("mine", held_out=True),
    "mist smile held out": mist("smile", held_out=True),
    "latentmi": latentmi,
    "infomeasure ksg": infomeasure,
    "ennemi ksg": ennemi,
    "scikit-learn ksg": scikit_learn,
}


def answer(request):
    """Run one method and return what it found."""
    data = np.load(request["data"])
    reset_peak()
    started, on_cpu = time.perf_counter(), time.process_time()
    try:
        found = METHODS[request["method"]](data["x"], data["y"], request["seed"])
    except NotApplicable as err:
        return {"not_applicable": str(err)}
    except Exception as err:
        return {"error": f"{type(err).__name__}: {err}"[:300]}
    cost = {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - on_cpu,
        "peak_mb": peak(),
    }
    value, more = found if isinstance(found, tuple) else (found, {})
    value = float(value)
    if not np.isfinite(value):
        return {"error": f"the estimate is {value}"}
    return {"estimate": value, **cost, **more}


def reset_peak():
    """Start a new peak of resident memory; where that is impossible the peak is the process's."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak():
    """Return the peak of resident memory, MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return float("nan")


def main():
    replies = os.fdopen(os.dup(1), "w")
    # What packages print must not mix with the replies.
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=replies, flush=True)


if __name__ == "__main__":
    main()
