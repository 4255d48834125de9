"""Drawn shapes into pocket-base, from three random starts, with ten of twelve pairs and with all.

The model is that of `companion.pocket.studies.images`; its projector is trained, and then LoRA with
it. Questions about blank pictures tell how much is guessed. Taught in
:doc:`/book/open-models/multimodal`.
"""

from typing import Any

import torch
from transformers import LlavaForConditionalGeneration

from companion.lora import inject_lora
from companion.pocket.studies.images import (
    HELD_OUT,
    PAIRS,
    QUESTIONS,
    SEEN,
    SIDE,
    Pair,
    accuracy,
    answers,
    asked_about,
    captions,
    join,
    sample,
    train,
    train_encoder,
    with_image_token,
)


def _scores(model: LlavaForConditionalGeneration, tokenizer: Any, count: int) -> dict[str, int]:
    result = {}
    for name, pairs in (("seen", SEEN), ("held out", HELD_OUT)):
        pictures, drawn = sample(pairs, count, 900)
        for kind in QUESTIONS:
            result[f"{name}, {kind}"] = accuracy(model, tokenizer, pictures, drawn, kind).right
            asked = asked_about(drawn, kind)
            unique = sorted({question for question, _ in asked})
            blank = torch.ones(len(unique), 3, SIDE, SIDE)
            said = dict(zip(unique, answers(model, tokenizer, blank, unique), strict=True))
            right = sum(said[question][0] == wanted for question, wanted in asked)
            result[f"{name}, {kind}, blank"] = right
    return result


def _run(pairs: list[Pair], seed: int, steps: int, count: int) -> dict[str, dict[str, int]]:
    loaded = with_image_token()
    tokenizer = loaded.tokenizer
    encoder, _ = train_encoder(captions(loaded), pairs, steps=steps, seed=seed)
    model = join(encoder, loaded, seed=seed)
    train(model, tokenizer, pairs, steps=max(4, steps // 4), seed=seed)
    projector = _scores(model, tokenizer, count)
    draws = torch.Generator().manual_seed(seed)
    language_model = model.model.language_model
    inject_lora(language_model, ["q_proj", "v_proj"], rank=8, alpha=16, generator=draws)
    train(model, tokenizer, pairs, steps=max(4, steps // 8), rate=3e-3, seed=seed + 50)
    return {"projector": projector, "projector and LoRA": _scores(model, tokenizer, count)}


def measure(*, scale: float = 1.0) -> dict[str, Any]:
    """Train with ten pairs and with all twelve, then with LoRA, from three random starts."""
    steps, count = max(4, round(400 * scale)), max(4, round(200 * scale))
    found = []
    for seed in range(3 if scale >= 1 else 1):
        for name, pairs in (("ten", SEEN), ("all twelve", PAIRS)):
            for trained, scores in _run(pairs, seed, steps, count).items():
                found.append({"pairs": name, "trained": trained, "seed": seed, **scores})
    return {"pictures": count, "runs": found}
