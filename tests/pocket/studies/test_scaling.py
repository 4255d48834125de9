"""Parameters and compute of the six sizes are those of the models."""

import pytest

from companion.models import load
from companion.pocket import pretrain
from companion.pocket.recipe import Recipe
from companion.pocket.studies import scaling


@pytest.fixture(scope="module")
def base():
    return load("base")


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
