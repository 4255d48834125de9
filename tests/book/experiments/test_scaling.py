"""The scaling study spends the budgets that it says, on models of the sizes that it says."""

import math

import pytest
from _experiments import scaling

import companion
from companion.pocket import pretrain


@pytest.fixture(scope="module")
def base():
    return companion.load("base")


@pytest.mark.parametrize(("name", "budget"), scaling.GRID)
def test_every_run_spends_its_budget(name, budget):
    recipe = scaling.recipe_for(scaling.SIZES[name], budget, vocab_size=2048)

    assert scaling.compute(recipe) == pytest.approx(budget, rel=0.02)
    assert recipe.annealing_begins > recipe.steps


@pytest.mark.slow
def test_a_small_study_has_a_row_for_each_run_and_losses_of_trained_models():
    measured = scaling.measure(scale=0.03, grid=(("47 k", 3e11), ("47 k", 3e12)))

    short, long = measured["runs"]
    assert short["steps"] < long["steps"]
    assert long["held_out_loss"] < short["held_out_loss"] < math.log(2048) - 0.2
    assert measured["base"]["held_out_loss"] < long["held_out_loss"] - 1
    assert long["curve_steps"][-1] <= long["steps"]
    assert len(long["curve_steps"]) == len(long["curve_loss"]) >= scaling.CURVE_POINTS
    assert long["curve_loss"][-1] == pytest.approx(long["held_out_loss"], abs=0.5)


@pytest.mark.slow
def test_the_model_of_a_checkpoint_is_the_one_that_was_trained(base, tmp_path):
    recipe = scaling.recipe_for(scaling.SIZES["47 k"], 2e9, vocab_size=2048)
    untrained = scaling.held_out_loss(
        pretrain.new_model(recipe, base.tokenizer),
        rows := scaling.held_out_rows(base.tokenizer, count=4),
    )
    for _ in pretrain.train(recipe, base.tokenizer, tmp_path):
        pass

    model = scaling.trained_model(recipe, base.tokenizer, tmp_path)

    assert not model.training
    assert scaling.held_out_loss(model, rows) < untrained
