"""A model of Llama's shape written as one GGUF file, for llama.cpp.

The file has the weights, the tokenizer, the chat template and the settings. Rows of the query and
key projections are reordered: `transformers` turns the pair ``(i, i + D/2)`` of a head by one angle
(RoPE), llama.cpp the pair ``(2i, 2i + 1)``. The way back is `companion.models.gguf_file`. Taught in
:doc:`/book/open-models/serving`.

Left out: other architectures, other tokenizers than the byte-level BPE of the pocket models,
quantization (llama.cpp does that itself).

Shape letters: ``H`` heads, ``D`` size of a head, ``W`` width.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from companion._extras import require
from companion._files import replacing

_PARTS = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
_PRE_TOKENIZER = "smollm"  # llama.cpp's name for: digits apart, then the pattern of GPT-2


def export_gguf(
    model: Any, tokenizer: Any, file: str | Path, *, dtype: torch.dtype = torch.float16
) -> Path:
    """Write a Llama with byte-level BPE as a GGUF file, in one move.

    Args:
        model: A ``LlamaForCausalLM`` of `transformers`, such as a pocket model.
        tokenizer: Its tokenizer.
        file: The file to write; an existing one is replaced.
        dtype: Of the matrices, float16 or float32; norms are float32.

    Returns:
        The file.

    Raises:
        ValueError: If the model, its tokenizer or the dtype is none of these.
        MissingExtraError: If the package gguf is not installed.
    """
    gguf, file = require("gguf", extra="open"), Path(file)
    _check(model, tokenizer, dtype)
    with replacing(file) as new:
        writer = gguf.GGUFWriter(str(new), "llama")
        _write_settings(writer, model, gguf, dtype)
        _write_tokenizer(writer, model, tokenizer, gguf)
        for tensor_name, tensor in gguf_tensors(model):
            kept = tensor.to("cpu", dtype if tensor.ndim > 1 else torch.float32)
            writer.add_tensor(tensor_name, kept.contiguous().numpy())
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return file


def pairs_together(weight: Tensor, heads: int) -> Tensor:
    """Reorder the rows of a query or key projection, so that rotated pairs are neighbors.

    Args:
        weight: Shape ``(H * D, W)``; in each head row i and row ``i + D/2`` turn together.
        heads: ``H``.

    Returns:
        The same shape; in each head rows ``2i`` and ``2i + 1`` turn together.

    Example:
        >>> pairs_together(torch.arange(4.0)[:, None], heads=1).flatten().tolist()
        [0.0, 2.0, 1.0, 3.0]
    """
    halves = weight.view(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
    return halves.transpose(1, 2).reshape(weight.shape)


def gguf_tensors(model: Any) -> Iterator[tuple[str, Tensor]]:
    """Yield every tensor of a Llama under its GGUF name."""
    config, weights = model.config, model.state_dict()
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    yield "token_embd.weight", weights["model.embed_tokens.weight"].cpu()
    yield "output_norm.weight", weights["model.norm.weight"].cpu()
    if not config.tie_word_embeddings:
        yield "output.weight", weights["lm_head.weight"].cpu()
    for layer in range(config.num_hidden_layers):
        for part, name in _PARTS.items():
            weight = weights[f"model.layers.{layer}.{part}.weight"].cpu()
            rotated = heads.get(part.rpartition(".")[2])
            yield (
                f"blk.{layer}.{name}.weight",
                pairs_together(weight, rotated) if rotated else weight,
            )


def _check(model: Any, tokenizer: Any, dtype: torch.dtype) -> None:
    config = model.config
    if config.model_type != "llama" or getattr(config, "attention_bias", False):
        raise ValueError(
            f"model must be a Llama without biases, got {config.model_type!r}; llama.cpp's own "
            "convert_hf_to_gguf.py knows the others"
        )
    if model.get_output_embeddings() is None:
        raise ValueError(
            f"model must write text, got a {type(model).__name__}, which gives scores; only a "
            "folder can be made of it"
        )
    stated = json.loads(tokenizer.backend_tokenizer.to_str())
    steps = [step["type"] for step in stated["pre_tokenizer"].get("pretokenizers", [])]
    if stated["model"]["type"] != "BPE" or steps != ["Digits", "ByteLevel"]:
        raise ValueError(
            f"tokenizer must be a byte-level BPE with digits apart, got {stated['model']['type']} "
            f"after {steps}"
        )
    if dtype not in (torch.float16, torch.float32):
        raise ValueError(f"dtype must be torch.float16 or torch.float32, got {dtype}")


def _write_settings(writer: Any, model: Any, gguf: Any, dtype: torch.dtype) -> None:
    config = model.config
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    kind = gguf.LlamaFileType
    writer.add_name(Path(getattr(model, "name_or_path", "") or "model").name)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_rope_dimension_count(head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_file_type(kind.MOSTLY_F16 if dtype == torch.float16 else kind.ALL_F32)


def _write_tokenizer(writer: Any, model: Any, tokenizer: Any, gguf: Any) -> None:
    stated = json.loads(tokenizer.backend_tokenizer.to_str())
    special = {entry["id"]: entry["content"] for entry in stated["added_tokens"]}
    pieces = {number: piece for piece, number in stated["model"]["vocab"].items()}
    tokens, kinds = [], []
    for number in range(model.config.vocab_size):
        known = special.get(number, pieces.get(number))
        tokens.append(known if known is not None else f"[unused {number}]")
        if number in special:
            kinds.append(gguf.TokenType.CONTROL)
        else:
            kinds.append(gguf.TokenType.NORMAL if known else gguf.TokenType.UNUSED)
    ends = model.generation_config.eos_token_id
    ends = ends if isinstance(ends, list) else [ends]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_PRE_TOKENIZER)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in stated["model"]["merges"]])
    writer.add_bos_token_id(model.config.bos_token_id)
    writer.add_eos_token_id(ends[-1])  # of several, the last: the end of a turn
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_add_bos_token(False)
    if tokenizer.chat_template:
        writer.add_chat_template(tokenizer.chat_template)
