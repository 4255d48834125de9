"""A small context-free grammar: ``{symbol}`` in a template is replaced by a random expansion."""

import random
import re
from collections.abc import Mapping, Sequence

_SLOT = re.compile(r"\{(\w+)\}")


def expand(rng: random.Random, template: str, rules: Mapping[str, Sequence[str] | str]) -> str:
    """Replace every ``{symbol}`` of ``template``, again and again until none is left.

    Args:
        rng: Source of randomness.
        template: Text with symbols in braces.
        rules: For each symbol its expansions, or one fixed text.

    Returns:
        Text without symbols.

    Raises:
        KeyError: If a symbol has no rule.

    Example:
        >>> expand(random.Random(0), "a {size} dog", {"size": ["big"]})
        'a big dog'
    """

    def fill(match: re.Match[str]) -> str:
        options = rules[match[1]]
        return options if isinstance(options, str) else rng.choice(options)

    while _SLOT.search(template):
        template = _SLOT.sub(fill, template)
    return template
