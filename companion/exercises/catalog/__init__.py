"""All exercises. A folder is a section, a module has exercises of one page.

An exercise comes in the order in which it is written, a module in the order of `CONTENTS`, which
is that of the book. Nothing else is said here, so a new exercise touches its module only.
"""

import difflib
from collections.abc import Collection
from functools import cache
from importlib import import_module

from companion.exercises.comparison import describe
from companion.exercises.exercise import Exercise
from companion.exercises.values import type_name

CONTENTS: dict[str, tuple[str, ...]] = {
    "gpt": (
        "tokenization",
        "encoding",
        "attention",
        "architecture",
        "padding",
        "likelihood",
        "greedy",
        "sampling",
        "filters",
        "ngrams",
        "kv_cache",
        "cached",
        "decoding",
        "inside",
        "variants",
    ),
    "training": (
        "pipeline",
        "pretraining",
        "clipping",
        "scaling",
        "accumulation",
        "data",
        "labels",
        "completion_loss",
        "packing",
        "reward_loss",
        "preferences",
        "whitening",
        "rewards",
        "gae",
        "ppo",
        "dpo_grpo",
        "grpo",
        "reasoning",
        "lora",
        "adapters",
        "lora_counts",
        "processes",
    ),
    "prompting": ("few_shot", "chain_of_thought", "prompt_design", "injection"),
    "open-models": (
        "landscape",
        "llama",
        "llama_attention",
        "memory",
        "quantization",
        "serving",
        "multimodal",
        "image_places",
    ),
    "applications": (
        "citations",
        "rag",
        "documents",
        "embeddings",
        "measures",
        "ranking",
        "reranking",
        "rewriting",
        "approximate_search",
        "vector_stores",
        "calculator",
        "tool_calls",
        "tool_loop",
        "structured_output",
        "output_checks",
        "agents",
        "agent_limits",
        "conversation",
        "evaluation",
        "verdicts",
        "safety",
        "privacy",
    ),
    "summary": ("decisions", "operating"),
}

# A module that takes long to import, since it needs torch, is imported when one of its exercises
# is asked for, and not to look for another.
SLOW = {"lora": ("lora-layer",)}


@cache
def _module(section: str, name: str) -> dict[str, Exercise]:
    module = import_module(f"{__name__}.{section.replace('-', '_')}.{name}")
    return module.page.exercises


def _names(section: str, module: str) -> Collection[str]:
    return SLOW.get(module) or _module(section, module)


def ids(section: str | None = None) -> list[str]:
    """Return the ids of a section, or of all, in the order of the book."""
    sections = CONTENTS if section is None else (section,)
    return [
        name
        for section in sections
        for module in CONTENTS[section]
        for name in _names(section, module)
    ]


def find(exercise_id: str, place: tuple[str, str] | None = None) -> Exercise:
    """Return the exercise of this id.

    Args:
        exercise_id: The id.
        place: Section and module, as in `CONTENTS`, for whoever knows them and is in a hurry: then
            only this module is imported.

    Raises:
        ValueError: If there is none; the message names the nearest ids.
    """
    if place is not None and place[1] in CONTENTS.get(place[0], ()):
        named = _module(*place)
        if exercise_id in named:
            return named[exercise_id]
    if not isinstance(exercise_id, str):
        raise ValueError(
            "name the exercise first, as text, and then give your answer: "
            f'ex.check("causal-mask", causal_mask); got {type_name(type(exercise_id))}'
        )
    for section, modules in CONTENTS.items():
        for module in modules:
            if exercise_id in _names(section, module):
                return _module(section, module)[exercise_id]
    near = difflib.get_close_matches(exercise_id[:100], ids(), 3, 0.4) or ids()[:3]
    shown = describe(exercise_id)
    raise ValueError(f"there is no exercise {shown}; did you mean {', '.join(near)}?")


def places() -> dict[str, tuple[str, str]]:
    """Return section and module of each exercise, in the order of the book."""
    return {
        name: (section, module)
        for section, modules in CONTENTS.items()
        for module in modules
        for name in _names(section, module)
    }


def of_section(section: str) -> list[Exercise]:
    """Return the exercises of a section."""
    return [
        exercise for module in CONTENTS[section] for exercise in _module(section, module).values()
    ]


def all_exercises() -> list[Exercise]:
    """Return every exercise, in the order of the book. This imports torch."""
    return [exercise for section in CONTENTS for exercise in of_section(section)]
