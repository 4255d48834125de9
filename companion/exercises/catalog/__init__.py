"""All exercises, one module per topic. Each module lists its own in ``EXERCISES``."""

import difflib
from functools import cache
from importlib import import_module

from companion.exercises.exercise import Exercise
from companion.exercises.values import describe, type_name

# Section, id, module: in the order of the book's pages. They are here so that one exercise can be
# found without importing all of them; one module needs torch.
CONTENTS: dict[str, dict[str, str]] = {
    "gpt": {
        "causal-mask": "attention",
        "attention-head": "attention",
        "layer-norm": "architecture",
        "encoder-tasks": "architecture",
        "gpt-and-bert": "architecture",
        "gpt2-parameters": "sizes",
        "bpe-merge": "tokenization",
        "bpe-training": "tokenization",
        "left-padding": "padding",
        "stable-cross-entropy": "likelihood",
        "padded-perplexity": "likelihood",
        "perplexity-by-hand": "likelihood",
        "greedy-generation": "decoding",
        "softmax-temperature": "sampling",
        "draw-tokens": "sampling",
        "temperature-output": "sampling",
        "top-k-filter": "filters",
        "top-p-filter": "filters",
        "no-repeat-ngram": "decoding",
        "kv-cache-bytes": "sizes",
        "llama-2-cache": "sizes",
        "beam-search": "beams",
    },
    "training": {
        "rlhf-order": "stages",
        "rlhf-steps": "stages",
        "cosine-schedule": "optimizer",
        "adamw-step": "optimizer",
        "clip-gradients": "scales",
        "completion-labels": "labels",
        "collate": "labels",
        "completion-loss": "objectives",
        "pairwise-loss": "objectives",
        "preference-accuracy": "preferences",
        "best-of-n": "preferences",
        "reverse-a-list": "stages",
        "whiten-advantages": "scales",
        "kl-k3": "rewards",
        "token-rewards": "rewards",
        "gae": "advantages",
        "ppo-policy-loss": "policies",
        "ppo-networks": "stages",
        "group-advantages": "advantages",
        "dpo-loss": "policies",
        "lora-layer": "lora",
        "merge-lora": "adapters",
        "bottleneck-adapter": "adapters",
        "lora-entries": "lora_counts",
        "lora-share": "lora_counts",
        "gpt2-lora-trained": "lora_counts",
        "gpt2-lora-share": "lora_counts",
        "lora-why": "lora_counts",
        "print-trainable": "stages",
    },
    "prompting": {
        "few-shot-prompt": "prompts",
        "wilson-interval": "reasoning",
        "extract-number": "answers",
        "self-consistency-vote": "answers",
        "why-chains-help": "reasoning",
        "fix-the-template": "prompts",
        "chat-prompt": "turns",
        "neutralize-data": "turns",
        "injection-defenses": "turns",
    },
    "open-models": {
        "what-fits": "footprint",
        "rms-norm": "llama",
        "swiglu": "llama",
        "grouped-query-scores": "llama_attention",
        "rotary-positions": "llama_attention",
        "weights-memory": "footprint",
        "seven-billion-4-bit": "footprint",
        "sixteen-bits": "number_formats",
        "nf4-bits": "number_formats",
        "absmax-quantize": "quantization",
        "codebook-blocks": "quantization",
    },
    "applications": {
        "cited-sources": "citations",
        "rag-system": "rag",
        "chunks-with-overlap": "retrieval",
        "nearest-vectors": "vector_search",
        "recall-and-mrr": "retrieval",
        "bm25": "ranking",
        "reciprocal-rank-fusion": "ranking",
        "ivf-search": "vector_search",
        "safe-calculator": "calculator",
        "parse-tool-call": "tool_calls",
        "tool-loop": "tool_loop",
        "trim-history": "conversation",
        "conversation-tokens": "conversation",
        "least-privilege": "tool_loop",
        "redact-personal-data": "redaction",
    },
    "summary": {
        "which-lever": "decisions",
        "explain-the-decision": "decisions",
    },
}


def ids(section: str | None = None) -> list[str]:
    """Return the ids of a section, or of all, in the order of the book."""
    sections = CONTENTS if section is None else {section: CONTENTS[section]}
    return [name for names in sections.values() for name in names]


@cache
def _module(name: str) -> dict[str, Exercise]:
    exercises = import_module(f"{__name__}.{name}").EXERCISES
    return {exercise.id: exercise for exercise in exercises}


def find(exercise_id: str) -> Exercise:
    """Return the exercise of this id.

    Raises:
        ValueError: If there is none; the message names the nearest ids.
    """
    if not isinstance(exercise_id, str):
        raise ValueError(
            "name the exercise first, as text, and then give your answer: "
            f'ex.check("causal-mask", causal_mask); got {type_name(type(exercise_id))}'
        )
    for modules in CONTENTS.values():
        if exercise_id in modules:
            return _module(modules[exercise_id])[exercise_id]
    near = difflib.get_close_matches(exercise_id[:100], ids(), 3, 0.4) or ids()[:3]
    shown = describe(exercise_id)
    raise ValueError(f"there is no exercise {shown}; did you mean {', '.join(near)}?")


def of_section(section: str) -> list[Exercise]:
    """Return the exercises of a section."""
    return [find(name) for name in ids(section)]


def all_exercises() -> list[Exercise]:
    """Return every exercise, in the order of the book. This imports torch."""
    return [find(name) for name in ids()]
