"""Loading: pocket weights, folders, names, and what is said where that fails."""

import copy
import json
from importlib import import_module
from pathlib import Path

import pytest
import torch
import transformers
from torch import nn

import companion
from companion.adapters import inject_adapters, train_tokens
from companion.errors import (
    UnknownModelError,
    WeightsError,
)
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.lora import inject_lora
from companion.models import (
    load,
)
from companion.models.checkpoint import verify_pocket
from companion.models.loading import WEIGHTS_ROOT, prepare_tokenizer
from companion.training.adapters import apply_lora
from companion.training.reward_model import reward_model_from

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_base_is_the_default_and_is_ready_to_generate(weights: Path, llama) -> None:
    model, tokenizer = load(weights_root=weights)

    (one,) = generate(model, tokenizer, "Hello", SamplingParams(5, temperature=0))
    assert len(one.token_ids) == 5
    assert not model.training
    assert model.device == torch.device("cpu")


def test_half_precision_weights_are_widened_without_change(weights: Path, llama) -> None:
    model, _ = load("base", weights_root=weights)

    assert {p.dtype for p in model.parameters()} == {torch.float32}
    for ours, original in zip(model.parameters(), llama.parameters(), strict=True):
        assert torch.equal(ours, original.half().float())


def test_a_dtype_can_be_asked_for_by_name(weights: Path) -> None:
    model, _ = load("base", weights_root=weights, dtype="bfloat16")

    assert model.dtype == torch.bfloat16


@pytest.mark.parametrize("dtype", ["float33", "int8", "nn", 16])
def test_an_unknown_dtype_is_refused(weights: Path, dtype: object) -> None:
    with pytest.raises(ValueError, match="dtype must be 'float32', 'bfloat16' or 'float16'"):
        load("base", weights_root=weights, dtype=dtype)


def test_the_bundled_model_loads_and_writes() -> None:
    model, tokenizer = companion.load("base")

    (one,) = generate(model, tokenizer, "The", SamplingParams(8, temperature=0))
    assert verify_pocket(WEIGHTS_ROOT, "base").is_dir()
    assert model.dtype == torch.float32
    assert tokenizer.padding_side == "left"
    assert tokenizer.pad_token_id not in (None, tokenizer.eos_token_id)
    assert one.text


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("model.safetensors", "one file of a checkpoint. Pass its folder"),
        ("pytorch_model.bin", "pickled weights, which are not loaded"),
        ("last.ckpt", "pickled weights, which are not loaded"),
        ("model.onnx", "is a file. Pass a folder"),
    ],
)
def test_a_file_is_no_model_and_the_message_says_what_to_pass(
    tmp_path: Path, name: str, match: str
) -> None:
    (tmp_path / name).touch()

    with pytest.raises(UnknownModelError, match=match):
        load(tmp_path / name)


@pytest.mark.parametrize("name", ["models/model.gguf", "./model.gguf", "C:\\models\\model.gguf"])
def test_a_gguf_file_that_is_not_there_is_no_hub_id(name: str) -> None:
    with pytest.raises(UnknownModelError, match="there is no file"):
        load(name)


@pytest.mark.parametrize(
    ("files", "match"),
    [
        ({}, "no config.json. Pass a folder that save_pretrained has written"),
        ({"adapter_config.json": "{}"}, r"no config.json. It holds an adapter.*peft.PeftModel"),
        ({"model.gguf": ""}, r"no config.json. A GGUF file is in it"),
        ({"config.json": "{}", "pytorch_model.bin": ""}, "lacks a .safetensors file. Pickled"),
        ({"config.json": "{}", "model.safetensors.index.json": "x"}, "does not list the parts"),
        ({"config.json": "{}", "model.safetensors.index.json": "{}"}, "does not list the parts"),
        ({"config.json": "{}", "model.safetensors.index.json": "[1]"}, "does not list the parts"),
    ],
)
def test_a_folder_without_weights_says_what_it_is(
    tmp_path: Path, files: dict[str, str], match: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    with pytest.raises(WeightsError, match=match):
        load(tmp_path)


def test_a_name_that_is_nothing_lists_the_roles() -> None:
    with pytest.raises(
        UnknownModelError, match=r"unknown model 'bse'. Did you mean 'base'\? Pass a role \(base,"
    ):
        load("bse")


@pytest.mark.parametrize(
    "name",
    ["", " ", "\n", None, 3, True, b"base", ["base"], "a" * 5000, "~nobody-here/model", "\0"],
)
def test_what_is_no_name_is_unknown(name: object, folder: Path, monkeypatch) -> None:
    monkeypatch.chdir(folder)  # a checkpoint, which nobody asked for

    with pytest.raises(UnknownModelError, match=r"unknown model .*a folder that exists"):
        load(name)


@pytest.mark.parametrize("name", ["draft", "pocket-agent"])
def test_a_model_that_helps_another_says_how_it_is_loaded(name: str) -> None:
    short = name.removeprefix("pocket-")

    with pytest.raises(UnknownModelError, match=rf"companion\.pocket\.{short}\.load_{short}\(\)"):
        load(name)

    assert callable(getattr(import_module(f"companion.pocket.{short}"), f"load_{short}"))


def test_the_current_folder_is_loaded_by_its_name(checkpoint: Path, monkeypatch) -> None:
    monkeypatch.chdir(checkpoint)

    assert load(".").model.config.model_type == load(Path()).model.config.model_type


@pytest.mark.parametrize("name", ["./nowhere", "/no/where", "a/b/c", "nowhere/", Path("no/where")])
def test_a_folder_that_does_not_exist_is_unknown(name: str | Path) -> None:
    with pytest.raises(UnknownModelError, match="a folder that exists"):
        load(name)


def test_the_argument_wins_over_the_environment(
    monkeypatch: pytest.MonkeyPatch, weights: Path
) -> None:
    monkeypatch.setenv("COMPANION_MODELS", "hubb")

    assert load("base", source="pocket", weights_root=weights).model


@pytest.mark.parametrize("kind", [str, Path])
def test_a_folder_loads(checkpoint: Path, kind: type) -> None:
    model, tokenizer = load(kind(checkpoint))

    assert model.config.model_type == "llama"
    assert tokenizer.padding_side == "left"


def test_a_folder_with_a_reward_model_loads_as_one(tmp_path: Path, llama, tokenizer) -> None:
    reward = reward_model_from(llama)
    reward.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)

    model, _ = load(tmp_path)

    assert type(model).__name__ == "LlamaForSequenceClassification"
    assert torch.equal(model.score.weight, reward.score.weight)


