"""Models from the Hub: success, refusals, damage, broken downloads, too large, no connection."""

import io
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import torch
from huggingface_hub import errors as hub_errors

from companion.errors import HubError, NotEnoughMemoryError, WeightsError
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.messages import prompt_text
from companion.models import HUB_MODELS, load
from companion.models.hub import HTTP_ERROR, fetch_snapshot, is_cached

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NOWHERE = "http://127.0.0.1:9"
WEIGHTS = "model.safetensors"


def damage(files: dict[str, bytes], name: str) -> None:
    """Change one bit of a served file."""
    data = bytearray(files[name])
    data[-1] ^= 1
    files[name] = bytes(data)


def test_a_hub_id_loads(hub, llama) -> None:
    server = hub()

    model, tokenizer = load("tiny/llama", dtype="float32", device="cpu")

    assert torch.equal(model.lm_head.weight, llama.lm_head.weight.half().float())
    assert tokenizer.padding_side == "left"
    assert server.fetched.count(WEIGHTS) == 1


@pytest.mark.parametrize("name", ["chat", "Qwen/Qwen3-0.6B"])
def test_the_chat_model_answers_by_role_and_by_id(
    hub, tiny_qwen3: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pinned = HUB_MODELS["Qwen/Qwen3-0.6B"].revision
    server = hub("Qwen/Qwen3-0.6B", tiny_qwen3)
    server.commits = {"pinned": pinned}
    monkeypatch.setenv("COMPANION_MODELS", "hub")

    model, tokenizer = load(name, device="cpu")

    prompt = prompt_text(tokenizer, [{"role": "user", "content": "Hello"}])
    (answer,) = generate(model, tokenizer, prompt, SamplingParams(4, temperature=0))
    assert prompt == "[user]Hello[assistant]"
    assert type(model).__name__ == "Qwen3ForCausalLM"
    assert 1 <= len(answer.token_ids) <= 4
    assert any(pinned in path for path in server.requests)


@pytest.mark.parametrize("name", ["base", "gpt2", "openai-community/gpt2"])
def test_gpt2_continues_text_by_role_alias_and_id(hub, tiny_gpt2: Path, gpt2, name: str) -> None:
    server = hub("openai-community/gpt2", tiny_gpt2)
    server.commits = {"pinned": HUB_MODELS["openai-community/gpt2"].revision}

    model, tokenizer = load(name, source="hub", device="cpu")

    assert model.num_parameters() == gpt2.num_parameters()
    texts = generate(model, tokenizer, ["One", "Two or"], SamplingParams(4, temperature=0))
    assert len(texts) == 2


def test_a_hub_model_can_be_quantized(hub, tiny_qwen3: Path) -> None:
    pytest.importorskip("bitsandbytes")
    hub("tiny/qwen3", tiny_qwen3)

    model, tokenizer = load("tiny/qwen3", device="cpu", quantization="nf4")

    with torch.no_grad():
        logits = model(**tokenizer("Hello", return_tensors="pt")).logits
    assert torch.isfinite(logits).all()


def test_loading_leaves_the_random_numbers_alone(hub) -> None:
    hub()
    torch.manual_seed(0)
    expected = torch.rand(1)

    torch.manual_seed(0)
    load("tiny/llama", device="cpu")

    assert torch.equal(torch.rand(1), expected)


# The cache


def test_a_pinned_commit_in_the_cache_needs_no_network(
    hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub()
    fetch_snapshot("tiny/llama", COMMIT)
    monkeypatch.setenv("HF_ENDPOINT", NOWHERE)

    model, _ = load("tiny/llama", revision=COMMIT, device="cpu")

    assert model.num_parameters() > 0


def test_a_pinned_commit_in_the_cache_asks_nobody(hub) -> None:
    server = hub()
    fetch_snapshot("tiny/llama", COMMIT)
    before = len(server.requests)

    load("tiny/llama", revision=COMMIT, device="cpu")

    assert len(server.requests) == before


def test_a_branch_in_the_cache_needs_no_network(hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub()
    load("tiny/llama", device="cpu")
    monkeypatch.setenv("HF_ENDPOINT", NOWHERE)

    model, _ = load("tiny/llama", device="cpu")

    assert model.num_parameters() > 0


def test_what_is_in_the_cache_is_known(hub) -> None:
    hub()
    assert not is_cached("tiny/llama", COMMIT)

    fetch_snapshot("tiny/llama", COMMIT)

    assert is_cached("tiny/llama", COMMIT)
    assert not is_cached("tiny/llama", "main")


def test_a_folder_with_nothing_but_the_configuration_is_no_cached_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    folder = tmp_path / "models--tiny--llama" / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")

    assert not is_cached("tiny/llama", COMMIT)


# What is fetched


def test_only_the_files_that_are_needed_are_fetched(hub, checkpoint: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / "more"))
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    (folder / "modeling.py").write_text("code")
    server = hub(folder=folder)

    fetched = fetch_snapshot("tiny/llama", COMMIT)

    assert {file.suffix for file in fetched.iterdir()} == {".json", ".safetensors"}
    assert not {"pytorch_model.bin", "modeling.py"} & set(server.fetched)


def test_the_pinned_commit_is_asked_for(hub) -> None:
    server = hub(error=(404, "RepoNotFound"))

    with pytest.raises(HubError):
        load("base", source="hub")

    assert all(HUB_MODELS["openai-community/gpt2"].revision in path for path in server.requests)


def test_a_revision_can_be_chosen(hub) -> None:
    server = hub()
    server.commits["of-mine"] = "f" * 40

    load("tiny/llama", revision="of-mine", device="cpu")

    assert any("f" * 40 in path for path in server.requests)
    assert not any(COMMIT in path for path in server.requests)


@pytest.mark.parametrize(("on_terminal", "shown"), [(True, True), (False, False)])
def test_progress_is_shown_on_a_terminal_only(
    hub, monkeypatch: pytest.MonkeyPatch, on_terminal: bool, shown: bool
) -> None:
    hub()
    stream = io.StringIO()
    stream.isatty = lambda: on_terminal
    monkeypatch.setattr(sys, "stderr", stream)

    fetch_snapshot("tiny/llama", COMMIT)

    assert ("100%" in stream.getvalue()) is shown


# Refusals before anything large is fetched


def test_a_model_too_large_for_memory_is_not_downloaded(
    hub, checkpoint: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / "giant"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": 10**12}))
    server = hub(folder=folder)

    with pytest.raises(NotEnoughMemoryError, match=r"tiny/llama needs .* GiB for its weights"):
        load("tiny/llama", device="cpu")

    assert server.fetched == ["config.json"]


def test_after_a_refusal_the_model_does_not_count_as_downloaded(hub) -> None:
    hub()

    def refuse(folder: Path) -> None:
        raise NotEnoughMemoryError(os.listdir(folder))

    with pytest.raises(NotEnoughMemoryError, match=r"\['config.json'\]"):
        fetch_snapshot("tiny/llama", COMMIT, check=refuse)

    assert not is_cached("tiny/llama", COMMIT)
    assert load("tiny/llama", revision=COMMIT, device="cpu").model.num_parameters() > 0


def test_a_model_too_large_for_the_disk_is_not_downloaded(hub) -> None:
    server = hub()
    server.sizes[WEIGHTS] = 10**18

    with pytest.raises(HubError, match=r"1000000000.00 GB, but the disk .* Free .*HF_HUB_CACHE"):
        load("tiny/llama", device="cpu")

    assert server.fetched == []


@pytest.mark.parametrize(
    ("name", "match"),
    [(WEIGHTS, "tiny/llama has no safetensors file"), ("config.json", "has no config.json")],
)
def test_a_repository_that_lacks_what_is_needed_is_refused(hub, name: str, match: str) -> None:
    server = hub()
    del server.files[name]

    with pytest.raises(HubError, match=rf"{match}, so nothing was downloaded. Pickled weights"):
        load("tiny/llama")

    assert server.fetched == []


def test_a_model_that_needs_code_is_refused_before_its_weights(
    hub, checkpoint: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / "code"))
    config = {"model_type": "new", "auto_map": {"AutoConfig": "code.Config"}}
    (folder / "config.json").write_text(json.dumps(config))
    server = hub(folder=folder)

    with pytest.raises(WeightsError, match="needs Python code from its repository"):
        load("tiny/llama", device="cpu")

    assert server.fetched == ["config.json"]


@pytest.mark.parametrize(
    ("status", "code", "match"),
    [
        (404, "RepoNotFound", "the Hub has no model 'tiny/llama', or it is private"),
        (401, "", "the Hub has no model 'tiny/llama', or it is private"),
        (401, "GatedRepo", "tiny/llama is gated: its owner wants you to accept the license"),
        (403, "GatedRepo", "tiny/llama is gated.*hf auth login"),
        (404, "RevisionNotFound", "tiny/llama has no revision 'main'"),
        (403, "", r"the Hub refused tiny/llama \(status 403\)"),
    ],
)
def test_a_refusal_of_the_hub_is_explained(hub, status: int, code: str, match: str) -> None:
    hub(error=(status, code))

    with pytest.raises(HubError, match=match):
        load("tiny/llama")


def test_a_wrong_name_is_explained(hub) -> None:
    hub()

    with pytest.raises(HubError, match=r"no model 'tiny/llamb', or it is private. Check the spell"):
        load("tiny/llamb")


@pytest.mark.parametrize("revision", ["v9", "0" * 40])
def test_a_wrong_revision_is_explained(hub, revision: str) -> None:
    hub()

    with pytest.raises(HubError, match=rf"no revision '{revision}'. Pass 'main'"):
        load("tiny/llama", revision=revision)


def test_what_is_no_hub_id_is_explained(hub) -> None:
    hub()

    with pytest.raises(HubError, match="is not a Hub id: write owner/name"):
        load("ti ny/llama")


@pytest.mark.parametrize("revision", [None, COMMIT])
def test_no_server_is_explained_with_a_way_out(
    hub, monkeypatch: pytest.MonkeyPatch, revision: str | None
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", NOWHERE)

    with pytest.raises(HubError, match=r"can't reach the Hub.*source='pocket'"):
        load("tiny/llama", revision=revision)


# Damage and broken downloads


@pytest.mark.parametrize("name", [WEIGHTS, "config.json", "tokenizer.json"])
def test_a_file_other_than_announced_is_refused(hub, name: str) -> None:
    damage(hub().files, name)

    with pytest.raises(HubError, match=rf"{name} of tiny/llama is damaged.*Delete"):
        fetch_snapshot("tiny/llama", COMMIT)


@pytest.mark.parametrize("name", [WEIGHTS, "config.json", "tokenizer.json"])
def test_a_file_other_than_announced_is_refused_without_links_too(hub, no_links, name: str) -> None:
    damage(hub().files, name)

    with pytest.raises(HubError, match=rf"{name} of tiny/llama is damaged.*Delete"):
        fetch_snapshot("tiny/llama", COMMIT)


def test_without_links_a_model_loads_and_is_checked_again_at_each_load(hub, no_links) -> None:
    hub()
    folder = fetch_snapshot("tiny/llama", COMMIT)
    weights = folder / WEIGHTS
    assert not weights.is_symlink()
    assert load("tiny/llama", revision=COMMIT, device="cpu").model.num_parameters() > 0
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)

    with pytest.raises(HubError, match=f"{WEIGHTS} of tiny/llama is damaged"):
        load("tiny/llama", revision=COMMIT, device="cpu")


def test_a_file_that_the_repository_does_not_have_is_refused(hub) -> None:
    hub()
    folder = fetch_snapshot("tiny/llama", COMMIT)
    (folder / "adapter_config.json").write_text("{}")

    with pytest.raises(HubError, match=r"adapter_config.json is no file of tiny/llama"):
        load("tiny/llama", revision=COMMIT, device="cpu")


@pytest.mark.parametrize(
    "error",
    [
        AttributeError("'NoneType' object has no attribute 'request'"),
        RuntimeError("Cannot send a request, as the client has been closed."),
        HTTP_ERROR("no route"),
    ],
)
def test_whatever_the_connection_fails_with_is_explained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("companion.models.hub.snapshot_download", fail)

    with pytest.raises(HubError, match=r"can't reach the Hub for tiny/llama.*source='pocket'"):
        fetch_snapshot("tiny/llama", COMMIT)


def test_the_errors_of_the_http_library_are_those_that_the_hub_library_raises() -> None:
    assert issubclass(hub_errors.HfHubHTTPError, HTTP_ERROR)
    assert HTTP_ERROR.__module__.split(".")[0] in ("httpx", "httpx2")


def test_a_damaged_file_is_replaced_as_the_message_says(hub) -> None:
    server = hub()
    good = dict(server.files)
    damage(server.files, WEIGHTS)
    with pytest.raises(HubError, match="is damaged") as refusal:
        load("tiny/llama", device="cpu")
    server.files = good

    Path(str(refusal.value).split("Delete ")[1].split(" and run")[0]).unlink()

    model, _ = load("tiny/llama", device="cpu")
    assert model.num_parameters() > 0


def test_a_download_that_breaks_off_goes_on_where_it_stopped(
    hub, llama, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1024)
    server = hub()
    server.cut[WEIGHTS] = 2500

    model, _ = load("tiny/llama", device="cpu", dtype="float32")

    assert server.resumed == [(WEIGHTS, 2048)]  # whole chunks are kept
    assert torch.equal(model.lm_head.weight, llama.lm_head.weight.half().float())


def test_after_a_broken_download_the_next_call_fetches_what_is_missing(
    hub, llama, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1024)
    server = hub()
    server.cut[WEIGHTS], server.refuse_to_resume = 30_000, True
    with pytest.raises(HubError, match=r"status 503.*Run the same call again"):
        load("tiny/llama", device="cpu")
    assert not is_cached("tiny/llama", "main")

    model, _ = load("tiny/llama", device="cpu", dtype="float32")

    assert torch.equal(model.lm_head.weight, llama.lm_head.weight.half().float())
    assert server.fetched.count(WEIGHTS) == 2
    assert server.fetched.count("config.json") == 1


def test_a_file_shorter_than_announced_is_refused(hub) -> None:
    server = hub()
    server.sizes[WEIGHTS] += 10

    with pytest.raises(HubError, match=r"did not arrive completely.*Run the same call again"):
        fetch_snapshot("tiny/llama", COMMIT)


# The list of models
