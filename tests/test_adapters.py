"""Adapters and trained rows: by hand, no change at the start, what training touches, bad input."""

import copy

import peft
import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from companion.adapters import (
    AdaptedLinear,
    BottleneckAdapter,
    inject_adapters,
    merge_tokens,
    train_tokens,
)
from companion.lora import count_parameters, inject_lora
from companion.training.silence import silence

TARGETS = {"LlamaForCausalLM": ["o_proj", "down_proj"], "GPT2LMHeadModel": ["c_proj"]}
IDS = torch.tensor([[5, 9, 7, 200], [3, 3, 4, 90]])


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_formula_worked_by_hand() -> None:
    adapter = BottleneckAdapter(2, size=1)
    with torch.no_grad():
        adapter.down.weight.copy_(torch.tensor([[1.0, 2.0]]))
        adapter.down.bias.fill_(-2.0)
        adapter.up.weight.copy_(torch.tensor([[3.0], [-4.0]]))
        adapter.up.bias.copy_(torch.tensor([0.5, 0.0]))

    found = adapter(torch.tensor([[1.0, 1.0]]))

    # D h + b = 1; gelu(1) = 0.841345 (the normal distribution at 1); h + U 0.841345 + c
    torch.testing.assert_close(found, torch.tensor([[4.024034, -2.365379]]))


@pytest.mark.parametrize("base", [nn.Linear(6, 4), nn.Linear(6, 4, bias=False), Conv1D(4, 6)])
def test_a_new_adapter_is_the_identity(base: nn.Module) -> None:
    x = torch.randn(2, 5, 6, generator=seeded())

    layer = AdaptedLinear(copy.deepcopy(base), size=3, generator=seeded())

    assert torch.equal(layer(x), base(x))
    assert layer.adapter.down.weight.any()  # else nothing would ever reach U's gradient


def test_values_keep_their_size_on_the_way_down() -> None:
    adapter = BottleneckAdapter(400, size=100, generator=seeded())

    down = adapter.down(torch.randn(50, 400, generator=seeded(1)))

    assert down.std().item() == pytest.approx(1, rel=0.05)


def test_the_adapter_works_on_what_the_layer_gives() -> None:
    layer = AdaptedLinear(nn.Linear(6, 4), size=3, generator=seeded())
    nn.init.ones_(layer.adapter.up.weight)
    x = torch.randn(5, 6, generator=seeded())

    found = layer(x)

    given = layer.base(x)
    bottleneck = torch.nn.functional.gelu(given @ layer.adapter.down.weight.T)
    torch.testing.assert_close(found, given + bottleneck.sum(dim=-1, keepdim=True))


def test_the_generator_fixes_the_start() -> None:
    one, two, other = (BottleneckAdapter(4, size=2, generator=seeded(s)) for s in (0, 0, 1))

    assert torch.equal(one.down.weight, two.down.weight)
    assert not torch.equal(one.down.weight, other.down.weight)


def test_a_layer_in_16_bits_keeps_its_adapter_in_32() -> None:
    layer = AdaptedLinear(nn.Linear(8, 8, dtype=torch.bfloat16), size=2)

    found = layer(torch.ones(1, 8, dtype=torch.bfloat16))

    assert layer.adapter.down.weight.dtype == torch.float32
    assert found.dtype == torch.bfloat16


def test_a_model_with_new_adapters_says_what_it_said(tiny_model) -> None:
    model = copy.deepcopy(tiny_model)

    names = inject_adapters(model, TARGETS[type(model).__name__], size=4, generator=seeded())

    assert len(names) == 4  # two in each of the two blocks
    assert [n for n, m in model.named_modules() if isinstance(m, AdaptedLinear)] == names
    assert torch.equal(model(IDS).logits, tiny_model(IDS).logits)


def test_an_adapter_adds_2dm_plus_d_plus_m_parameters(tiny_model) -> None:
    model = copy.deepcopy(tiny_model)
    before = count_parameters(model).total

    names = inject_adapters(model, TARGETS[type(model).__name__], size=4)

    added = len(names) * (2 * 32 * 4 + 32 + 4)
    assert count_parameters(model) == (added, before + added)