def test_loading_is_silent(checkpoint: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load(checkpoint)

    assert capfd.readouterr() == ("", "")


def test_weights_that_are_not_there_are_not_made_up(folder: Path, llama) -> None:
    state = {k: v for k, v in llama.state_dict().items() if "layers.1." not in k}
    transformers.LlamaForCausalLM(llama.config).save_pretrained(folder, state_dict=state)

    with pytest.raises(WeightsError, match=r"no weights for \d+ tensors of LlamaForCausalLM"):
        load(folder)


def with_lora(model: nn.Module) -> nn.Module:
    inject_lora(model, ["q_proj"], rank=2, alpha=2)
    return model


def with_rows(model: nn.Module) -> nn.Module:
    train_tokens(model, [5])
    return model


def with_adapters(model: nn.Module) -> nn.Module:
    inject_adapters(model, ["o_proj"], size=2)
    return model


LORA, ROWS, ADAPTERS, PEFT = "merge_lora before", "merge_tokens before", "can't be", "PeftModel"
ADDITIONS = {
    "LoRA": (with_lora, {LORA}),
    "rows": (with_rows, {ROWS}),
    "both": (lambda model: with_rows(with_lora(model)), {LORA, ROWS}),
    "adapters": (with_adapters, {ADAPTERS}),
    "adapters and rows": (lambda model: with_rows(with_adapters(model)), {ADAPTERS, ROWS}),
    "peft": (lambda model: apply_lora(model).get_base_model(), {PEFT}),
}


@pytest.mark.parametrize("case", ADDITIONS)
def test_a_model_saved_with_its_additions_says_how_to_make_it_plain(
    folder: Path, llama, case: str
) -> None:
    add, remedies = ADDITIONS[case]
    add(copy.deepcopy(llama)).save_pretrained(folder)

    with pytest.raises(WeightsError, match="with what training had added beside") as caught:
        load(folder)

    said = str(caught.value)
    assert {part for part in (LORA, ROWS, ADAPTERS, PEFT) if part in said} == remedies
    assert "another kind of model" not in said


def test_an_unknown_architecture_is_explained(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "nothing_known"}')

    with pytest.raises(WeightsError, match="transformers can't load"):
        load(folder)


def test_code_from_a_repository_is_never_run(folder: Path) -> None:
    (folder / "evil.py").write_text("raise SystemExit('code was run')")
    config = {
        "model_type": "nothing_known",
        "auto_map": {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"},
    }
    (folder / "config.json").write_text(json.dumps(config))

    with pytest.raises(WeightsError, match="which this package never runs"):
        load(folder)


def test_a_missing_tokenizer_is_explained(folder: Path) -> None:
    for file in folder.glob("tokenizer*"):
        file.unlink()

    with pytest.raises(WeightsError, match="can't load the tokenizer"):
        load(folder)


# Tokenizer


def test_a_padding_token_of_its_own_is_kept(tokenizer) -> None:
    assert prepare_tokenizer(tokenizer).pad_token == "<pad>"


def test_without_a_padding_token_eos_stands_in_and_the_vocabulary_stays(checkpoint: Path) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint, padding_side="right")
    tokenizer.pad_token = None
    size = len(tokenizer)

    prepare_tokenizer(tokenizer)

    assert (tokenizer.pad_token, tokenizer.padding_side) == ("</s>", "left")
    assert len(tokenizer) == size


def test_vectors_are_float32_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPANION_DTYPE", "float16")

    assert load("embedding", source="pocket").model.dtype == torch.float32
