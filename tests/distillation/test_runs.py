from dataclasses import replace

import numpy as np
from samplers import audited

from cch_audit.distillation.arms import parse_grid
from cch_audit.distillation.confirm import plan_experiment
from cch_audit.distillation.runs import PURPOSE, Training, train
from cch_audit.settings import ConfirmationSettings
from cch_audit.work.doing import Work
from cch_audit.work.keeping import Folder
from tests.rendering.reports import audit

SETTINGS = ConfirmationSettings(temperature="1", weight="0.5", seeds=6, train_size="20,40")


def sample():
    rng = np.random.default_rng(0)
    clear = rng.standard_normal((150, 3))
    y = clear[:, :1] + 0.5 * rng.standard_normal((150, 1))
    teachers = {"good": clear, "noise": rng.standard_normal((150, 2))}
    return audited(teachers, clear + rng.standard_normal((150, 3)), y)


def trained(work, settings=SETTINGS, names=("good", "noise"), n_jobs=1):
    experiment = plan_experiment(sample(), settings, parse_grid(settings), 0.95, n_jobs)
    runs = [Training(replace(audit(), teacher=name), name, experiment) for name in names]
    return [replace(one.confirmation, seconds=0.0) for one in train(sample(), runs, work)]


def test_sizes_are_trained_once_and_kept(tmp_path):
    first, again = Work(Folder(tmp_path)), Work(Folder(tmp_path))
    expected = trained(first)
    assert first.spent()[PURPOSE].done == 4
    assert [size.n_train for size in expected[0].curve] == [20, 40]
    # Another order, another size that decides and a new teacher share what is there.
    assert trained(again, names=("noise", "good")) == expected[::-1]
    assert (again.spent()[PURPOSE].done, again.spent()[PURPOSE].found) == (0, 4)
    trained(again, replace(SETTINGS, accept="regularisation"))
    assert again.spent()[PURPOSE].done == 0
    trained(again, replace(SETTINGS, split_seed=1), names=("good",))
    assert again.spent()[PURPOSE].done == 2


def test_what_a_budget_ended_is_not_kept(tmp_path):
    settings = replace(SETTINGS, budget=1e-9)
    for _ in range(2):
        work = Work(Folder(tmp_path))
        trained(work, settings, names=("good",))
        assert work.spent()[PURPOSE].done == 2


def test_jobs_change_nothing():
    assert trained(Work(), n_jobs=2) == trained(Work())