def test_training_moves_the_adapters_and_nothing_else(tiny_model) -> None:
    model = copy.deepcopy(tiny_model)
    inject_adapters(model, TARGETS[type(model).__name__], size=8, generator=seeded())
    before = {n: p.clone() for n, p in model.named_parameters()}
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    first = model(IDS, labels=IDS).loss.item()

    for _ in range(10):
        loss = model(IDS, labels=IDS).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    moved = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    assert moved == {n for n in before if ".adapter." in n}
    assert loss.item() < first - 0.5


@pytest.mark.parametrize(
    ("targets", "size", "message"),
    [
        (["o_prj"], 4, "no layer is called 'o_prj'. Linear layers of this model: q_proj"),
        (["mlp"], 4, "is a LlamaMLP. Name linear layers"),
        (["lm_head", "embed_tokens"], 4, "embed_tokens is a Embedding"),
        ("o_proj", 4, "targets must be a list of names of layers, got 'o_proj'"),
        (["o_proj"], 0, "size must be a whole number from 1, got 0"),
        (["o_proj"], 4.0, r"size must be a whole number from 1, got 4\.0"),
        (["o_proj"], True, "size must be a whole number from 1, got True"),
        (["o_proj"], "4", "size must be a whole number from 1, got '4'"),
        (["o_proj"], None, "size must be a whole number from 1, got None"),
    ],
)
def test_bad_input_is_refused_and_the_model_is_unchanged(llama, targets, size, message) -> None:
    model = copy.deepcopy(llama)

    with pytest.raises(ValueError, match=message):
        inject_adapters(model, targets, size=size)

    assert not any(isinstance(module, AdaptedLinear) for module in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_other_layers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must be an nn\.Linear or a Conv1D, got Embedding"):
        AdaptedLinear(nn.Embedding(3, 2), size=1)
    with pytest.raises(ValueError, match="width must be a whole number from 1, got 0"):
        BottleneckAdapter(0, size=1)


# Rows of embeddings


def rows_of(model: nn.Module) -> nn.Parameter:
    return model.get_input_embeddings().parametrizations.weight[0].rows


def test_only_the_rows_of_the_tokens_are_trained(tiny_model) -> None:
    model = copy.deepcopy(tiny_model).requires_grad_(False)
    before = model.get_input_embeddings().weight.clone()

    train_tokens(model, [7, 200])

    assert [p.shape for p in model.parameters() if p.requires_grad] == [
        rows.shape for rows in {id(r): r for r in every_rows(model)}.values()
    ]
    assert torch.equal(model(IDS).logits, tiny_model(IDS).logits)
    with torch.no_grad():
        rows_of(model).add_(1)
    table = model.get_input_embeddings().weight
    assert torch.equal(table[[7, 200]], before[[7, 200]] + 1)
    others = [i for i in range(len(before)) if i not in (7, 200)]
    assert torch.equal(table[others], before[others])


def every_rows(model: nn.Module) -> list[nn.Parameter]:
    layers = (model.get_input_embeddings(), model.get_output_embeddings())
    return [layer.parametrizations.weight[0].rows for layer in layers]


def test_a_shared_table_goes_on_being_shared(tiny_model) -> None:
    tied = tiny_model.config.tie_word_embeddings
    model = copy.deepcopy(tiny_model).requires_grad_(False)
    total = count_parameters(model).total

    train_tokens(model, [7, 200])

    one, two = every_rows(model)
    assert (one is two) == tied
    added = 2 * 32 * (1 if tied else 2)
    assert count_parameters(model) == (added, total + added)


def test_rows_are_trained_as_peft_trains_them(gpt2) -> None:
    ours = copy.deepcopy(gpt2).requires_grad_(False)
    train_tokens(ours, [7, 200])
    config = peft.LoraConfig(
        r=1,
        target_modules=["c_fc"],
        fan_in_fan_out=True,
        trainable_token_indices=[7, 200],
        task_type="CAUSAL_LM",
    )
    with silence():
        theirs = peft.get_peft_model(copy.deepcopy(gpt2), config)
    (delta,) = (p for n, p in theirs.named_parameters() if "trainable_tokens_delta" in n)

    with torch.no_grad():
        rows_of(ours).mul_(1.5)
        delta.mul_(1.5)
    for model in (ours, theirs):
        model(IDS, labels=IDS).loss.backward()

    torch.testing.assert_close(ours(IDS).logits, theirs(IDS).logits)
    torch.testing.assert_close(rows_of(ours).grad, delta.grad)
    assert delta.grad.abs().max() > 1e-3


def test_merged_rows_leave_a_plain_model(tiny_model) -> None:
    model = copy.deepcopy(tiny_model).requires_grad_(False)
    train_tokens(model, [7, 200])
    with torch.no_grad():
        for rows in every_rows(model):
            rows.mul_(1.5)
        expected = model(IDS).logits

    merge_tokens(model)

    assert torch.equal(model(IDS).logits, expected)
    assert not torch.equal(expected, tiny_model(IDS).logits)
    assert model.state_dict().keys() == tiny_model.state_dict().keys()
    shared = model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert shared == tiny_model.config.tie_word_embeddings


@pytest.mark.parametrize(
    "ids",
    [*([], [3, 3], [259], [-1]), *([1.5], ["a"], "ab", [True], [2, False], [None], 5, None, [[3]])],
)
def test_bad_token_ids_are_refused(llama, ids: object) -> None:
    model = copy.deepcopy(llama)

    with pytest.raises(ValueError, match="token_ids must be different numbers from 0 to 258, got"):
        train_tokens(model, ids)

    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("ids", [(5, 7), range(5, 9, 2), torch.tensor([5, 7]), {5: 0, 7: 0}])
def test_token_ids_come_in_any_sequence(llama, ids: object) -> None:
    model = copy.deepcopy(llama)

    train_tokens(model, ids)

    assert rows_of(model).shape == (2, model.config.hidden_size)


@pytest.mark.parametrize("inject", [inject_adapters, inject_lora])
def test_rows_of_an_output_layer_with_an_addition_are_refused(llama, inject) -> None:
    model = copy.deepcopy(llama)
    settings = {"size": 2} if inject is inject_adapters else {"rank": 2, "alpha": 2}
    inject(model, ["lm_head"], **settings)
    names = [name for name, _ in model.named_parameters()]

    with pytest.raises(ValueError, match="is no parameter of its own: an addition or a hook"):
        train_tokens(model, [5])

    assert [name for name, _ in model.named_parameters()] == names


@pytest.mark.parametrize("size", [300, 259, 100, None])
@pytest.mark.parametrize("inner", [False, True])
def test_tables_with_trained_rows_keep_their_size_until_they_are_merged(
    tiny_model, size: int | None, inner: bool
) -> None:
    plain = copy.deepcopy(tiny_model)
    train_tokens(plain, [5])
    shapes = {name: p.shape for name, p in plain.named_parameters()}
    model = copy.deepcopy(plain)  # the refusal goes with a copy
    part = model.base_model if inner else model

    with pytest.raises(ValueError, match="would lose them: call merge_tokens first, or resize_"):
        part.resize_token_embeddings(size)
    assert {name: p.shape for name, p in model.named_parameters()} == shapes

    merge_tokens(model)
    model.resize_token_embeddings(300, mean_resizing=False)
    assert model(torch.tensor([[5, 299]])).logits.shape == (1, 2, 300)
    with pytest.raises(ValueError, match="call merge_tokens first"):
        plain.resize_token_embeddings(size)


def test_rows_are_added_once_and_merged_only_if_there(llama) -> None:
    model = copy.deepcopy(llama)

    with pytest.raises(ValueError, match="no trained rows of embeddings: call train_tokens first"):
        merge_tokens(model)
    train_tokens(model, [1])
    with pytest.raises(ValueError, match="already has rows of embeddings that are trained"):
        train_tokens(model, [2])
