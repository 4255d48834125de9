"""Set-ups for training a few parameters of a model: LoRA, adapters, prompt tuning.

Each function takes a model and freezes it, and returns one whose ``requires_grad`` parameters are
the method's own. Hand it to `companion.training.sft.sft_trainer` or to another trainer, without a
``peft_config``. Taught in :doc:`/book/training/lora`.
"""

import copy
from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from companion._checks import check_whole
from companion.adapters import check_token_ids, inject_adapters, train_tokens
from companion.generation.batching import context_length
from companion.generation.forward import cache_of, traits
from companion.linear_layers import Conv1D, find_layers, linear_names
from companion.lora import check_numbers
from companion.training.silence import library, silence

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel


def apply_lora(
    model: "PreTrainedModel",
    *,
    rank: int = 8,
    alpha: float | None = None,
    dropout: float = 0.0,
    targets: Sequence[str] | None = None,
    token_ids: Sequence[int] = (),
    seed: int = 0,
) -> "PeftModel":
    """Give a model LoRA layers of `peft`.

    They do what `companion.lora` does; `peft` adds saving, loading and switching.
    ``.merge_and_unload()`` gives back a plain model. Taught in :doc:`/book/training/lora`.

    Args:
        model: A causal language model. It is changed in place.
        rank: Rank of the updates.
        alpha: Updates are multiplied by ``alpha / rank``. None: ``2 * rank``.
        dropout: Share of the inputs of A that are dropped in training.
        targets: Names of layers. None: all linear layers but the one that gives the logits.
        token_ids: Tokens whose embeddings are trained too, such as those of a chat template that
            the model has not seen: ``trainable_token_indices`` of `peft`. They are saved with the
            updates. See `companion.adapters.train_tokens` for what it does.
        seed: Fixes the start values. The global generators are left alone.

    Returns:
        A ``peft.PeftModel``. Generate with it as with any model.

    Raises:
        ValueError: If a number is out of range, or a target matches nothing or a layer that can't
            take an update: see `companion.linear_layers.find_layers`. The model is then unchanged.
        MissingExtraError: If `peft` is not installed.
    """
    check_whole(rank=rank)
    alpha = 2 * rank if alpha is None else alpha
    check_numbers(rank, alpha, dropout)
    targets = linear_names(model) if targets is None else targets
    layers = find_layers(model, targets, quantized=True)
    rows = _rows(model, token_ids)
    peft = library("peft")
    config = peft.LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=list(targets),
        # A Conv1D, as in GPT-2, keeps its weight transposed; peft wants to be told.
        fan_in_fan_out=all(isinstance(layer, Conv1D) for layer in layers.values()),
        trainable_token_indices=rows,
        task_type="CAUSAL_LM",
    )
    return _wrap(model, config, seed)


def apply_adapter(
    model: "PreTrainedModel",
    *,
    size: int = 16,
    targets: Sequence[str] = ("o_proj", "down_proj"),
    token_ids: Sequence[int] = (),
    seed: int = 0,
) -> "PreTrainedModel":
    """Give a model bottleneck adapters, those of `companion.adapters`, since `peft` has none.

    Taught in :doc:`/book/training/lora`.

    Args:
        model: A causal language model. It is changed in place.
        size: Width of the bottleneck.
        targets: Names of the layers behind which an adapter goes. The default is right for
            models built as Llama is.
        token_ids: Tokens whose embeddings are trained too, as in `apply_lora`.
        seed: Fixes the start values. The global generators are left alone.

    Returns:
        The model itself.

    Raises:
        ValueError: If ``size`` is out of range, or a target matches no linear layer.
    """
    if len(token_ids):
        check_token_ids(model, token_ids)
    generator = torch.Generator().manual_seed(seed)
    inject_adapters(model, targets, size=size, generator=generator)
    if len(token_ids):
        train_tokens(model, token_ids)
    return model


