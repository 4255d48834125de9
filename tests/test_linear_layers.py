"""Layers that can take an addition, and those that are refused before anything changes."""

import copy
from collections.abc import Callable

import accelerate
import peft
import pytest
import torch
import transformers
from torch import nn
from torch.nn.utils import prune
from torch.nn.utils.parametrizations import spectral_norm, weight_norm
from transformers.pytorch_utils import Conv1D

from companion.adapters import AdaptedLinear, inject_adapters, train_tokens
from companion.linear_layers import find_layers, linear_names
from companion.lora import LoRALinear, inject_lora, lora_parameters, merge_lora
from companion.models import load
from companion.training.adapters import apply_lora
from companion.training.silence import silence


class Reader(nn.Module):
    """A module that reads the weight of one layer, calls another, asks a third for its dtype."""

    def __init__(self) -> None:
        super().__init__()
        self.read, self.called, self.asked = (nn.Linear(4, 4) for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = nn.functional.linear(x, self.read.weight, self.read.bias)
        return self.asked(self.called(y).to(self.asked.weight.dtype))


class Doubled(nn.Linear):
    """A linear layer by its class, not by what it computes."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) * 2


def quantized() -> nn.Module:
    bitsandbytes = pytest.importorskip("bitsandbytes")
    return nn.ModuleDict({"fc": nn.Linear(4, 4), "layer": bitsandbytes.nn.Linear4bit(4, 4)})


def whole_numbers() -> nn.Module:
    layer = nn.Linear(4, 4)
    layer.weight = nn.Parameter(torch.ones(4, 4, dtype=torch.int8), requires_grad=False)
    return layer


def eight_bits(dtype: torch.dtype) -> nn.Module:
    layer = nn.Linear(4, 4)
    layer.weight = nn.Parameter(layer.weight.detach().to(dtype), requires_grad=False)
    return layer


def hooked() -> nn.Module:
    """A layer whose weight a hook rewrites before each call."""
    layer = nn.Linear(4, 4)
    layer.register_forward_pre_hook(lambda layer, _: layer.weight.data.fill_(1))
    return layer


def tripled(kind: type[nn.Module] = nn.Linear) -> nn.Module:
    """A layer whose output a hook multiplies by 3."""
    layer = kind(4, 4)
    layer.register_forward_hook(lambda layer, inputs, output: output * 3)
    return layer


def with_backward_hook(register: str) -> nn.Module:
    layer = nn.Linear(4, 4)
    getattr(layer, register)(lambda *_: None)
    return layer


def replaced_forward() -> nn.Module:
    layer = nn.Linear(4, 4)
    plain = layer.forward
    layer.forward = lambda x: plain(x) * 2
    return layer


def offloaded() -> nn.Module:
    """A layer whose weight accelerate keeps elsewhere and fetches for each call."""
    hook = accelerate.hooks.AlignDevicesHook("cpu", offload=True)
    return accelerate.hooks.add_hook_to_module(nn.Linear(4, 4), hook)


def encoder() -> nn.Module:
    return nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)


def shared_module() -> nn.Module:
    layer = nn.Linear(4, 4)
    return nn.ModuleDict({"fc": nn.Linear(4, 4), "layer": layer, "other": layer})


def holding(layer: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    return lambda: nn.ModuleDict({"fc": nn.Linear(4, 4), "layer": layer()})


REFUSED = {
    "embedding": (
        holding(lambda: nn.Embedding(4, 4)),
        "layer",
        "layer is a Embedding. Name",
    ),
    "convolution": (holding(lambda: nn.Conv1d(4, 4, 1)), "layer", "layer is a Conv1d"),
    "bilinear": (holding(lambda: nn.Bilinear(4, 4, 4)), "layer", "layer is a Bilinear"),
    "shared weight": (shared_module, "layer", "layer shares its weight with other.weight"),
    "computed weight": (holding(lambda: weight_norm(nn.Linear(4, 4))), "layer", "is computed from"),
    "another formula": (holding(lambda: Doubled(4, 4)), "layer", "is a Doubled, which computes"),
    "lazy": (holding(lambda: nn.LazyLinear(4)), "layer", "layer is a LazyLinear|no floating-point"),
    "integers": (holding(lambda: whole_numbers()), "layer", "holds no floating-point numbers"),
    "fp8": (holding(lambda: eight_bits(torch.float8_e4m3fn)), "layer", "of type torch.float8_e4m3"),
    "fp8, wide": (
        holding(lambda: eight_bits(torch.float8_e5m2)),
        "layer",
        "float8_e5m2, which can",
    ),
    "hook": (holding(hooked), "layer", "layer runs a hook before each call"),
    "hook after": (holding(tripled), "layer", "layer runs a hook after each call"),
    "hook after, Conv1D": (holding(lambda: tripled(Conv1D)), "layer", "runs a hook after each"),
    "hook after backward": (
        holding(lambda: with_backward_hook("register_full_backward_hook")),
        "layer",
        "layer runs a hook after each backward pass",
    ),
    "hook before backward": (
        holding(lambda: with_backward_hook("register_full_backward_pre_hook")),
        "layer",
        "layer runs a hook before each backward pass",
    ),
    "replaced forward": (holding(replaced_forward), "layer", "the forward of layer was replaced"),
    "offloaded": (
        holding(offloaded),
        "layer",
        "the forward of layer was replaced.*has offloaded the model",
    ),
    "spectral norm": (
        holding(lambda: spectral_norm(nn.Linear(4, 4))),
        "layer",
        r"computed from others \(a parametrization\)",
    ),
    "pruned bias": (
        holding(lambda: prune.l1_unstructured(nn.Linear(4, 4), "bias", 1)),
        "layer",
        "layer runs a hook before each call",
    ),
    "4 bits": (quantized, "layer", "layer is quantized; use"),
}


# These take the parameter away and let a hook compute the weight from others.
COMPUTING = {
    "weight_norm": nn.utils.weight_norm,
    "spectral_norm": nn.utils.spectral_norm,
    "l1_unstructured": lambda layer: prune.l1_unstructured(layer, "weight", 0.5),
    "random_structured": lambda layer: prune.random_structured(layer, "weight", 1, dim=0),
    "identity": lambda layer: prune.identity(layer, "weight"),
}
REFUSED |= {
    f"{name} {kind.__name__}": (
        holding(lambda change=change, kind=kind: change(kind(4, 4))),
        "layer",
        "computed from others before each call, so that a change of it would be lost",
    )
    for name, change in COMPUTING.items()
    for kind in (nn.Linear, Conv1D)
}


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning")
@pytest.mark.parametrize("inject", [inject_lora, inject_adapters], ids=["lora", "adapters"])
@pytest.mark.parametrize("case", REFUSED)
def test_what_takes_no_addition_is_refused_before_anything_changes(inject, case: str) -> None:
    make, target, message = REFUSED[case]
    model = make()
    trainable = [p.requires_grad for p in model.parameters()]
    settings = {"rank": 1, "alpha": 1} if inject is inject_lora else {"size": 1}

    with pytest.raises(ValueError, match=message):
        inject(model, ["fc", target], **settings)

    assert not any(isinstance(m, LoRALinear | AdaptedLinear) for m in model.modules())
    assert [p.requires_grad for p in model.parameters()] == trainable


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning")
@pytest.mark.parametrize("name", COMPUTING)
def test_a_computed_weight_is_refused_by_each_way_in(name: str) -> None:
    layer = COMPUTING[name](nn.Linear(4, 4))
    before = [p.requires_grad for p in layer.parameters()]

    with pytest.raises(ValueError, match="computed from others before each call"):
        LoRALinear(layer, rank=1, alpha=1)
    with pytest.raises(ValueError, match="computed from others before each call"):
        AdaptedLinear(layer, size=1)
    with pytest.raises(ValueError, match="computed from others before each call"):
        apply_lora(nn.ModuleDict({"layer": layer}), targets=["layer"])

    assert [p.requires_grad for p in layer.parameters()] == before


@pytest.mark.parametrize("make", [tripled, replaced_forward])
def test_what_changes_a_call_is_refused_by_each_way_in(make) -> None:
    layer = make()
    for wrap in (
        lambda: LoRALinear(layer, rank=1, alpha=1),
        lambda: AdaptedLinear(layer, size=1),
        lambda: apply_lora(nn.ModuleDict({"layer": layer}), targets=["layer"]),
    ):
        with pytest.raises(ValueError, match=r"a hook after each call|forward of .* replaced"):
            wrap()

    assert all(parameter.requires_grad for parameter in layer.parameters())


def test_a_layer_that_accelerate_keeps_on_a_device_takes_lora_and_merges() -> None:
    hook = accelerate.hooks.AlignDevicesHook("cpu")
    model = nn.Sequential(accelerate.hooks.add_hook_to_module(nn.Linear(4, 4), hook))
    assert "forward" in vars(model[0])

    inject_lora(model, ["0"], rank=1, alpha=1)
    nn.init.ones_(model[0].lora_B)
    x = torch.randn(2, 4)
    before = model(x)
    merge_lora(model)

    torch.testing.assert_close(model(x), before)


LATER = {
    "hook on LoRA": lambda layer: layer.register_forward_hook(lambda m, x, y: y * 3),
    "hook on the base": lambda layer: layer.base.register_forward_hook(lambda m, x, y: y * 3),
    "hook before the base": lambda layer: layer.base.register_forward_pre_hook(lambda m, x: x),
    "replaced forward": lambda layer: setattr(layer, "forward", layer.base.forward),
    "pruned": lambda layer: prune.l1_unstructured(layer.base, "weight", 0.5),
    "parametrized": lambda layer: weight_norm(layer.base),
}


@pytest.mark.parametrize("change", LATER.values(), ids=LATER)
def test_what_changed_after_lora_was_put_in_is_refused_before_anything_is_merged(change) -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    inject_lora(model, ["0", "1"], rank=1, alpha=1)
    for layer in model:
        nn.init.ones_(layer.lora_B)
    change(model[1])
    x = torch.randn(2, 4)
    before = model(x)

    with pytest.raises(ValueError, match=r"^(the weight of |the forward of )?1(\.base)? "):
        merge_lora(model)

    assert torch.equal(model(x), before)
    assert not any(layer.merged for layer in model)


def test_a_layer_made_plain_again_takes_lora() -> None:
    layer = prune.l1_unstructured(nn.Linear(4, 4), "weight", 0.5)
    model = nn.ModuleDict({"layer": prune.remove(layer, "weight")})

    assert inject_lora(model, ["layer"], rank=1, alpha=1) == ["layer"]


@pytest.mark.parametrize("targets", [None, 3, [], [3], ["fc", None], "fc"])
def test_targets_that_are_no_list_of_names_are_refused(targets: object) -> None:
    with pytest.raises(ValueError, match="targets must be a list of names of layers, got"):
        inject_lora(nn.ModuleDict({"fc": nn.Linear(4, 4)}), targets, rank=1, alpha=1)


# Modules that read the weight of a layer


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("targets", [["out_proj"], ["linear1", "linear2"]])
def test_lora_acts_where_the_weight_is_read(targets: list[str], mode: str) -> None:
    torch.manual_seed(0)
    plain = encoder().train(mode == "train")
    model = copy.deepcopy(plain)
    names = inject_lora(model, targets, rank=2, alpha=4)
    with torch.no_grad():
        for parameter in lora_parameters(model):
            parameter.add_(0.3 * torch.randn(parameter.shape))
    merged = copy.deepcopy(plain)
    for name in names:
        with torch.no_grad():
            merged.get_submodule(name).weight.add_(model.get_submodule(name).delta())
    x = torch.randn(2, 3, 16)

    with torch.no_grad():  # in eval mode this is torch's fast path, which reads all weights
        found, expected, before = model(x), merged(x), plain(x)
    model(x).sum().backward()

    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert (before - expected).abs().max() > 1e-2
    assert all(p.grad.abs().max() > 0 for p in lora_parameters(model))


@pytest.mark.parametrize(
    ("make", "target"),
    [
        (lambda: nn.MultiheadAttention(16, 2), "out_proj"),
        (encoder, "linear1"),
        (Reader, "read"),
    ],
)
def test_an_addition_that_would_be_passed_by_is_refused(make, target: str) -> None:
    model = make()

    with pytest.raises(ValueError, match="reads its weight instead of calling it"):
        inject_adapters(model, [target], size=2)
    with pytest.raises(ValueError, match="reads its weight instead of calling it"):
        inject_lora(model, [target], rank=2, alpha=4, dropout=0.1)

    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_layer_that_is_called_or_asked_for_its_dtype_is_taken() -> None:
    model, x = Reader(), torch.randn(2, 4)
    before = model(x)

    names = inject_adapters(model, ["called", "asked"], size=2)

    assert names == ["called", "asked"]
    assert torch.equal(model(x), before)


def test_reading_the_weight_with_dropout_is_refused_in_words() -> None:
    layer = LoRALinear(nn.Linear(4, 4), rank=1, alpha=1, dropout=0.1).train()

    with pytest.raises(ValueError, match="use dropout=0 for this layer"):
        _ = layer.weight
    assert torch.equal(layer.eval().weight, layer.base.weight)


def test_t5_takes_adapters_behind_the_layer_whose_dtype_it_asks_for() -> None:
    config = transformers.T5Config(
        vocab_size=40, d_model=16, d_ff=32, d_kv=8, num_layers=1, num_heads=2
    )
    torch.manual_seed(0)
    model = transformers.T5ForConditionalGeneration(config).eval()
    ids = torch.tensor([[3, 4, 5]])
    before = model(input_ids=ids, decoder_input_ids=ids).logits

    inject_adapters(model, ["wo"], size=2)

    found = model(input_ids=ids, decoder_input_ids=ids).logits
    torch.testing.assert_close(found, before)


# Several additions to one model


def test_a_second_injection_lets_the_first_be_trained(llama) -> None:
    model = copy.deepcopy(llama)

    inject_lora(model, ["q_proj", "v_proj"], rank=4, alpha=8)
    inject_lora(model, ["up_proj"], rank=8, alpha=16)
    train_tokens(model, [7])
    names = inject_adapters(model, ["down_proj"], size=4)

    assert len(names) == 2
    assert len(lora_parameters(model)) == 12
    trained = {n.rpartition(".")[2] for n, p in model.named_parameters() if p.requires_grad}
    assert trained == {"lora_A", "lora_B", "rows", "weight", "bias"}
    base = [n for n, p in model.named_parameters() if p.requires_grad and ".base." in n]
    assert base == []


def test_what_was_frozen_by_hand_stays_frozen(llama) -> None:
    model = copy.deepcopy(llama)
    inject_lora(model, ["q_proj"], rank=4, alpha=8)
    for parameter in lora_parameters(model):
        parameter.requires_grad_(False)

    inject_lora(model, ["up_proj"], rank=8, alpha=16)

    assert [p.requires_grad for p in lora_parameters(model)] == 2 * [False, False, True, True]


@pytest.mark.parametrize("target", ["q_proj", "q_proj.base", "down_proj", "adapter.up"])
@pytest.mark.parametrize("inject", [inject_lora, inject_adapters])
def test_a_layer_takes_one_addition(llama, inject, target: str) -> None:
    model = copy.deepcopy(llama)
    inject_lora(model, ["q_proj"], rank=2, alpha=4)
    inject_adapters(model, ["down_proj"], size=2)
    settings = {"rank": 1, "alpha": 1} if inject is inject_lora else {"size": 1}

    with pytest.raises(ValueError, match=r"has an addition already, a (LoRALinear|AdaptedLinear)"):
        inject(model, ["k_proj", target], **settings)

    assert len(find_layers(model, ["k_proj"])) == 2


def test_parts_of_additions_are_no_layers_of_the_model(llama) -> None:
    model = copy.deepcopy(llama)
    inject_lora(model, ["q_proj"], rank=2, alpha=4)
    inject_adapters(model, ["down_proj"], size=2)

    names = linear_names(model)

    assert names == ["k_proj", "v_proj", "o_proj", "gate_proj", "up_proj"]


@pytest.mark.parametrize("second", ["apply_lora", "inject_lora", "inject_adapters"])
def test_a_model_that_peft_has_changed_is_refused(llama, second: str) -> None:
    model = copy.deepcopy(llama)
    tuned = apply_lora(model, rank=2, targets=["q_proj"])
    calls = {
        "apply_lora": lambda given: apply_lora(given, rank=2),
        "inject_lora": lambda given: inject_lora(given, ["up_proj"], rank=2, alpha=4),
        "inject_adapters": lambda given: inject_adapters(given, ["up_proj"], size=2),
    }

    for given in (tuned, model):
        with pytest.raises(ValueError, match="peft has added layers to this model already"):
            calls[second](given)

    assert sum(p.requires_grad for p in tuned.parameters()) == 4
    plain = tuned.merge_and_unload()
    calls[second](plain)


def test_peft_does_train_nothing_where_a_weight_is_read() -> None:
    """The reason for the refusal: should this fail one day, `must_be_called` can go."""
    with silence():
        config = peft.LoraConfig(r=2, target_modules=["read"])
        model = peft.get_peft_model(Reader(), config)
    layer = model.base_model.model.read
    nn.init.ones_(layer.lora_B["default"].weight)
    x = torch.randn(2, 4)

    with model.disable_adapter():
        without = model(x)

    assert torch.equal(model(x), without)
    with pytest.raises(ValueError, match="Reader reads its weight"):
        apply_lora(Reader(), rank=2, targets=["read"])


def test_a_layer_in_four_bits_on_a_cpu_takes_lora() -> None:
    pytest.importorskip("bitsandbytes")
    model, _ = load("chat", source="pocket", quantization="nf4", device="cpu")

    tuned = apply_lora(model, rank=2, alpha=4)

    assert any("lora_A" in name for name, _ in tuned.named_parameters())
