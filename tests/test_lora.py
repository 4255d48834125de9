"""LoRA: the formula by hand, equal to peft, what training touches, merging, counting, bad input."""

import copy

import peft
import pytest
import torch
import transformers
from torch import nn
from transformers.pytorch_utils import Conv1D

from companion.linear_layers import find_layers, linear_names
from companion.lora import (
    LoRALinear,
    count_parameters,
    inject_lora,
    lora_parameter_count,
    lora_parameters,
    merge_lora,
)
from companion.training.silence import silence

TARGETS = {"llama": ["q_proj", "down_proj"], "gpt2": ["c_attn", "mlp.c_proj"]}
IDS = torch.tensor([[5, 9, 7, 200], [3, 3, 4, 90]])


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def shake(model: nn.Module) -> None:
    """Give every B a value, as training would."""
    generator = seeded(1)
    for module in model.modules():
        if isinstance(module, LoRALinear):
            with torch.no_grad():
                module.lora_B.copy_(torch.randn(module.lora_B.shape, generator=generator))


def injected(model: nn.Module, targets: list[str], **changes: object) -> nn.Module:
    """Copy a model and give the copy LoRA layers that do something."""
    model = copy.deepcopy(model)
    inject_lora(model, targets, **{"rank": 3, "alpha": 5, "generator": seeded()} | changes)
    shake(model)
    return model


def as_peft(original: nn.Module, ours: nn.Module, targets: list[str]) -> peft.PeftModel:
    """Give a copy of the original peft's LoRA layers with the values of ours."""
    transposed = isinstance(original, transformers.GPT2LMHeadModel)
    config = peft.LoraConfig(
        r=3, lora_alpha=5, target_modules=targets, fan_in_fan_out=transposed, task_type="CAUSAL_LM"
    )
    with silence():
        theirs = peft.get_peft_model(copy.deepcopy(original), config)
    for name, module in ours.named_modules():
        if isinstance(module, LoRALinear):
            layer = theirs.base_model.model.get_submodule(name)
            layer.lora_A["default"].weight.data.copy_(module.lora_A)
            layer.lora_B["default"].weight.data.copy_(module.lora_B)
    return theirs


@pytest.fixture(params=["llama", "gpt2"])
def pair(request: pytest.FixtureRequest) -> tuple[nn.Module, nn.Module, peft.PeftModel]:
    """A model, the model with our LoRA, and with peft's of the same values."""
    original, targets = request.getfixturevalue(request.param), TARGETS[request.param]
    ours = injected(original, targets)
    return original, ours, as_peft(original, ours, targets)


# The layer


def worked_layer() -> LoRALinear:
    """W0 = [[1, 2], [3, 4]], A = [[1, -1]], B = [[2], [1]], alpha / r = 3."""
    base = nn.Linear(2, 2, bias=True)
    layer = LoRALinear(base, rank=1, alpha=3)
    with torch.no_grad():
        base.weight.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
        base.bias.copy_(torch.tensor([10.0, 20.0]))
        layer.lora_A.copy_(torch.tensor([[1.0, -1.0]]))
        layer.lora_B.copy_(torch.tensor([[2.0], [1.0]]))
    return layer


def test_the_formula_worked_by_hand() -> None:
    layer = worked_layer()

    found = layer(torch.tensor([[5.0, 1.0]]))

    # W0 x + b = (17, 39); A x = 4; B A x = (8, 4); times 3: (24, 12)
    assert found.tolist() == [[41.0, 51.0]]


def test_the_merged_weight_worked_by_hand() -> None:
    layer = worked_layer()

    layer.merge()

    # W0 + 3 [[2, -2], [1, -1]]
    assert layer.base.weight.tolist() == [[7.0, -4.0], [6.0, 1.0]]
    assert layer(torch.tensor([[5.0, 1.0]])).tolist() == [[41.0, 51.0]]


@pytest.mark.parametrize("base", [nn.Linear(6, 4), nn.Linear(6, 4, bias=False), Conv1D(4, 6)])
def test_a_new_layer_is_the_base_layer_exactly(base: nn.Module) -> None:
    x = torch.randn(2, 5, 6, generator=seeded())

    layer = LoRALinear(copy.deepcopy(base), rank=2, alpha=4, generator=seeded())

    assert torch.equal(layer(x), base(x))
    assert layer.lora_A.shape == (2, 6)
    assert layer.lora_B.shape == (4, 2)
    assert not layer.lora_B.any()


