import numpy as np
import pytest
import torch
from samplers import Copies, Gaussian, Mixture

from cch_audit.dependence.units import Dependence
from cch_audit.estimators import MineSettings, mine
from cch_audit.estimators.closed_forms import ClosedForm
from cch_audit.estimators.mine import (
    _donsker_varadhan,
    _DonskerVaradhan,
    _pseudo_values,
    _weigh,
    estimate,
)


def critics(n_models: int, n: int, scale: float = 2.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return scale * torch.randn(n_models, n, n, generator=generator, dtype=torch.float64)


def pairs_of(groups) -> torch.Tensor:
    """Return which pairs of rows are of one group, themselves too, (n, n)."""
    codes = torch.as_tensor(groups)
    return codes[:, None] == codes


def whole(critic, barred=None):
    """Return the pseudo-values from all pairs at once."""
    return _pseudo_values(len(critic), [(critic.astype(np.float32), barred)])


def naive_bound(critic: torch.Tensor, barred: torch.Tensor | None = None) -> torch.Tensor:
    """Mean of the diagonal less the log of the mean of exp over the rest, but for barred pairs."""
    bounds = []
    for number, one in enumerate(critic):
        rest = one[~(torch.eye(len(one), dtype=torch.bool) if barred is None else barred[number])]
        bounds.append(one.diagonal().mean() - rest.exp().mean().log())
    return torch.stack(bounds)


@pytest.mark.parametrize("n", [2, 3, 12])
@pytest.mark.parametrize("scale", [0.1, 2.0, 5.0])
def test_pseudo_values_follow_the_formula(n, scale):
    critic = critics(1, n, scale)[0].numpy().astype(np.float32)
    exp = np.exp(critic.astype(np.float64))
    partition = sum(exp[i, j] for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    expected = []
    for i in range(n):
        row = sum(exp[i, j] for j in range(n) if j != i) / (n - 1)
        column = sum(exp[j, i] for j in range(n) if j != i) / (n - 1)
        expected.append(critic[i, i] - np.log(partition) - ((row + column) / partition - 2))
    # float32 exponentials: seven digits of terms up to 2 n.
    np.testing.assert_allclose(whole(critic), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n", [2, 12, 300])
def test_mean_of_pseudo_values_is_the_bound(n):
    critic = critics(1, n)
    found = whole(critic[0].numpy()).mean()
    assert found == pytest.approx(float(naive_bound(critic)[0]), abs=1e-5)


@pytest.mark.parametrize("groups", [[0, 0, 0, 0, 1], [0, 1, 2, 0, 1, 2, 3], np.arange(40) // 3])
def test_pseudo_values_leave_barred_pairs_out(groups):
    critic, barred = critics(1, len(groups)), pairs_of(groups)
    exp = critic[0].exp().numpy() * ~barred.numpy()
    n_pairs = (~barred).sum().item()
    partition, partners = exp.sum() / n_pairs, (~barred).sum(dim=1).numpy()
    mean = n_pairs / len(groups)
    reached = (exp.sum(axis=1) + exp.sum(axis=0)) / mean / partition
    expected = critic[0].diagonal().numpy() - np.log(partition) - (reached - 2 * partners / mean)
    found = whole(critic[0].numpy(), barred.numpy())
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert found.mean() == pytest.approx(float(naive_bound(critic, barred[None])[0]), abs=1e-5)


@pytest.mark.parametrize("groups", [None, np.arange(40) // 3])
@pytest.mark.parametrize("height", [1, 7, 39])
def test_pseudo_values_do_not_depend_on_blocks(groups, height):
    critic = critics(1, 40, 5.0)[0].numpy().astype(np.float32)
    barred = None if groups is None else pairs_of(groups).numpy()
    blocks = (
        (critic[i : i + height], None if barred is None else barred[i : i + height])
        for i in range(0, 40, height)
    )
    # float32 exponentials of tops that differ.
    found = _pseudo_values(40, blocks)
    np.testing.assert_allclose(found, whole(critic, barred), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["free", "classes", "grouped", "window"])
def test_estimates_do_not_depend_on_blocks(kind, monkeypatch):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 2))
    y = x + rng.standard_normal((200, 2))
    groups = np.arange(200) // 2 if kind == "grouped" else None
    dependence = Dependence.of(groups, None, 3 if kind == "window" else 0, 200)
    y = (y[:, 0] > 0).astype(np.int64) if kind == "classes" else y
    settings = MineSettings(max_steps=25, n_seeds=1)
    found = []
    for pairs in (500, 10**6):
        monkeypatch.setattr(mine, "HELD_OUT_PAIRS", pairs)
        found.append(estimate(x, y, np.random.default_rng(1), settings, dependence).pseudo_values)
    # Sums in float32 of other sizes.
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-4)


def test_pseudo_values_of_one_group_are_zero():
    alone = whole(critics(1, 6)[0].numpy(), np.ones((6, 6), bool))
    np.testing.assert_array_equal(alone, 0.0)


def test_pseudo_values_of_huge_critics_are_finite():
    critic = np.full((5, 5), -1e4, dtype=np.float32)
    critic[1, 2] = critic[0, 0] = 1e4
    assert np.isfinite(whole(critic)).all()


BARRED = torch.stack([pairs_of(each) for each in ([0] * 6 + [1], [0, 1, 2] * 2 + [3], range(7))])
"""Pairs of seven rows that three models may not take for draws from the product."""


@pytest.mark.parametrize(("n", "barred"), [(2, None), (7, None), (7, BARRED)])
def test_bound_and_its_gradient(n, barred):
    critic = critics(3, n).requires_grad_()
    weights = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    torch.testing.assert_close(_donsker_varadhan(critic, barred), naive_bound(critic, barred))
    (ours,) = torch.autograd.grad((weights * _donsker_varadhan(critic, barred)).sum(), critic)
    (theirs,) = torch.autograd.grad((weights * naive_bound(critic, barred)).sum(), critic)
    torch.testing.assert_close(ours, theirs)
    assert torch.autograd.gradcheck(_DonskerVaradhan.apply, (critic, barred))


def test_bound_leaves_its_input_alone():
    critic = critics(2, 6)
    before = critic.clone()
    _donsker_varadhan(critic, None)
    _donsker_varadhan(critic, pairs_of([0, 0, 1, 1, 2, 2]).expand(2, -1, -1))
    assert torch.equal(critic, before)


def test_shifting_a_critic_changes_nothing():
    critic = critics(1, 8)
    for barred in (None, pairs_of([0, 0, 0, 1, 1, 2, 3, 3])[None]):
        moved = _donsker_varadhan(critic + 100, barred)
        torch.testing.assert_close(moved, _donsker_varadhan(critic, barred))


def test_barred_pairs_count_for_nothing():
    critic, barred = critics(1, 7), BARRED[1:2]
    hidden = barred & ~torch.eye(7, dtype=torch.bool)
    other = critic.masked_fill(hidden, 1e3)
    assert torch.equal(_donsker_varadhan(other, barred), _donsker_varadhan(critic, barred))
    assert float(_donsker_varadhan(other, None)) < -900


def run(x, y, seed=0, **changes):
    return estimate(x, y, np.random.default_rng(seed), MineSettings(**changes))


def test_mean_of_pseudo_values_is_the_estimate():
    for x, y in (Gaussian((0.7,)).sample(200), Mixture(1.5, (0.5, 0.5), 2).sample(200)):
        found = run(x, y, max_steps=25)
        assert found.pseudo_values.mean() == pytest.approx(found.value, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("columns", "n"), [(1, 200), (2, 200), (5, 200), (5, 1000)])
def test_copies_are_saturated(columns, n):
    assert run(*Copies(columns).sample(n), n_seeds=1).flags == ("saturated",)


def test_copies_of_one_column_are_saturated_in_large_samples():
    assert run(*Copies(1).sample(1000), n_seeds=1).flags == ("saturated",)


def test_ordinary_data_are_not_saturated():
    assert run(*Gaussian((0.8,)).sample(200), n_seeds=1, max_steps=25).flags == ()
    assert run(*Mixture(1.5, (0.5, 0.5), 2).sample(200), n_seeds=1, max_steps=25).flags == ()


def test_improves_on_its_closed_form_start():
    # A ring and its centre: the discriminant sees nothing, a network does.
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=800)
    angle = rng.uniform(0, 2 * np.pi, size=800)
    x = 3 * y[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x = x + 0.5 * rng.standard_normal((800, 2))
    # The classes overlap beyond three standard deviations only: I is nearly log 2.
    assert run(x, y, n_seeds=1).value == pytest.approx(np.log(2), abs=0.1)


def test_heavy_tails_do_not_make_it_diverge():
    rng = np.random.default_rng(0)
    x = rng.standard_t(1, size=(400, 2))
    found = run(x, x + rng.standard_t(1, size=x.shape), n_seeds=1)
    # Raw inputs gave -5 nats; some dependence is plain to see.
    assert 0.2 < found.value < 3


def forms_of(*diagonals):
    """Return closed forms of two models on 40 rows whose critics are d on the diagonal, else 0."""
    nothing = np.zeros(40)
    return [
        ClosedForm.stacked([(nothing, nothing, one * np.eye(40), np.eye(40)) for one in each])
        for each in diagonals
    ]


def test_the_better_form_has_the_weight():
    # Model 0 is served by the first form, model 1 by the second.
    weights = _weigh(forms_of((3.0, -3.0), (-3.0, 3.0)), torch.arange(40).expand(2, -1), None)
    assert weights.tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_weights_are_shares():
    forms = forms_of((1.0, 0.5), (2.0, 0.5), (3.0, -1.0))
    weights = _weigh(forms, torch.arange(40).expand(2, -1), None)
    assert (weights >= 0).all()
    assert (weights.sum(dim=0) <= 1 + 1e-6).all()


def test_forms_that_harm_are_dropped():
    weights = _weigh(forms_of((-1.0, -1.0)), torch.arange(40).expand(2, -1), None)
    assert (weights == 0).all()


def test_a_sum_of_two_views_of_the_truth_is_better_than_either():
    # Each form sees one of two independent pairs; the log ratio is their sum, a mean is half of it.
    x, y = Gaussian((0.7, 0.7)).sample(200)
    columns = [(x[:, [one]], 0.7 / (1 - 0.49) * y[:, [one]]) for one in (0, 1)]
    squares = [-(0.49 / (2 * 0.51)) * side**2 for side in (x, y)]
    forms = [
        ClosedForm.stacked([(squares[0][:, one], squares[1][:, one], f, g)])
        for one, (f, g) in enumerate(columns)
    ]
    weights = _weigh(forms, torch.arange(200)[None], None)
    assert (weights > 0.2).all()


def test_clusters_in_many_columns_are_seen():
    rng = np.random.default_rng(0)
    codes = rng.integers(5, size=1500)
    centres = 1.2 * rng.standard_normal((2, 5, 40))
    x, y = (side[codes] + rng.standard_normal((1500, 40)) for side in centres)
    # The centres are 10 standard deviations apart: all of log 5 is there to see.
    assert run(x, y, n_seeds=1).value == pytest.approx(np.log(5), abs=0.15)
