"""Pocket models as GGUF files: read back they are the same, and llama.cpp computes the same."""

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

import companion
from companion.models.gguf_export import export_gguf, gguf_tensors, pairs_together
from companion.models.gguf_file import convert

pytest.importorskip("gguf")


@pytest.fixture(scope="module")
def small() -> LlamaForCausalLM:
    """A Llama in which two query heads share a key/value head."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=2048, hidden_size=64, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128,
        tie_word_embeddings=True, bos_token_id=0, eos_token_id=0, pad_token_id=1,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    model.generation_config.eos_token_id = [0, 2]
    return model


@pytest.fixture(scope="module")
def tokenizer() -> object:
    return companion.load("chat", source="pocket").tokenizer


def test_pairs_that_turn_together_become_neighbors() -> None:
    rows = torch.arange(8)[:, None]

    reordered = pairs_together(rows, heads=2).flatten().tolist()

    assert reordered == [0, 2, 1, 3, 4, 6, 5, 7]


def test_read_back_it_is_the_same_model(small, tokenizer, tmp_path: Path) -> None:
    file = export_gguf(small, tokenizer, tmp_path / "small.gguf", dtype=torch.float32)
    folder = tmp_path / "back"
    folder.mkdir()
    convert(file, folder, source="test")

    back, tokens = companion.load(folder, device="cpu", dtype="float32")

    ids = torch.tensor([[3, 4, 500, 6, 30]])
    torch.testing.assert_close(back(ids).logits, small(ids).logits, atol=1e-5, rtol=1e-5)
    text = "<|user|>\nAnna has 12 apples, 305 plums.<|end|>\n"
    assert tokens(text).input_ids == tokenizer(text).input_ids
    assert tokens.chat_template == tokenizer.chat_template
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_an_output_layer_of_its_own_is_written(small) -> None:
    tied = {name for name, _ in gguf_tensors(small)}
    config = LlamaConfig(**(small.config.to_dict() | {"tie_word_embeddings": False}))

    free = {name for name, _ in gguf_tensors(LlamaForCausalLM(config))}

    assert free - tied == {"output.weight"}


def test_another_architecture_is_refused(tokenizer, tmp_path: Path) -> None:
    model = GPT2LMHeadModel(GPT2Config(n_layer=1, n_embd=8, n_head=1, vocab_size=16))

    with pytest.raises(ValueError, match="must be a Llama without biases, got 'gpt2'"):
        export_gguf(model, tokenizer, tmp_path / "x.gguf")


def test_another_tokenizer_is_refused(small, tmp_path: Path) -> None:
    words = Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words)

    with pytest.raises(ValueError, match="must be a byte-level BPE with digits apart"):
        export_gguf(small, tokenizer, tmp_path / "x.gguf")


def test_another_dtype_is_refused(small, tokenizer, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"float16 or torch.float32, got torch.bfloat16"):
        export_gguf(small, tokenizer, tmp_path / "x.gguf", dtype=torch.bfloat16)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_llama_cpp_computes_the_same() -> None:
    pytest.importorskip("xllamacpp")
    from _experiments import engines

    rows = engines.measure(scale=0.3)["engines"]

    exact = next(row for row in rows if (row["engine"], row["cache"]) == ("llama.cpp", "float32"))
    for ours, theirs in zip(rows[0]["logprobs"], exact["logprobs"], strict=True):
        assert theirs == pytest.approx(ours, abs=1e-4)