def test_a_starts_as_in_peft() -> None:
    config = peft.LoraConfig(r=16, target_modules=["0"])
    torch.manual_seed(5)
    theirs = peft.get_peft_model(nn.Sequential(nn.Linear(400, 3)), config)
    expected = theirs.base_model.model[0].lora_A["default"].weight

    found = LoRALinear(nn.Linear(400, 3), rank=16, alpha=1, generator=seeded(6)).lora_A

    bound = 400**-0.5
    assert bound * 0.99 < found.abs().max() <= bound
    assert found.std().item() == pytest.approx(expected.std().item(), rel=0.03)
    assert found.mean().abs() < 0.03 * bound * 3


def test_the_generator_fixes_a_and_leaves_the_global_one_alone() -> None:
    state = torch.get_rng_state()

    one, two, other = (
        LoRALinear(base, rank=2, alpha=1, generator=seeded(seed)).lora_A
        for base, seed in zip([nn.utils.skip_init(nn.Linear, 4, 4)] * 3, (0, 0, 1), strict=True)
    )

    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_layers_of_one_model_start_differently(llama) -> None:
    a = lora_parameters(injected(llama, ["q_proj"]))[::2]

    assert not torch.equal(a[0], a[1])


def test_dropout_acts_on_the_update_and_in_training_only() -> None:
    layer = LoRALinear(nn.Linear(50, 3), rank=2, alpha=1, dropout=0.5).train()
    x = torch.randn(4, 50, generator=seeded())
    plain = layer.base(x)
    assert torch.equal(layer(x), plain)  # B = 0: the base layer's inputs are not dropped
    with torch.no_grad():
        layer.lora_B.fill_(1.0)

    once, again = layer(x), layer(x)
    layer.eval()

    assert not torch.equal(once, again)
    assert torch.equal(layer(x), layer(x))
    expected = plain + x @ layer.lora_A.T @ layer.lora_B.T / 2
    torch.testing.assert_close(layer(x), expected)


def test_a_layer_in_16_bits_keeps_its_update_in_32() -> None:
    layer = LoRALinear(nn.Linear(8, 8, dtype=torch.bfloat16), rank=2, alpha=2)

    found = layer(torch.ones(1, 8, dtype=torch.bfloat16))

    assert layer.lora_A.dtype == layer.lora_B.dtype == torch.float32
    assert found.dtype == layer.base.weight.dtype == torch.bfloat16


# As peft


def test_the_logits_are_those_of_peft(pair, threads: int) -> None:
    original, ours, theirs = pair

    with torch.no_grad():
        plain, found, expected = (model(IDS).logits for model in (original, ours, theirs))

    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert (found - plain).abs().max() > 0.1  # the test would notice a missing update


def test_the_gradients_are_those_of_peft(pair) -> None:
    _, ours, theirs = pair

    for model in (ours, theirs):
        model(IDS, labels=IDS).loss.backward()

    found = {n.replace(".base.", "."): p.grad for n, p in ours.named_parameters()}
    found = {name: grad for name, grad in found.items() if grad is not None}
    expected = {
        n.replace("base_model.model.", "").replace(".default.weight", ""): p.grad
        for n, p in theirs.named_parameters()
        if p.grad is not None
    }
    assert found.keys() == expected.keys()
    assert len(found) == 8  # A and B, two layers of two kinds
    for name, grad in found.items():
        torch.testing.assert_close(grad, expected[name], rtol=1e-4, atol=1e-6)


def test_the_merged_weights_are_those_of_peft(pair) -> None:
    original, ours, theirs = pair

    merge_lora(ours)
    merged = theirs.merge_and_unload()

    expected = merged.state_dict()
    assert ours.state_dict().keys() == expected.keys()
    for name, value in ours.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=1e-5, atol=1e-6)
    changed = [n for n, v in original.state_dict().items() if not torch.equal(v, expected[n])]
    assert len(changed) == 4


# Injecting, training, merging


def test_only_the_named_layers_change_and_only_they_train(llama) -> None:
    model = copy.deepcopy(llama)

    names = inject_lora(model, ["q_proj", "1.mlp.up_proj"], rank=2, alpha=4)

    assert names == [
        "model.layers.0.self_attn.q_proj",
        "model.layers.1.self_attn.q_proj",
        "model.layers.1.mlp.up_proj",
    ]
    assert [n for n, m in model.named_modules() if isinstance(m, LoRALinear)] == names
    trainable = [n for n, p in model.named_parameters() if p.requires_grad]
    assert trainable == [f"{name}.{part}" for name in names for part in ("lora_A", "lora_B")]
    assert len(lora_parameters(model)) == 6
    assert all(p.requires_grad for p in lora_parameters(model))


