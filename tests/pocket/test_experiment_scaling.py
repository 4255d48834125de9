"""The scaling study spends the budgets that it says, on models of the sizes that it says."""

import math

import pytest
import torch

import companion
from companion.pocket import pretrain
from companion.pocket.experiments import scaling
from companion.pocket.recipe import Recipe


@pytest.fixture(scope="module")
def base():
    return companion.load("base")


@pytest.mark.parametrize("name", scaling.SIZES)
def test_parameters_are_counted_as_the_model_has_them(name, base):
    recipe = scaling.recipe_for(scaling.SIZES[name], 1e12, vocab_size=2048)

    model = pretrain.new_model(recipe, base.tokenizer)

    embedding = model.get_input_embeddings().weight.numel()
    assert scaling.parameter_counts(recipe) == (model.num_parameters() - embedding, embedding)


def test_parameters_of_pocket_base_are_counted_as_well(base):
    assert sum(scaling.parameter_counts(Recipe())) == base.model.num_parameters()


def test_compute_is_six_operations_per_parameter_and_token():
    recipe = Recipe(layers=1, width=4, heads=1, mlp_width=8, vocab_size=10, steps=7)

    # block 4 * 16 + 3 * 32 + 2 * 4 = 168, last norm 4, output layer 40
    assert scaling.compute(recipe, steps=2) == 6 * (168 + 4 + 40) * 2 * 8192
    assert scaling.compute(recipe) == 6 * (168 + 4 + 40) * 7 * 8192


@pytest.mark.parametrize(("name", "budget"), scaling.GRID)
def test_every_run_spends_its_budget(name, budget):
    recipe = scaling.recipe_for(scaling.SIZES[name], budget, vocab_size=2048)

    assert scaling.compute(recipe) == pytest.approx(budget, rel=0.02)
    assert recipe.annealing_begins > recipe.steps


def test_held_out_rows_are_whole_and_differ_from_what_is_read_in_training(base):
    rows = scaling.held_out_rows(base.tokenizer, count=8)
    read = next(pretrain.batches(base.tokenizer, Recipe()))

    assert rows.shape == (8, scaling.CONTEXT)
    assert (rows == base.tokenizer.eos_token_id).any()
    assert not {tuple(row[:32]) for row in rows.tolist()} & {
        tuple(row[:32]) for row in read.tolist()
    }


def test_held_out_loss_is_the_mean_over_all_rows(base):
    rows = scaling.held_out_rows(base.tokenizer, count=20)  # 16 rows and 4 rows

    with torch.no_grad():
        expected = base.model(input_ids=rows, labels=rows).loss.item()

    assert scaling.held_out_loss(base.model, rows) == pytest.approx(expected, abs=1e-4)


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
