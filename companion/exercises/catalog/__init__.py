"""All exercises, one module per topic. Each module lists its own in ``EXERCISES``."""

import difflib
from functools import cache
from importlib import import_module

from companion.exercises.exercise import Exercise

# Section, module, ids: in the order of the book. The ids are here so that one exercise can be found
# without importing all of them; one module needs torch.
CONTENTS: dict[str, dict[str, tuple[str, ...]]] = {
    "gpt": {
        "attention": (
            "causal-mask",
            "attention-head",
        ),
        "architecture": (
            "layer-norm",
            "encoder-tasks",
            "gpt-and-bert",
        ),
        "sizes": (
            "kv-cache-bytes",
            "llama-2-cache",
            "gpt2-parameters",
        ),
        "tokenization": (
            "bpe-merge",
            "bpe-training",
        ),
        "padding": ("left-padding",),
        "likelihood": (
            "stable-cross-entropy",
            "padded-perplexity",
            "perplexity-by-hand",
        ),
        "sampling": (
            "softmax-temperature",
            "draw-tokens",
            "temperature-output",
        ),
        "filters": (
            "top-k-filter",
            "top-p-filter",
        ),
        "decoding": (
            "greedy-generation",
            "no-repeat-ngram",
        ),
        "beams": ("beam-search",),
    },
    "training": {
        "optimizer": (
            "cosine-schedule",
            "adamw-step",
        ),
        "scales": (
            "clip-gradients",
            "whiten-advantages",
        ),
        "labels": (
            "completion-labels",
            "collate",
        ),
        "objectives": (
            "completion-loss",
            "pairwise-loss",
        ),
        "preferences": (
            "preference-accuracy",
            "best-of-n",
        ),
        "rewards": (
            "kl-k3",
            "token-rewards",
        ),
        "advantages": (
            "gae",
            "group-advantages",
        ),
        "policies": (
            "ppo-policy-loss",
            "dpo-loss",
        ),
        "lora": ("lora-layer",),
        "adapters": (
            "merge-lora",
            "bottleneck-adapter",
        ),
        "lora_counts": (
            "lora-entries",
            "lora-share",
            "gpt2-lora-trained",
            "gpt2-lora-share",
            "lora-why",
        ),
        "stages": (
            "ppo-networks",
            "rlhf-order",
            "rlhf-steps",
            "reverse-a-list",
            "print-trainable",
        ),
    },
    "prompting": {
        "prompts": (
            "few-shot-prompt",
            "fix-the-template",
        ),
        "answers": (
            "extract-number",
            "self-consistency-vote",
        ),
        "reasoning": (
            "wilson-interval",
            "why-chains-help",
        ),
        "turns": (
            "chat-prompt",
            "neutralize-data",
            "injection-defenses",
        ),
    },
    "open-models": {
        "footprint": (
            "weights-memory",
            "seven-billion-4-bit",
            "what-fits",
        ),
        "number_formats": (
            "sixteen-bits",
            "nf4-bits",
        ),
        "quantization": (
            "absmax-quantize",
            "codebook-blocks",
        ),
        "llama": (
            "rms-norm",
            "swiglu",
        ),
        "llama_attention": (
            "grouped-query-scores",
            "rotary-positions",
        ),
    },
    "applications": {
        "retrieval": (
            "chunks-with-overlap",
            "recall-and-mrr",
        ),
        "vector_search": (
            "nearest-vectors",
            "ivf-search",
        ),
        "ranking": (
            "bm25",
            "reciprocal-rank-fusion",
        ),
        "citations": ("cited-sources",),
        "rag": ("rag-system",),
        "calculator": ("safe-calculator",),
        "tool_calls": ("parse-tool-call",),
        "tool_loop": (
            "tool-loop",
            "least-privilege",
        ),
        "conversation": (
            "trim-history",
            "conversation-tokens",
        ),
        "redaction": ("redact-personal-data",),
    },
    "summary": {
        "decisions": (
            "which-lever",
            "explain-the-decision",
        ),
    },
}


def ids(section: str | None = None) -> list[str]:
    """Return the ids of a section, or of all, in the order of the book."""
    sections = CONTENTS if section is None else {section: CONTENTS[section]}
    return [name for modules in sections.values() for names in modules.values() for name in names]


@cache
def _module(name: str) -> dict[str, Exercise]:
    exercises = import_module(f"{__name__}.{name}").EXERCISES
    return {exercise.id: exercise for exercise in exercises}


def find(exercise_id: str) -> Exercise:
    """Return the exercise of this id.

    Raises:
        ValueError: If there is none; the message names the nearest ids.
    """
    for modules in CONTENTS.values():
        for module, names in modules.items():
            if exercise_id in names:
                return _module(module)[exercise_id]
    near = difflib.get_close_matches(str(exercise_id), ids(), 3, 0.4) or ids()[:3]
    raise ValueError(f"there is no exercise {exercise_id!r}; did you mean {', '.join(near)}?")


def of_section(section: str) -> list[Exercise]:
    """Return the exercises of a section."""
    return [find(name) for name in ids(section)]


def all_exercises() -> list[Exercise]:
    """Return every exercise, in the order of the book. This imports torch."""
    return [find(name) for name in ids()]
