"""Which models are read by the forward pass that is written out, and which are not."""

import types
from collections.abc import Callable, Iterator

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import LlamaForCausalLM

from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.generation.plain_llama import is_plain_llama
from companion.lora import inject_lora
from companion.training.silence import silence

DYNAMIC = {"rope_type": "dynamic", "rope_theta": 500.0, "factor": 2.0}


class Louder(nn.Linear):
    """A layer that does more than its parent says."""

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return twice what a linear layer returns."""
        return 2 * super().forward(hidden)


class OtherLlama(LlamaForCausalLM):
    """A class of somebody's own."""


def louder(model: LlamaForCausalLM) -> None:
    model.model.layers[1].mlp.up_proj = Louder(32, 48, bias=False).eval()


def patched(model: LlamaForCausalLM) -> None:
    mlp = model.model.layers[0].mlp
    mlp.forward = types.MethodType(lambda self, hidden: 2 * hidden, mlp)


def peft_lora(model: LlamaForCausalLM) -> nn.Module:
    return get_peft_model(model, LoraConfig(target_modules=["q_proj"]))


def parametrized(model: LlamaForCausalLM) -> None:
    nn.utils.parametrizations.weight_norm(model.model.layers[0].mlp.up_proj)


def checkpointing(model: LlamaForCausalLM) -> None:
    for layer in model.model.layers:
        layer.gradient_checkpointing = True


def no_hook(*_: object) -> None:
    """Do nothing, where a hook could do anything."""


SHAPES = {
    "biases in attention": {"attention_bias": True},
    "biases in the MLP": {"mlp_bias": True},
    "another activation": {"hidden_act": "gelu"},
    "positions by length": {"rope_parameters": DYNAMIC},
}
CHANGES: dict[str, Callable[[LlamaForCausalLM], object]] = {
    "a hook on a layer": lambda model: model.model.layers[0].register_forward_hook(no_hook),
    "a hook before a layer": lambda model: model.lm_head.register_forward_pre_hook(no_hook),
    "a method replaced": patched,
    "a layer of another class": louder,
    "LoRA by peft": peft_lora,
    "LoRA by hand": lambda model: inject_lora(model, ["q_proj"], rank=2, alpha=4),
    "a weight computed from others": parametrized,
    "another attention": lambda model: setattr(
        model.config, "_attn_implementation", "flex_attention"
    ),
    "training mode": lambda model: model.train(),
    "one layer in training mode": lambda model: model.model.layers[1].train(),
    "gradient checkpointing": checkpointing,
    "two dtypes": lambda model: model.lm_head.half(),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_llama_of_another_shape_takes_its_own_forward(make_llama, shape: str) -> None:
    assert not is_plain_llama(make_llama(**SHAPES[shape]))


@pytest.mark.parametrize("change", CHANGES)
def test_a_llama_with_something_put_in_takes_its_own_forward(make_llama, change: str) -> None:
    model = make_llama()
    assert is_plain_llama(model)

    with silence():  # peft asks for a property under the name that it had before
        CHANGES[change](model)
    if "training" not in change:
        model.eval()  # or new layers in training mode would be the reason

    assert not is_plain_llama(model)


def test_other_classes_take_their_own_forward(make_llama, gpt2, uniform_model) -> None:
    other = OtherLlama(make_llama().config).eval()

    assert not any(is_plain_llama(model) for model in (gpt2, uniform_model, other, object()))


@pytest.fixture
def global_hook() -> Iterator[None]:
    hook = nn.modules.module.register_module_forward_hook(lambda *_: None)
    yield
    hook.remove()


@pytest.mark.usefixtures("global_hook")
def test_a_hook_on_all_modules_counts(make_llama) -> None:
    assert not is_plain_llama(make_llama())


def test_autocast_counts(make_llama) -> None:
    model = make_llama()

    with torch.autocast("cpu", torch.bfloat16):
        assert not is_plain_llama(model)
    assert is_plain_llama(model)


def test_tied_untied_grouped_and_half_precision_are_plain(make_llama) -> None:
    for changes in ({}, {"tie_word_embeddings": True}, {"num_key_value_heads": 4}):
        assert is_plain_llama(make_llama(**changes))
    assert is_plain_llama(make_llama().bfloat16())


def test_a_model_that_was_asked_for_its_hidden_states_stays_plain(make_llama) -> None:
    model = make_llama()

    model(input_ids=torch.tensor([[5, 6]]), output_hidden_states=True)  # leaves hooks behind

    assert is_plain_llama(model)


def test_the_pocket_models_are_plain(chat) -> None:
    assert is_plain_llama(chat.model)


def test_a_hook_sees_every_token(make_llama, tokenizer) -> None:
    model, seen = make_llama(), []
    hook = model.model.layers[0].register_forward_hook(
        lambda module, args, output: seen.append(args[0].shape[1])
    )
    params = SamplingParams(temperature=0, max_new_tokens=3)

    [found] = generate(model, tokenizer, "Once", params)
    hook.remove()

    assert seen == [4] + [1] * (len(found.token_ids) - 1)
