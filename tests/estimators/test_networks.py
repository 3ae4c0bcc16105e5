import subprocess
import sys

import numpy as np
import pytest
import torch
from samplers import Gaussian
from torch import nn

from cch_audit.estimators.knn import local_informations
from cch_audit.estimators.networks import (
    AdamW,
    StackedMLP,
    assign_rows,
    average_seeds,
    take,
    torch_generator,
    train_stack,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_stack_equals_separate_networks():
    widths = (3, 7, 5, 2)
    stack = StackedMLP(4, widths, generator(), zero=False)
    for bias in stack.biases:
        nn.init.normal_(bias)
    inputs = torch.randn(4, 11, 3)
    together = stack(inputs)
    for model in range(4):
        layers = []
        for depth in range(3):
            linear = nn.Linear(widths[depth], widths[depth + 1])
            linear.weight.data = stack.weights[depth][model].T.clone()
            linear.bias.data = stack.biases[depth][model, 0].clone()
            layers += [linear, nn.GELU()]
        alone = nn.Sequential(*layers[:-1])(inputs[model])
        # float32 sums of at most seven products
        torch.testing.assert_close(together[model], alone, atol=1e-5, rtol=1e-5)


def test_models_of_a_stack_share_nothing():
    stack = StackedMLP(3, (2, 4, 1), generator(), zero=False)
    stack(torch.randn(3, 5, 2))[1].sum().backward()
    for weight in stack.weights:
        assert weight.grad[1].abs().sum() > 0
        assert weight.grad[[0, 2]].abs().sum() == 0


def test_weights_are_drawn_as_linear_layers_draw_them():
    stack = StackedMLP(50, (16, 32, 4), generator(), zero=False)
    for weight, inputs in zip(stack.weights, (16, 32)):
        bound = 1 / np.sqrt(inputs)
        assert weight.abs().max() <= bound
        # Variance of a uniform on +-bound; at least 6400 draws, so 5 % is four standard errors.
        assert float(weight.detach().var()) == pytest.approx(bound**2 / 3, rel=0.05)


def test_zero_starts_the_last_layer_at_zero():
    stack = StackedMLP(2, (3, 4, 2), generator(), zero=True)
    assert stack(torch.randn(2, 6, 3)).abs().max() == 0
    assert stack.weights[0].abs().min() > 0


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_steps_are_those_of_torch(weight_decay):
    layers = [nn.Sequential(nn.Linear(3, 4), nn.GELU(), nn.Linear(4, 2)) for _ in range(2)]
    layers[1].load_state_dict(layers[0].state_dict())
    ours = AdamW(list(layers[0].parameters()), weight_decay)
    theirs = torch.optim.AdamW(layers[1].parameters(), lr=0.02, weight_decay=weight_decay)
    inputs = torch.randn(50, 3, generator=generator())
    for rate in (0.02, 0.02, 0.01, 0.05, 0.001) * 4:
        ours.gradient.zero_()
        layers[0](inputs).square().sum().backward()
        ours.step(rate)
        theirs.zero_grad()
        layers[1](inputs).square().sum().backward()
        theirs.param_groups[0]["lr"] = rate
        theirs.step()
    for own, other in zip(layers[0].parameters(), layers[1].parameters(), strict=True):
        # float32: 20 steps of sums in another order
        torch.testing.assert_close(own, other, atol=1e-5, rtol=1e-4)


def test_training_does_not_import_the_compiler_of_torch():
    code = (
        "import sys; import numpy as np; from cch_audit.estimators import estimate;"
        "from cch_audit.settings import EstimatorSettings;"
        "x, y = np.random.default_rng(0).standard_normal((2, 100, 3));"
        "[estimate(name, x, y, np.random.default_rng(0), EstimatorSettings())"
        " for name in ('mine', 'lmi')];"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def train(weight, loss, validate, **changes):
    settings = {"batch_size": 8, "max_steps": 200, "learning_rate": 0.1, "weight_decay": 0.0}
    settings |= {"least_gain": 0.0}
    rows = torch.arange(20).expand(len(weight), -1)
    train_stack([weight], rows, loss, validate, generator(), **{**settings, **changes})


def test_each_model_keeps_its_best_validation_weights():
    # Training pulls both models to 10; one should stop near 1, the other never.
    weight = nn.Parameter(torch.zeros(2))
    seen = []

    def validate():
        seen.append(((weight - torch.tensor([1.0, 100.0])) ** 2).detach())
        return seen[-1]

    train(weight, lambda rows: (weight - 10.0) ** 2, validate)
    kept = (weight - torch.tensor([1.0, 100.0])) ** 2
    torch.testing.assert_close(kept.detach(), torch.stack(seen).amin(dim=0))
    assert weight[1] > weight[0] + 3  # one went on while the other was done


def test_start_is_kept_when_training_only_hurts():
    weight = nn.Parameter(torch.tensor([3.0]))
    train(weight, lambda rows: (weight - 10.0) ** 2, lambda: weight.detach() ** 2)
    assert weight.item() == 3.0


@pytest.mark.parametrize(("every", "steps"), [(25, 25), (10, 10)])
def test_training_stops_when_nothing_improves(every, steps):
    weight = nn.Parameter(torch.zeros(1))
    calls = []

    def loss(rows):
        calls.append(rows)
        return (weight - 10.0) ** 2

    train(weight, loss, lambda: torch.zeros(1), least_gain=1e-3, check_every=every)
    assert len(calls) == steps


@pytest.mark.parametrize(("least", "checks"), [(0.3, 5), (0.6, 2), (1.1, 1)])
def test_training_stops_when_models_gain_too_little_on_average(least, checks):
    # Of two models one gains 2, 1, 1, 1, 0 and the other nothing.
    losses, calls = iter([5.0, 3.0, 2.0, 1.0, 0.0, 0.0, 0.0]), []

    def validate():
        calls.append(torch.tensor([next(losses), 1.0]))
        return calls[-1]

    weight = nn.Parameter(torch.zeros(2))
    train(weight, lambda rows: weight**2, validate, least_gain=least, max_steps=150)
    assert len(calls) == 1 + checks


def test_batches_pass_over_every_row_before_one_returns():
    weight = nn.Parameter(torch.zeros(2))
    batches = []

    def loss(rows):
        batches.append(rows)
        return weight**2

    train(weight, loss, lambda: torch.zeros(2), batch_size=5, max_steps=8)
    for model in range(2):
        for first in (0, 4):  # 20 rows are four batches of five
            rows = torch.cat([batch[model] for batch in batches[first : first + 4]])
            assert sorted(rows.tolist()) == list(range(20))
    assert not torch.equal(batches[0][0], batches[0][1])  # each model has an order of its own


def test_small_samples_give_small_batches():
    weight = nn.Parameter(torch.zeros(1))
    sizes = []

    def loss(rows):
        sizes.append(rows.shape[1])
        return weight**2

    train(weight, loss, lambda: torch.zeros(1), batch_size=256, max_steps=3)
    assert sizes == [20, 20, 20]


def test_assign_rows_keeps_held_out_rows_apart():
    folds = np.arange(103) % 4
    held_out, training, validation = assign_rows(folds, 2, np.random.default_rng(0))
    assert len(held_out) == len(training) == len(validation) == 8
    for model, rows in enumerate(held_out):
        np.testing.assert_array_equal(rows, np.flatnonzero(folds == model % 4))
        parts = set(rows), set(training[model].tolist()), set(validation[model].tolist())
        assert sum(map(len, parts)) == len(set.union(*parts))
    assert len(validation[0]) == 77 // 5  # a fifth of the rows that are not held out
    assert not torch.equal(training[0], training[4])  # seeds split differently


def test_take_gathers_rows_of_each_model():
    values, rows = torch.randn(2, 5, 3), torch.tensor([[0, 4], [2, 2]])
    expected = torch.stack([values[0, [0, 4]], values[1, [2, 2]]])
    torch.testing.assert_close(take(values, rows), expected)


def test_average_seeds():
    pseudo_values = np.array([[1.0, 3.0], [2.0, 6.0], [0.0, 0.0]])  # seed means 2, 4, 0
    found = average_seeds(pseudo_values, ("saturated",))
    assert found.value == pytest.approx(2.0)
    np.testing.assert_allclose(found.pseudo_values, [1.0, 3.0])
    assert found.seed_variance == pytest.approx(4.0 / 3)  # variance 4 over three seeds
    assert found.flags == ("saturated",)
    assert average_seeds(pseudo_values[:1]).seed_variance == 0.0


def test_torch_generator_follows_the_numpy_one():
    draws = [
        torch.rand(3, generator=torch_generator(np.random.default_rng(seed))) for seed in (0, 0, 1)
    ]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_training_leaves_arithmetic_as_it_was():
    weight = nn.Parameter(torch.zeros(1))
    x, y = (np.round(side) for side in Gaussian((0.5,)).sample(60))
    before = local_informations(x, y, 3)
    train(weight, lambda rows: weight**2, lambda: torch.zeros(1))
    # Radii of zero are common with ties; the kernel compares them with the next larger number.
    for first, second in zip(before, local_informations(x, y, 3)):
        np.testing.assert_array_equal(first, second)
