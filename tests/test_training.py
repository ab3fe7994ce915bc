"""Training: what properties cannot say."""

import numpy as np
import pytest

import mathcore as mc
from mathcore.verify import Target, catalogue
from mathcore.verify.run.results import PROFILES
from mathcore.verify.run.runner import run_claim


def test_the_readme_of_a_predictor_of_neighbours():
    words = mc.WordTokenizer.train("the cat sat. the dog sat.")
    pairs = mc.course.neighbour_pairs(words.encode("the cat sat. the dog sat."))
    start = mc.course.init_neighbour_predictor(np.random.default_rng(0), vocabulary=len(words.vocabulary), width=4)
    trained = mc.course.train_neighbours(start, *pairs, rate=0.5, steps=200)
    assert mc.course.neighbour_loss(trained, *pairs) < mc.course.neighbour_loss(start, *pairs) - 0.3
    similar = mc.cosine_similarity(trained["embedding"][[1, 1]], trained["embedding"][[3, 0]])
    assert similar[0] > similar[1], "cat is nearer to dog than to the"


def test_optimisers_are_the_steps_by_another_name():
    params, grads = {"w": np.ones((2, 2)), "b": np.ones(2)}, {"w": np.full((2, 2), 3.0), "b": np.ones(2)}
    sgd, adam = mc.SGD(0.1), mc.Adam(0.1, 0.8, 0.9, 1e-3, 0.5)
    assert (sgd.step(params, grads, sgd.init(params))[0]["w"] == mc.sgd_step(params, grads, rate=0.1)["w"]).all()
    moved, state = adam.step(params, grads, adam.init(params), rate=0.2)
    options = {"rate": 0.2, "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-3, "decay": 0.5}
    expected, expected_state = mc.adam_step(params, grads, mc.adam_init(params), **options)
    assert all((moved[n] == expected[n]).all() for n in params)
    assert state.keys() == expected_state.keys()


def test_training_ends_when_progress_says_so():
    def loss_and_gradient(params):
        return (params["x"] ** 2).sum(), {"x": 2 * params["x"]}

    start = mc.Checkpoint.start({"x": np.ones(2)}, mc.SGD(0.1), np.random.default_rng(0), {"a": 1})
    seen = []
    end = mc.train(
        loss_and_gradient, lambda rng: (), mc.SGD(0.1), start, steps=9,
        progress=lambda now, loss: seen.append(loss) or len(seen) == 3,
    )  # fmt: skip
    assert end.step == 3
    assert end.config == {"a": 1}
    assert seen == sorted(seen, reverse=True)


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    start = mc.Checkpoint.start({"x": np.ones(2)}, mc.SGD(0.1), np.random.default_rng(0))
    with pytest.raises(OSError, match="missing"):
        mc.save_checkpoint(tmp_path / "missing" / "c.ckpt", start)
    assert list(tmp_path.iterdir()) == []


ADAM = {c.id: c for c in catalogue()}["training.adam_is_the_published_algorithm"]


WRONG = [m for m in ADAM.refuted_by if m.operation == "adam_step"]


@pytest.mark.parametrize(
    ("wrong", "dtype"),
    [(None, "float64"), (None, "float32"), *(pytest.param(m, "float32", id=m.name) for m in WRONG)],
)
def test_an_adam_on_floats_is_judged_as_an_exact_one_is(wrong, dtype):
    step = wrong.build(mc.adam_step) if wrong else mc.adam_step
    target = Target.numpy("mine", adam_init=mc.adam_init, adam_step=step, dtypes=dtype)
    result = run_claim(ADAM, target, None, PROFILES["quick"], 0)
    assert result.outcome == ("refuted" if wrong else "holds"), result.detail
    assert not result.misbehaved