def test_a_model_with_new_lora_layers_says_what_it_said(tiny_model) -> None:
    model = copy.deepcopy(tiny_model)

    inject_lora(model, linear_names(model), rank=2, alpha=4)

    assert torch.equal(model(IDS).logits, tiny_model(IDS).logits)


def test_a_name_matches_whole_parts_only() -> None:
    model = nn.ModuleDict({"proj": nn.Linear(2, 2), "q_proj": nn.Linear(2, 2)})

    assert list(find_layers(model, ["proj"])) == ["proj"]


def test_training_moves_the_update_and_nothing_else(tiny_model) -> None:
    model = copy.deepcopy(tiny_model)
    inject_lora(model, linear_names(model), rank=4, alpha=8, generator=seeded())
    before = {n: p.clone() for n, p in model.named_parameters()}
    optimizer = torch.optim.Adam(lora_parameters(model), lr=1e-2)
    first = model(IDS, labels=IDS).loss.item()

    for _ in range(10):
        loss = model(IDS, labels=IDS).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    moved = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    assert moved == {n for n in before if ".lora_" in n}
    assert loss.item() < first - 0.5


def test_a_merged_model_says_the_same_without_lora_layers(tiny_model) -> None:
    model = injected(tiny_model, linear_names(tiny_model))
    with torch.no_grad():
        before = model(IDS).logits

    names = merge_lora(model)

    assert len(names) == len(find_layers(model, linear_names(model)))
    assert not any(isinstance(module, LoRALinear) for module in model.modules())
    assert model.state_dict().keys() == tiny_model.state_dict().keys()
    with torch.no_grad():
        torch.testing.assert_close(model(IDS).logits, before, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("base", [nn.Linear(6, 4), Conv1D(4, 6)])
def test_unmerging_brings_the_weight_back(base: nn.Module) -> None:
    layer = LoRALinear(copy.deepcopy(base), rank=2, alpha=4, generator=seeded())
    shake(nn.Sequential(layer))
    x = torch.randn(3, 6, generator=seeded())
    before = layer(x)

    layer.merge()
    layer.merge()  # the second time does nothing
    merged = layer.base.weight.clone()
    layer.unmerge()
    layer.unmerge()

    assert (merged - base.weight).abs().max() > 0.1
    torch.testing.assert_close(layer.base.weight.data, base.weight.data)
    torch.testing.assert_close(layer(x), before)


@pytest.mark.parametrize("merged", [True, False])
@pytest.mark.parametrize("there", [True, False])
def test_a_state_dict_keeps_whether_the_update_is_in_the_weight(
    llama, merged: bool, there: bool
) -> None:
    model, other = injected(llama, ["q_proj"]), injected(llama, ["q_proj"], generator=seeded(9))
    for one, wanted in ((model, merged), (other, there)):
        if wanted:
            for module in one.modules():
                if isinstance(module, LoRALinear):
                    module.merge()
    expected = model(IDS).logits

    other.load_state_dict(model.state_dict())
    copied = copy.deepcopy(model).train().eval()

    for one in (other, copied):
        torch.testing.assert_close(one(IDS).logits, expected)
        layers = [m for m in one.modules() if isinstance(m, LoRALinear)]
        assert [layer.merged for layer in layers] == [merged] * 2
        for layer in layers:
            layer.unmerge()
        torch.testing.assert_close(one(IDS).logits, expected, rtol=1e-4, atol=1e-4)


# Counting


def test_gpt2_has_294912_trainable_of_124734720() -> None:
    with torch.device("meta"):
        model = transformers.GPT2LMHeadModel(transformers.GPT2Config())
    before = count_parameters(model)

    inject_lora(model, ["c_attn"], rank=8, alpha=32)

    assert before == (124_439_808, 124_439_808)
    assert count_parameters(model) == (294_912, 124_734_720)


@pytest.mark.parametrize(
    ("targets", "rank", "expected"),
    [(["q_proj", "v_proj"], 8, 4_194_304), (None, 16, 39_976_960)],
)
def test_llama_2_7b_is_counted_without_weights(targets, rank: int, expected: int) -> None:
    config = transformers.LlamaConfig(
        vocab_size=32_000, hidden_size=4096, intermediate_size=11_008, num_hidden_layers=32
    )
    with torch.device("meta"):
        model = transformers.LlamaForCausalLM(config)
    targets = targets or linear_names(model)
    layers = find_layers(model, targets).values()
    shapes = [(layer.in_features, layer.out_features) for layer in layers]

    inject_lora(model, targets, rank=rank, alpha=1)

    assert count_parameters(model) == (expected, 6_738_415_616 + expected)
    assert lora_parameter_count(shapes, rank) == expected


def test_all_linear_layers_are_those_that_peft_takes(tiny_model) -> None:
    transposed = isinstance(tiny_model, transformers.GPT2LMHeadModel)
    with silence():
        config = peft.LoraConfig(
            r=1, target_modules="all-linear", fan_in_fan_out=transposed, task_type="CAUSAL_LM"
        )
        theirs = peft.get_peft_model(copy.deepcopy(tiny_model), config)
    expected = set(theirs.targeted_module_names)

    assert set(find_layers(tiny_model, linear_names(tiny_model))) == expected


# Bad input


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (["q_prj"], "no layer is called 'q_prj'. Linear layers of this model: q_proj, k_proj"),
        (["q_proj", "c_attn"], "no layer is called 'c_attn'"),
        (["mlp"], r"layers.0.mlp is a LlamaMLP. Name linear layers: q_proj"),
        ("q_proj", "targets must be a list of names of layers, got 'q_proj'"),
        ([], r"targets must be a list of names of layers, got \[\]"),
    ],
)
def test_unknown_targets_are_refused_and_the_model_is_unchanged(llama, targets, message) -> None:
    model = copy.deepcopy(llama)

    with pytest.raises(ValueError, match=message):
        inject_lora(model, targets, rank=2, alpha=4)

    assert all(p.requires_grad for p in model.parameters())
    assert not lora_parameters(model)


