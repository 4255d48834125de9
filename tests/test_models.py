"""Loading: roles, the pocket weights and their checksums, folders, the Hub, memory."""

import copy
import json
import re
import shutil
from importlib import import_module
from pathlib import Path

import psutil
import pytest
import torch
import transformers
from torch import nn

import companion
from companion.adapters import inject_adapters, train_tokens
from companion.errors import (
    NotEnoughMemoryError,
    UnknownModelError,
    WeightsError,
)
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.lora import inject_lora
from companion.models import (
    HUB_MODELS,
    ROLES,
    load,
    pick_device,
    pick_dtype,
)
from companion.models.checkpoint import parameter_count, sha256, verify_pocket
from companion.models.devices import available_memory, check_device, check_memory
from companion.models.loading import WEIGHTS_ROOT, prepare_tokenizer
from companion.models.roles import resolve
from companion.training.adapters import apply_lora
from companion.training.reward_model import reward_model_from

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def weights(tmp_path: Path, checkpoint: Path) -> Path:
    """A weights root as the package bundles it: base/ and SHA256SUMS."""
    shutil.copytree(checkpoint, tmp_path / "base")
    lines = [f"{sha256(file)}  base/{file.name}" for file in sorted((tmp_path / "base").iterdir())]
    (tmp_path / "SHA256SUMS").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def folder(tmp_path: Path, checkpoint: Path) -> Path:
    """A copy of the checkpoint that a test may damage."""
    return Path(shutil.copytree(checkpoint, tmp_path / "copy"))


# Pocket weights


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


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_damaged_file_is_named_with_the_remedy(weights: Path, name: str) -> None:
    file = weights / "base" / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)

    with pytest.raises(
        WeightsError, match=rf"{name} is damaged.*git checkout -- companion/pocket/weights"
    ):
        load("base", weights_root=weights)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named_with_the_remedy(weights: Path, name: str) -> None:
    (weights / "base" / name).unlink()

    with pytest.raises(WeightsError, match=rf"{name} is missing.*or reinstall the package"):
        load("base", weights_root=weights)


def test_a_truncated_file_is_named(weights: Path) -> None:
    file = weights / "base" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])

    with pytest.raises(WeightsError, match=r"model.safetensors is damaged"):
        load("base", weights_root=weights)


def test_a_file_nobody_vouches_for_is_refused(weights: Path) -> None:
    (weights / "base" / "adapter_config.json").write_text("{}")

    with pytest.raises(WeightsError, match=r"adapter_config.json is not listed in SHA256SUMS"):
        load("base", weights_root=weights)


def test_missing_checksums_are_refused(weights: Path) -> None:
    (weights / "SHA256SUMS").unlink()

    with pytest.raises(WeightsError, match="SHA256SUMS is missing"):
        load("base", weights_root=weights)


def test_a_broken_checksum_line_is_refused(weights: Path) -> None:
    (weights / "SHA256SUMS").write_text("abc base/config.json\n")

    with pytest.raises(WeightsError, match="has a line that is not"):
        load("base", weights_root=weights)


def test_a_role_without_bundled_weights_says_which_there_are(weights: Path) -> None:
    with pytest.raises(WeightsError, match=r"role 'chat' \(bundled: base\).*source='hub'"):
        load("chat", weights_root=weights)


def test_the_bundled_model_loads_and_writes() -> None:
    model, tokenizer = companion.load("base")

    (one,) = generate(model, tokenizer, "The", SamplingParams(8, temperature=0))
    assert verify_pocket(WEIGHTS_ROOT, "base").is_dir()
    assert model.dtype == torch.float32
    assert tokenizer.padding_side == "left"
    assert tokenizer.pad_token_id not in (None, tokenizer.eos_token_id)
    assert one.text


# Names


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


@pytest.mark.parametrize(
    ("name", "hub_id"),
    [("base", "openai-community/gpt2"), ("gpt2", "openai-community/gpt2"), ("a/b", "a/b")],
)
def test_names_resolve_to_hub_ids(name: str, hub_id: str) -> None:
    assert resolve(name, "hub").hub_id == hub_id


def test_a_role_without_hub_model_says_so() -> None:
    with pytest.raises(UnknownModelError, match="no Hub model for the role 'reward'"):
        load("reward", source="hub")


def test_the_source_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPANION_MODELS", "hubb")

    with pytest.raises(ValueError, match="source must be 'pocket', 'open' or 'hub', got 'hubb'"):
        load("base")


def test_the_argument_wins_over_the_environment(
    monkeypatch: pytest.MonkeyPatch, weights: Path
) -> None:
    monkeypatch.setenv("COMPANION_MODELS", "hubb")

    assert load("base", source="pocket", weights_root=weights).model


def test_every_hub_role_is_pinned_to_a_commit() -> None:
    ids = {role.hub_id for role in ROLES.values() if role.hub_id}

    assert ids <= set(HUB_MODELS)
    assert all(len(bytes.fromhex(model.revision)) == 20 for model in HUB_MODELS.values())


# Folders


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


def test_a_folder_without_config_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"is not a checkpoint: it has no config.json"):
        load(tmp_path)


