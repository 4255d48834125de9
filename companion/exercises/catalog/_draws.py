"""Draw the parts of a case from its seed."""

from random import Random

import numpy as np

# fmt: off
_WORDS = (
    "amber", "anchor", "basket", "beacon", "bridge", "candle", "canyon", "cedar", "cellar",
    "copper", "cotton", "desert", "ember", "falcon", "ferry", "forest", "garden", "glacier",
    "harbor", "hazel", "island", "jacket", "kettle", "lantern", "lemon", "maple", "marble",
    "meadow", "mirror", "needle", "ocean", "orchard", "paper", "pebble", "pepper", "pillow",
    "quarry", "ribbon", "river", "saddle", "salmon", "shelter", "silver", "spruce", "stable",
    "tablet", "temple", "timber", "tunnel", "valley", "velvet", "violet", "wagon", "walnut",
    "willow", "window", "winter",
)
# fmt: on


def numbers(rng: Random, low: float, high: float, *shape: int, digits: int = 1) -> np.ndarray:
    """Return an array of rounded numbers, short enough to be read in a message.

    Args:
        rng: Of the case's seed.
        low: Smallest number.
        high: Largest number.
        shape: Shape of the array.
        digits: Digits after the point.
    """
    drawn = [rng.uniform(low, high) for _ in range(int(np.prod(shape)))]
    return np.round(drawn, digits).reshape(shape)


def some_words(rng: Random, count: int) -> list[str]:
    """Return different words."""
    return rng.sample(_WORDS, count)