def test_a_layer_that_shares_its_weight_is_refused(gpt2) -> None:
    model = copy.deepcopy(gpt2)

    with pytest.raises(ValueError, match=r"lm_head shares its weight with transformer.wte.weight"):
        inject_lora(model, ["lm_head"], rank=2, alpha=4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rank": 0}, "rank must be a whole number from 1, got 0"),
        ({"rank": 1.5}, "rank must be a whole number from 1, got 1.5"),
        ({"rank": 2.0}, r"rank must be a whole number from 1, got 2\.0"),
        ({"rank": True}, "rank must be a whole number from 1, got True"),
        ({"rank": "2"}, "rank must be a whole number from 1, got '2'"),
        ({"rank": float("nan")}, "rank must be a whole number from 1, got nan"),
        ({"rank": None}, "rank must be a whole number from 1, got None"),
        ({"alpha": "4"}, "alpha must be above 0, got '4'"),
        ({"alpha": True}, "alpha must be above 0, got True"),
        ({"alpha": float("inf")}, "alpha must be above 0 and finite, got inf"),
        ({"dropout": None}, "dropout must be at least 0 and below 1, got None"),
        ({"dropout": False}, "dropout must be at least 0 and below 1, got False"),
        ({"alpha": 0}, "alpha must be above 0, got 0"),
        ({"alpha": float("nan")}, "alpha must be above 0, got nan"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1, got 1.0"),
    ],
)
def test_numbers_out_of_range_are_refused(llama, change: dict, message: str) -> None:
    model = copy.deepcopy(llama)

    with pytest.raises(ValueError, match=message):
        inject_lora(model, ["q_proj"], **{"rank": 2, "alpha": 4} | change)
    with pytest.raises(ValueError, match=message):
        LoRALinear(nn.Linear(2, 2), **{"rank": 2, "alpha": 4} | change)

    assert all(p.requires_grad for p in model.parameters())


def test_other_layers_and_plain_models_are_refused(llama) -> None:
    with pytest.raises(ValueError, match=r"must be an nn\.Linear or a Conv1D, got Embedding"):
        LoRALinear(nn.Embedding(3, 2), rank=1, alpha=1)
    with pytest.raises(ValueError, match="no LoRA layer to merge: call inject_lora first"):
        merge_lora(copy.deepcopy(llama))
    with pytest.raises(ValueError, match="rank must be a whole number"):
        lora_parameter_count([(2, 2)], 0)
