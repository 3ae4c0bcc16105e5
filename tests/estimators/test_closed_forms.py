import numpy as np
import pytest
import torch
from samplers import Gaussian, Independent, Mixture

from cch_audit.estimators.closed_forms import ClosedForm, fit_closed_forms
from cch_audit.estimators.contract import normal_scores
from cch_audit.estimators.mine import _donsker_varadhan
from cch_audit.estimators.mixtures import ColumnMixture

N = 1000


def fit(x, y):
    """Fit one model on three fifths of the rows; return its forms and the rows it never saw."""
    x, y = normal_scores(x), normal_scores(y)
    train, fresh, held_out = np.split(np.arange(len(x)), [len(x) * 3 // 5, len(x) * 4 // 5])
    forms = fit_closed_forms(x, y, [train], [fresh], np.random.default_rng(0))
    return forms, torch.from_numpy(held_out)[None]


def bounds(x, y):
    """Return the bound of the Gaussian and of the mixture on held-out rows."""
    forms, rows = fit(x, y)
    pairs = [form.of(torch.tensor([0]), rows).pairs() for form in forms]
    return [float(_donsker_varadhan(one, None)) for one in pairs]


def clusters(n, distance, n_clusters=4):
    """Return two views of one cluster, otherwise independent."""
    rng = np.random.default_rng(1)
    codes = rng.integers(n_clusters, size=n)
    centres = distance * np.random.default_rng(2).standard_normal((2, n_clusters, 6))
    return (side[codes] + rng.standard_normal((n, 6)) for side in centres)


def test_pairs_are_log_ratios_of_the_mixture():
    x, y = clusters(300, 1.5)
    mixture = ColumnMixture.fit(x, y, np.random.default_rng(0))
    assert len(mixture.weights) > 1
    form = ClosedForm.stacked([mixture.log_ratio_parts(x, y)])
    found = form.of(torch.tensor([0]), torch.arange(20)[None]).pairs()[0].numpy()
    for shift in range(20):
        partner = np.roll(y[:20], -shift, axis=0)
        expected = mixture.log_ratio(x[:20], partner)
        of_pairs = found[np.arange(20), (np.arange(20) + shift) % 20]
        # Quadratic forms of either side cancel in float32.
        np.testing.assert_allclose(of_pairs, expected, atol=2e-3)


def test_models_of_different_widths_are_stacked():
    rng = np.random.default_rng(0)

    def parts(width, components):
        return (
            *rng.standard_normal((2, 30)),
            *rng.standard_normal((2, 30, width)),
            *rng.standard_normal((2, 30, components)),
        )

    models = [parts(2, 5), parts(4, 1)]
    rows = torch.arange(30)[None]
    both = ClosedForm.stacked(models).of(torch.arange(2), rows.expand(2, -1)).pairs()
    for number, model in enumerate(models):
        alone = ClosedForm.stacked([model]).of(torch.tensor([0]), rows).pairs()
        torch.testing.assert_close(both[number], alone[0])


@pytest.mark.parametrize("scale", [1e3, 1e5])
def test_far_components_do_not_overflow(scale):
    rng = np.random.default_rng(0)
    parts = (
        np.zeros(10),
        np.zeros(10),
        np.zeros((10, 1)),
        np.zeros((10, 1)),
        scale * rng.standard_normal((10, 3)),
        scale * rng.standard_normal((10, 3)),
    )
    found = ClosedForm.stacked([parts]).of(torch.tensor([0]), torch.arange(10)[None]).pairs()
    assert torch.isfinite(found).all()


def test_both_forms_know_a_gaussian():
    sampler = Gaussian((0.9, 0.5), 12, 12)
    # A lower bound, on 200 held-out rows: its standard error is about 1 / sqrt(200).
    found = bounds(*sampler.sample(N))
    assert found == pytest.approx([sampler.information] * 2, abs=0.3)


def test_a_mixture_knows_clusters():
    gaussian, mixture = bounds(*clusters(N, 4.0))
    assert mixture == pytest.approx(np.log(4), abs=0.2)
    assert mixture > gaussian + 0.2


def test_a_mixture_of_few_pairs_follows_a_curve():
    rng = np.random.default_rng(0)
    # Without tails: far from the rows the ratio of a mixture may be anything, and MINE bounds it.
    x = rng.uniform(-2, 2, (N, 1))
    gaussian, mixture = bounds(x, x**2 + 0.3 * rng.standard_normal(x.shape))
    assert abs(gaussian) < 0.1
    assert mixture > 0.4


def test_nothing_is_made_of_independent_columns():
    forms, rows = fit(*Independent(10, 10).sample(N))
    for form in forms:
        value = float(_donsker_varadhan(form.of(torch.tensor([0]), rows).pairs(), None))
        # The threshold of fresh correlations lets a null pair through now and then.
        assert value == pytest.approx(0.0, abs=0.05)


def test_a_column_of_two_values():
    # A mixture of points is of no use to other rows, but it is finite; the Gaussian is of use.
    x, y = Mixture(2.0, (0.5, 0.5), 20).sample(N)
    gaussian, mixture = bounds(x, y[:, None].astype(float))
    assert gaussian > 0.3
    assert np.isfinite(mixture)
