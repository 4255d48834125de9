"""The generation loop: greedy decoding and sampling, in batches, streaming or not.

One loop serves everything, `decode_steps`: run the model on the newest tokens, reshape the
distribution, pick one token per sequence, append it and say what it was. ``model.generate`` of
`transformers` gives the same tokens; the tests hold the two together.

Left out: beam search (`companion.generation.beam_search`), assisted decoding. Call ``model.eval()``
first (`companion.load` does): with dropout on, nothing is reproducible. Taught in
:doc:`/book/gpt/decoding`.

Shape letters: ``B`` sequences (prompts times ``n``), ``T`` tokens so far, ``V`` vocabulary size.
"""

import math
from collections import deque
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from companion.generation import logits as filters
from companion.generation.batching import (
    check_context,
    encode_prompts,
    eos_token_ids,
    left_pad,
    padding_id,
)
from companion.generation.cache import next_token_logits
from companion.generation.params import SamplingParams
from companion.generation.sampling import draw_uniforms, sample_tokens
from companion.generation.sequences import Generation, GrowingSequence
from companion.generation.stopping import settled_length

LogitsFilter = Callable[[Tensor, list[list[int]]], Tensor]


class NewToken(NamedTuple):
    """The token that one step of the loop chose for one sequence."""

    token: int
    """Its id."""
    logprob: float
    """Its log-probability in nats under the raw model, as in `Generation.logprobs`."""


def generate(
    model: Any,
    tokenizer: Any,
    prompts: str | list[str],
    params: SamplingParams | None = None,
    *,
    generator: torch.Generator | None = None,
    use_cache: bool = True,
    logits_filter: LogitsFilter | None = None,
) -> list[Generation]:
    """Continue each prompt, all of them in one left-padded batch.

    A prompt in a batch gets the tokens that it would get alone, up to floating-point rounding:
    padding is hidden from the model and from the penalties. When sampling, sequence ``i`` draws
    the same random numbers whatever stands behind it in the batch. Taught in
    :doc:`/book/gpt/decoding`.

    Args:
        model: A causal language model in eval mode.
        tokenizer: Its tokenizer.
        prompts: One text or a list of texts, none empty.
        params: How to choose tokens; ``SamplingParams()`` if None, which samples.
        generator: Source of randomness, such as ``torch.Generator().manual_seed(0)``. The global
            one of torch if None. Unused with temperature 0.
        use_cache: False recomputes the whole sequence at every step: same tokens, more work.
        logits_filter: Changes the logits before everything else; see `decode_steps`.

    Returns:
        ``n`` continuations per prompt, in the order of the prompts.

    Raises:
        ValueError: If a prompt is empty, ``top_k`` exceeds the vocabulary, or the filters leave
            no token to choose from.
        ContextLengthError: If a prompt plus ``max_new_tokens`` exceeds the model's context.
    """
    params = params or SamplingParams()
    prompts = [prompts] if isinstance(prompts, str) else list(prompts)
    if not prompts:
        return []
    token_ids, sequences = _prepare(model, tokenizer, prompts, params)
    steps = decode_steps(
        model,
        token_ids,
        sequences,
        params,
        generator,
        use_cache=use_cache,
        logits_filter=logits_filter,
    )
    deque(steps, maxlen=0)  # run to the end; what each step chose is in the sequences
    return [sequence.result() for sequence in sequences]


def stream(
    model: Any,
    tokenizer: Any,
    prompt: str,
    params: SamplingParams | None = None,
    *,
    generator: torch.Generator | None = None,
    logits_filter: LogitsFilter | None = None,
) -> Generator[str, None, Generation]:
    """Continue one prompt and hand out the text piece by piece, while it is being written.

    The pieces joined are the ``text`` that `generate` returns for the same seed. A piece is held
    back while it may still change: half a character, or what may become a stop string. Leaving
    the loop early (``break``, Ctrl-C, ``.close()``) stops the model at once. Taught in
    :doc:`/book/gpt/decoding`.

    Args:
        model: A causal language model in eval mode.
        tokenizer: Its tokenizer.
        prompt: One text, not empty.
        params: How to choose tokens, with ``n=1``.
        generator: Source of randomness, as in `generate`.
        logits_filter: As in `generate`.

    Returns:
        An iterator over pieces of text. Its return value (of ``yield from``) is the `Generation`.

    Raises:
        ValueError: If ``n`` is not 1 or the prompt is empty. Raised here, not at the first piece.
        ContextLengthError: If the prompt plus ``max_new_tokens`` exceeds the context.
    """
    params = params or SamplingParams()
    if params.n != 1:
        raise ValueError(f"stream writes one text, so n must be 1, got {params.n}. Use generate.")
    token_ids, (sequence,) = _prepare(model, tokenizer, [prompt], params)

    def pieces() -> Generator[str, None, Generation]:
        shown = 0
        steps = decode_steps(
            model, token_ids, [sequence], params, generator, logits_filter=logits_filter
        )
        for _ in steps:
            text = sequence.text()
            settled = len(text) if sequence.finish_reason else settled_length(text, params.stop)
            if settled > shown:
                yield text[shown:settled]
                shown = settled
        return sequence.result()

    return pieces()