def test_pickled_weights_are_not_loaded(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")

    with pytest.raises(WeightsError, match=r"lacks a .safetensors file. Pickled weights"):
        load(folder)


def test_a_missing_part_of_a_split_checkpoint_is_named(folder: Path) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    with pytest.raises(WeightsError, match=r"lacks model-2.safetensors"):
        load(folder)


@pytest.mark.parametrize("cut", [4, 500, -1])
def test_a_truncated_weight_file_is_refused(folder: Path, cut: int) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:cut])

    with pytest.raises(WeightsError, match=r"model.safetensors is (truncated|not a readable)"):
        load(folder)


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


# Devices and memory


@pytest.mark.parametrize("device", ["cuda:99", "mps:7", "meta", "cpu:1", "xpu:5"])
def test_a_device_that_is_not_here_is_refused_with_those_that_are(device: str) -> None:
    with pytest.raises(ValueError, match=rf"device '{device}' is not available: here .*'cpu'"):
        load("base", device=device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_without_a_gpu_is_refused_in_words() -> None:
    for function in (pick_dtype, check_device, lambda device: load("base", device=device)):
        with pytest.raises(ValueError, match=r"device 'cuda' is not available: here there is"):
            function("cuda")


@pytest.mark.parametrize("device", ["gpu", "", "cuda:x", 3.5, "cpu,cuda"])
def test_what_is_no_device_is_refused(device: object) -> None:
    with pytest.raises(ValueError, match=r"unknown device .* Here there is .*'cpu'"):
        load("base", device=device)


@pytest.mark.parametrize("device", ["cpu", "cpu:0", torch.device("cpu")])
def test_the_cpu_is_a_device_by_any_name(device: object) -> None:
    assert check_device(device).type == "cpu"


def test_the_cpu_computes_in_float32() -> None:
    assert pick_dtype("cpu") == torch.float32


def test_the_environment_names_device_and_dtype_where_a_call_does_not(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPANION_DEVICE", "meta")
    with pytest.raises(
        ValueError, match=r"device 'meta' \(environment variable COMPANION_DEVICE\)"
    ):
        load("base", weights_root=weights)
    monkeypatch.setenv("COMPANION_DTYPE", "bfloat16")

    model, _ = load("base", weights_root=weights, device="cpu")
    other, _ = load("base", weights_root=weights, device="cpu", dtype="float32")
    monkeypatch.setenv("COMPANION_DEVICE", "cpu:0")

    assert (model.dtype, other.dtype) == (torch.bfloat16, torch.float32)
    assert pick_device() == torch.device("cpu:0")


def test_vectors_are_float32_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPANION_DTYPE", "float16")

    assert load("embedding", source="pocket").model.dtype == torch.float32


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("DEVICE", "gpu", "unknown device 'gpu' (environment variable COMPANION_DEVICE)"),
        ("DEVICE", "cpu:3", "device 'cpu:3' (environment variable COMPANION_DEVICE) is not"),
        ("DTYPE", "haif", "COMPANION_DTYPE must be 'float32', 'bfloat16' or 'float16', got 'haif'"),
        ("DTYPE", "int8", "COMPANION_DTYPE must be"),
    ],
)
def test_variables_of_the_environment_are_checked(
    weights: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(f"COMPANION_{variable}", value)

    with pytest.raises(ValueError, match=re.escape(words)):
        load("base", weights_root=weights)


@pytest.mark.parametrize("variable", ["COMPANION_DEVICE", "COMPANION_DTYPE"])
def test_an_empty_variable_says_nothing(
    weights: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "")

    model, _ = load("base", weights_root=weights)

    assert (model.device.type, model.dtype) == ("cpu", torch.float32)


@pytest.mark.gpu
def test_a_gpu_is_used_if_there_is_one() -> None:
    assert pick_device().type == "cuda"


@pytest.mark.gpu
def test_a_gpu_computes_in_the_best_dtype_it_has(checkpoint: Path) -> None:
    model, tokenizer = load(checkpoint)

    (one,) = generate(model, tokenizer, "Hello", SamplingParams(5, temperature=0))
    assert model.device.type == "cuda"
    assert model.dtype == (
        torch.bfloat16 if torch.cuda.get_device_capability() >= (8, 0) else torch.float16
    )
    assert len(one.token_ids) == 5


def test_the_size_is_known_before_loading(checkpoint: Path, llama) -> None:
    assert parameter_count(checkpoint) == llama.num_parameters()


def test_what_does_not_fit_is_refused_with_numbers() -> None:
    with pytest.raises(
        NotEnoughMemoryError, match=r"big needs 3.00 GiB.*cpu has 2.00 GiB free. Choose a smaller"
    ):
        check_memory("big", 3 * 2**30, 2 * 2**30, torch.device("cpu"))


@pytest.mark.parametrize("available", [None, 100])
def test_what_fits_or_can_not_be_known_is_let_through(available: int | None) -> None:
    check_memory("small", 100, available, torch.device("cpu"))


@pytest.mark.skipif(not psutil.LINUX, reason="psutil counts otherwise there")
def test_the_free_memory_is_what_psutil_finds_but_for_a_moment_or_a_limit_below_it() -> None:
    found = psutil.virtual_memory()

    assert 2**28 < available_memory("cpu") <= min(found.total, 1.5 * found.available + 2**30)


def test_a_model_larger_than_memory_is_refused_before_it_is_read(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": 10**12}))

    with pytest.raises(NotEnoughMemoryError, match="GiB for its weights"):
        load(folder)
