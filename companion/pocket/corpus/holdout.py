"""What training may see and what evaluation may ask: two disjoint sets, by construction.

Every random item has a *key* (its numbers, names or words). A checksum of the key decides, once and for all, on which side the
item falls. Training redraws until the key is on the training side, evaluation until it is on the other one. There is no list to
keep and nothing to leak.
"""

import random
import zlib
from collections.abc import Callable
from typing import Literal, TypeVar

Split = Literal["train", "eval"]
T = TypeVar("T")

HELD_OUT_SHARE = 10  # one key in ten is for evaluation


def held_out(*key: object) -> bool:
    """Tell whether an item with this key is kept from training.

    Args:
        *key: Numbers, names or words that identify the item.

    Returns:
        True for about one key in ten, always the same ones on every machine.

    Example:
        >>> held_out("apples", 3, 4) == held_out("apples", 3, 4)
        True
    """
    return zlib.crc32(repr(key).encode()) % HELD_OUT_SHARE == 0


def draw(
    rng: random.Random, split: Split, sample: Callable[[random.Random], tuple[object, T]]
) -> T:
    """Draw from ``sample`` until the key is on the side of ``split``.

    Args:
        rng: Source of randomness.
        split: ``"train"`` or ``"eval"``.
        sample: Returns a pair of key and item.

    Returns:
        The first item whose key is on the right side.
    """
    while True:
        key, item = sample(rng)
        if held_out(key) == (split == "eval"):
            return item