def decode_steps(
    model: Any,
    prompt_ids: list[list[int]],
    sequences: list[GrowingSequence],
    params: SamplingParams,
    generator: torch.Generator | None = None,
    *,
    use_cache: bool = True,
    logits_filter: LogitsFilter | None = None,
) -> Iterator[list[NewToken | None]]:
    """Run the generation loop: every step adds one token to every unfinished sequence.

    On a GPU, a step waits for the device once: what it chose comes over in one piece. Penalties
    of n-grams and a ``logits_filter`` may wait by themselves.

    Args:
        model: A causal language model in eval mode.
        prompt_ids: Tokens of each sequence's prompt, ``B`` lists.
        sequences: The ``B`` sequences to write into.
        params: How to choose tokens.
        generator: Source of randomness.
        use_cache: Keep keys and values between steps.
        logits_filter: Gets the raw logits, shape ``(B, V)``, and the tokens generated so far, one
            list per sequence; returns logits of the same shape, -inf for what must not be chosen.
            Penalties, temperature and the other filters act on what is left. Constrained decoding
            is such a filter: :doc:`/book/applications/function-calling`.

    Yields:
        After each step, what was appended to each sequence: ``B`` entries, None for a sequence
        that had ended before.
    """
    # The batch: prompts end in the last column. Random numbers are drawn for all steps at once.
    pad_id = padding_id(sequences[0].tokenizer)
    ids, mask = (tensor.to(model.device) for tensor in left_pad(prompt_ids, pad_id))  # (B, T)
    greedy = params.temperature == 0
    uniforms = None if greedy else draw_uniforms(len(ids), params.max_new_tokens, generator)
    ended = [False] * len(sequences)
    padded = torch.tensor(ended, device=ids.device)  # (B,), the same on the device
    cache = None
    for step in range(params.max_new_tokens):
        # 1. The model reads: the prompts in the first step (prefill), then the newest column only.
        logits, cache = next_token_logits(model, ids, mask, cache, use_cache=use_cache)  # (B, V)

        # 2. What may be chosen, and how likely: the caller's filter, penalties, temperature, top-p.
        allowed = logits
        if logits_filter is not None:
            allowed = logits_filter(logits, [list(sequence.token_ids) for sequence in sequences])
        scores = shape_logits(allowed, ids.masked_fill(mask == 0, -1), params)  # (B, V)

        # 3. One token per row; a row that has ended gets padding. Its log-probability is the raw
        #    model's, whatever step 2 did.
        tokens = scores.argmax(dim=-1) if greedy else sample_tokens(scores, uniforms[:, step])
        tokens = torch.where(padded, pad_id, tokens)[:, None]  # (B, 1)
        logprobs = logits.log_softmax(dim=-1).gather(-1, tokens)  # (B, 1)

        # 4. To the host, all rows at once. (float32 holds every id up to 2 ** 24.)
        decided = torch.cat([tokens.float(), logprobs, scores.amax(-1, keepdim=True).float()], -1)
        new: list[NewToken | None] = [None] * len(sequences)
        for row, (token, logprob, best) in enumerate(decided.tolist()):
            if not ended[row]:
                _check_choice(best)
                new[row] = NewToken(int(token), logprob)
                sequences[row].append(*new[row])
        yield new

        # 5. Which rows have ended? The others go on, with one column more.
        now_ended = [bool(sequence.finish_reason) for sequence in sequences]
        if now_ended != ended:
            ended, padded = now_ended, torch.tensor(now_ended, device=ids.device)
        if all(ended):
            return
        ids = torch.cat([ids, tokens], dim=-1)  # (B, T + 1)
        mask = torch.cat([mask, torch.ones_like(tokens)], dim=-1)


def shape_logits(logits: Tensor, input_ids: Tensor, params: SamplingParams) -> Tensor:
    """Apply penalties, temperature and filters, in the order of `transformers`.

    The order matters: top-p after a high temperature keeps more tokens than before it. What is
    switched off is skipped, and greedy decoding (temperature 0) needs the penalties only.

    Args:
        logits: Raw next-token logits, shape ``(B, V)``.
        input_ids: Tokens so far with -1 for padding, shape ``(B, T)``.
        params: What to apply.

    Returns:
        Logits to choose from, shape ``(B, V)``.
    """
    if params.repetition_penalty != 1:
        logits = filters.repetition_penalty(logits, input_ids, params.repetition_penalty)
    if params.no_repeat_ngram_size:
        logits = filters.no_repeat_ngram(logits, input_ids, params.no_repeat_ngram_size)
    if params.temperature == 0:
        return logits
    logits = filters.apply_temperature(logits, params.temperature)
    if params.top_k is not None:
        logits = filters.top_k_filter(logits, params.top_k)
    if params.top_p < 1:
        logits = filters.top_p_filter(logits, params.top_p)
    if params.min_p > 0:
        logits = filters.min_p_filter(logits, params.min_p)
    return logits


def _prepare(
    model: Any, tokenizer: Any, prompts: list[str], params: SamplingParams
) -> tuple[list[list[int]], list[GrowingSequence]]:
    """Tokenize and check the prompts, and repeat each one ``n`` times."""
    rows = encode_prompts(tokenizer, prompts)
    check_context(model.config, max(map(len, rows)), params.max_new_tokens)
    eos_ids = eos_token_ids(model, tokenizer)
    pairs = [pair for pair in zip(prompts, rows, strict=True) for _ in range(params.n)]
    sequences = [GrowingSequence(prompt, tokenizer, params, eos_ids) for prompt, _ in pairs]
    return [row for _, row in pairs], sequences


def _check_choice(best: float) -> None:
    """Refuse a row in which no token can be chosen: every logit -inf, or a NaN from the model.

    Args:
        best: Its highest logit.
    """
    if math.isfinite(best):
        return
    if best == float("-inf"):
        raise ValueError(
            "every token is banned: no_repeat_ngram_size or logits_filter leaves nothing to write. "
            "Raise the former, or lower max_new_tokens."
        )
    raise ValueError(
        "the logits are not finite. If the model runs in float16, load it with dtype='bfloat16' "
        "or 'float32'; if the temperature is close to 0, use temperature=0."
    )