def apply_prompt_tuning(
    model: "PreTrainedModel", *, tokens: int = 20, seed: int = 0
) -> "PeftModel":
    """Put trainable vectors before every input, where embeddings of tokens would be.

    Prompt tuning of Lester et al. 2021, https://arxiv.org/abs/2104.08691, by `peft`. The vectors
    start as embeddings of random tokens. Train without packing: only the first record of a packed
    row would follow the vectors. Generate through `SoftPromptModel`. Taught in
    :doc:`/book/training/lora`.

    Args:
        model: A causal language model. It is changed in place: frozen.
        tokens: Number of vectors. Each one takes a place in the context.
        seed: Fixes the start values. The global generators are left alone.

    Returns:
        A ``peft.PeftModel``.

    Raises:
        ValueError: If ``tokens`` is no whole number from 1 or leaves no room in the context, or if
            the model is one of `peft` already.
        MissingExtraError: If `peft` is not installed.
    """
    limit = context_length(model.config)
    check_whole(tokens=tokens)
    if limit is not None and tokens >= limit:
        raise ValueError(f"tokens must be less than the context of {limit}, got {tokens}")
    peft = library("peft")
    if isinstance(model, peft.PeftModel):
        raise ValueError(
            "the model is one of peft already, and a second soft prompt would end up inside the "
            "first: pass its get_base_model(), or merge_and_unload() where it has LoRA"
        )
    config = peft.PromptTuningConfig(
        num_virtual_tokens=tokens, prompt_tuning_init="SAMPLE_VOCAB", task_type="CAUSAL_LM"
    )
    return _wrap(model, config, seed)


class SoftPromptModel:
    """A model with a learned soft prompt that looks like a plain model from the outside.

    `companion.generate` and `companion.generation.scoring` can use it. ``PeftModel.generate`` is
    wrong for a batch of texts of different lengths: it drops the positions (with a warning), and
    the padding pushes each text away from the soft prompt. Here the soft prompt comes first, then
    the padding, and positions count what is real. Taught in :doc:`/book/training/lora`.

    Attributes:
        prompt: The learned vectors, shape ``(tokens, d)``.
        config: That of the model, with a context that is shorter by the soft prompt.
    """

    def __init__(self, tuned: Any) -> None:
        """Take the learned vectors and the model under them.

        Args:
            tuned: What `apply_prompt_tuning` returned, after training.
        """
        self.model = tuned.get_base_model().eval()
        self.prompt = tuned.get_prompt(batch_size=1)[0].detach()
        self.device, self.dtype = self.model.device, self.model.dtype
        self.generation_config = self.model.generation_config
        self.config = copy.copy(self.model.config)
        if context_length(self.config) is not None:
            self.config.max_position_embeddings -= len(self.prompt)

    def __call__(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        position_ids: Tensor,
        past_key_values: Any = None,
        *,
        use_cache: bool = True,
        logits_to_keep: int = 0,
    ) -> SimpleNamespace:
        """Return ``logits`` for the columns of ``input_ids``, and the cache.

        Args:
            input_ids: Token ids, shape ``(B, T)``; with a cache, those that are not in it.
            attention_mask: 1 for real tokens, 0 for padding, for all tokens so far.
            position_ids: Position of each token among the real ones, shape ``(B, T)``.
            past_key_values: What an earlier call returned.
            use_cache: Return a cache.
            logits_to_keep: Only the last so many columns; 0 for all of them.
        """
        rows, columns = input_ids.shape
        count = len(self.prompt)
        vectors = self.model.get_input_embeddings()(input_ids)  # (B, T, d)
        positions = position_ids + count
        if past_key_values is None:
            first = self.prompt.to(vectors.dtype).expand(rows, -1, -1)
            vectors = torch.cat([first, vectors], dim=1)  # (B, tokens + T, d)
            start = torch.arange(count, device=positions.device).expand(rows, -1)
            positions = torch.cat([start, positions], dim=1)
        ones = attention_mask.new_ones(rows, count)
        output = self.model(
            inputs_embeds=vectors,
            attention_mask=torch.cat([ones, attention_mask], dim=1),
            position_ids=positions,
            use_cache=use_cache,
            logits_to_keep=logits_to_keep or columns,
            **{traits(self.model).cache: past_key_values},
        )
        return SimpleNamespace(logits=output.logits, past_key_values=cache_of(output))


def _rows(model: "PreTrainedModel", token_ids: Sequence[int]) -> dict[str, list[int]] | None:
    """Name the tables that have rows for these tokens: the embeddings, and an output layer."""
    if not len(token_ids):
        return None
    ids = check_token_ids(model, token_ids)
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    names = {id(module): name for name, module in model.named_modules()}
    rows = {names[id(embedding)]: ids}
    if head is not None and head.weight is not embedding.weight:  # peft finds a shared table itself
        if head.bias is not None:
            raise ValueError(
                f"{names[id(head)]} has a bias, which peft leaves out once rows of it are trained: "
                "leave out token_ids"
            )
        rows[names[id(head)]] = ids
    return rows


def _wrap(model: "PreTrainedModel", config: Any, seed: int) -> "PeftModel":
    """Let peft change the model, with its own random numbers."""
    with torch.random.fork_rng(), silence():
        torch.manual_seed(seed)
        return library("peft").get_peft_model(model, config).eval()
