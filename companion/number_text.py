"""Numbers as people and models write them in text: the one reader for prompts and for rewards.

Understands ``-3`` (with a hyphen or a minus), ``1,234``, ``1 234``, ``$2.50``, ``.5``, ``1e3`` and
``1/2``. Taught in :doc:`/book/prompting/chain-of-thought`.

Left out: decimal commas, numbers in words, units.
"""

import re
from fractions import Fraction

LONGEST = 300
"""More digits than this are no number that a float could hold."""

# A hyphen between two numbers is a minus or a dash, not a sign. Thousands are set apart by commas
# or by one kind of blank: plain, no-break, thin or narrow.
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,3}(?:[ \u00a0\u2009\u202f]\d{3})+(?!\d)|\d+)"
_SIGN = r"(?:(?<![\d.)])[-\u2212]\s?)?"
NUMBER = re.compile(
    rf"(?P<sign>{_SIGN})[$€£¥]?\s?(?:(?P<fraction>\d+/\d+)(?![\d/])"
    rf"|(?P<plain>(?:{_DIGITS}(?:\.\d+)?|(?<![\w.])\.\d+)(?:[eE][+-]?\d+(?!\w))?))"
)


def find_numbers(text: str) -> list[int | float]:
    """Return the numbers in a text, in their order.

    Args:
        text: Any text.

    Returns:
        An int for each whole number, else a float.

    Raises:
        ValueError: If a number is too long to be one, see `LONGEST`.

    Example:
        >>> find_numbers("She pays $1,000.50 for 3 of them, or 1/2 of 2e3.")
        [1000.5, 3, 0.5, 2000]
    """
    return [_value(match) for match in NUMBER.finditer(text)]


def whole_number_text(text: str) -> int | float | None:
    """Return the number that a text consists of, or None if it is anything else.

    Args:
        text: A text such as ``" $42.0. "``; a period at the end does not count.
    """
    match = NUMBER.fullmatch(text.strip().removesuffix(".").strip())
    return None if match is None else _value(match)


def _value(match: re.Match[str]) -> int | float:
    written = match["fraction"] or re.sub(r"[,\s]", "", match["plain"])
    exponent = re.search(r"[eE]([+-]?\d+)$", written)
    if len(written) > LONGEST or (exponent and abs(int(exponent[1])) > LONGEST):
        raise ValueError(f"a number has {len(written)} digits or more than {LONGEST} places")
    if re.search(r"/0+$", written):
        raise ValueError(f"{written} divides by 0")
    value = Fraction(written)
    value = -value if match["sign"].strip() else value
    return int(value) if value.denominator == 1 else float(value)
