import numpy as np

from cch_audit.estimators.canonical import principal_components
from cch_audit.estimators.contract import normal_scores
from cch_audit.estimators.scores import network_inputs, reached_scores
from cch_audit.rows import standardize
from cch_audit.work.doing import Work
from cch_audit.work.sharing import sharing


def columns(n: int, d: int) -> np.ndarray:
    return np.random.default_rng(n).standard_normal((n, d))


def test_networks_see_few_columns_as_scores():
    x = columns(60, 50)
    np.testing.assert_array_equal(network_inputs(x, np.random.default_rng(0)), normal_scores(x))


def test_networks_see_the_leading_components_of_many_columns():
    x = columns(80, 3) @ columns(3, 200)
    found = network_inputs(x, np.random.default_rng(0))
    components = principal_components(normal_scores(x), np.arange(80))
    assert found.shape == components.shape
    assert found.shape[1] <= 20
    # They are rotated: lengths and angles of rows are kept.
    np.testing.assert_allclose(found @ found.T, components @ components.T, atol=1e-9)


def test_scores_of_many_columns_keep_lengths_and_angles_of_rows():
    x = columns(50, 300)
    scores, found = normal_scores(x), reached_scores(x)
    assert found.shape[0] == 50
    assert found.shape[1] < 50  # columns are centred
    np.testing.assert_allclose(found @ found.T, scores @ scores.T, atol=1e-9)
    few = columns(50, 5)
    np.testing.assert_array_equal(reached_scores(few), normal_scores(few))
    np.testing.assert_array_equal(reached_scores(np.ones((5, 9))), np.zeros((5, 1)))


def test_scores_of_more_columns_than_rows_are_those_of_each_column():
    x = columns(40, 90)
    x[:, ::3] = np.round(x[:, ::3])  # with equal values
    alone = np.hstack([normal_scores(x[:, [place]]) for place in range(90)])
    np.testing.assert_allclose(normal_scores(x), alone, atol=1e-14)
    np.testing.assert_allclose(normal_scores(x), standardize(alone), atol=1e-12)


def test_what_is_made_of_an_array_is_made_once():
    work, x = Work(), columns(30, 90)
    alone = reached_scores(x)
    with sharing(work):
        found = reached_scores(x)
        assert reached_scores(x) is found
        again = reached_scores(x.copy())  # an equal array is another
    np.testing.assert_array_equal(found, alone)
    assert again is not found
    assert reached_scores(x) is not found
    np.testing.assert_array_equal(again, found)
