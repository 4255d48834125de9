"""What the pictures take from the pocket models: sizes, tokens, ids. No weights are loaded."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

import companion

_WEIGHTS = Path(companion.__file__).parent / "pocket" / "weights"


@functools.cache
def sizes() -> dict[str, Any]:
    """The configuration of pocket-base."""
    return json.loads((_WEIGHTS / "base" / "config.json").read_text(encoding="utf-8"))


@functools.cache
def tokenizer(role: str = "base") -> Any:
    """The tokenizer of a pocket model, "base" or "chat"."""
    return AutoTokenizer.from_pretrained(_WEIGHTS / role)


def tokens(text: str) -> tuple[list[str], list[int]]:
    """The tokens of a text for pocket-base, with a low line for a space, and their ids."""
    ids = tokenizer()(text, add_special_tokens=False).input_ids
    return [shown(tokenizer().decode([token])) for token in ids], ids


def shown(text: str) -> str:
    """A token as a picture shows it: the space and the line break as signs."""
    return text.replace(" ", "_").replace("\n", "↵")
