r"""Numbers as people and models write them in text: the one reader for prompts and for rewards.

Understands ``-3`` (with a hyphen, a minus, or the word), ``1,234``, ``1 234``, ``1'234``,
``$2.50``, ``.5``, ``1e3``, ``1/2``, ``1 1/2`` and ``\frac{1}{2}``. A hyphen after a letter or a
number is no sign (``GPT-3``, ``3-7``). What it can't read whole it refuses, instead of reading a
part: ``0x10``, ``10^3``, ``3,14``, ``10:30``, ``1.2.3``, ``5 million``, a half as one character.
Taught in :doc:`/book/prompting/chain-of-thought`.

Left out: numbers in words, units (``50%`` is 50), and expressions, which are several numbers.
"""

import re
from fractions import Fraction

LONGEST = 300
"""More digits than this are no number that a float could hold."""

_MINUS = "\\-\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"  # hyphens, figure and en dash, minus
_RAISED = "\u2070\u00b9\u00b2\u00b3\u2074-\u207f"
_PARTS = "\u00bc-\u00be\u2150-\u215e\u2189"  # one half, two thirds ... as one character
# What sets thousands apart: one of these all through, the last two as LaTeX writes it.
_MARKS = (",", "[ \u00a0\u2009\u202f]", "['\u2019]", "_", r"\{,\}", r",?\\[,!]")
_GROUPS = "|".join(rf"\d{{1,3}}(?:{mark}\d{{3}})+(?!\d)" for mark in _MARKS)
_DECIMAL = rf"(?:(?>{_GROUPS}|\d+)(?:\.\d+)?|(?<![\w.])\.\d+)"
_SLASH = r"[ \u00a0]?[/\u2044\u2215][ \u00a0]?"
_RATIO = rf"(?:{_DECIMAL}{_SLASH}{_DECIMAL}|\\[dt]?frac\{{{_DECIMAL}\}}\{{{_DECIMAL}\}})"
# What goes on after a number and makes another one of it, which is not read.
_MORE = "|".join(
    (
        r"[.,:'\u2019_]\d+",  # 1.2.3  3,14  10:30
        rf"{_SLASH}[{_MINUS}+(]?[$€£¥]?\d+",  # 1/2/3
        rf"(?:[{_MINUS}]|\s+and\s+)\d+{_SLASH}\d+",  # 1-1/2
        rf"\s?(?:\^|\*\*)[{{(]?[{_MINUS}+]?\w+[)}}]?",  # 10^3
        rf"\s?(?:[x\u00d7*\u00b7\u22c5]|\\times|\\cdot)\s?10(?=\s?\^|\*\*|[{_RAISED}])",  # 2 x 10^3
        rf"[{_RAISED}]+|\s?[{_PARTS}]",
        r"\s?(?:\u03c0|\u221a|\\pi|\\sqrt)\S*",
        r"(?<=\b0)[xXbBoO][0-9a-fA-F]+",
        r"[eE][+-]?\d\w*",
        r"(?:[kKMB]|bn|mn)(?!\w)",
        r"[ \u00a0-]?(?i:hundred|thousand|\w{0,12}illion|lakh|crore|dozen)(?:th)?s?(?!\w)",
    )
)
_REFUSED = rf"\\(?:[dt]?frac|binom|sqrt)\S*|(?:[\u00b1\u221a]|\+/[{_MINUS}]|\\pm)\s?\S*|[{_PARTS}]+"
NUMBER = re.compile(
    rf"(?=[\d.\\$€£¥+\u00b1\u221a{_PARTS}])(?:\\?[$€£¥]\s?)?(?:"
    rf"(?:(?P<whole>{_DECIMAL})(?: |\u00a0|(?=\\)))?(?P<ratio>{_RATIO})"
    rf"|(?P<plain>{_DECIMAL}(?:[eE][+-]?\d+(?!\w))?)"
    rf"|(?P<refused>{_REFUSED}))(?P<more>(?:{_MORE})*)"
)
_GLUED = re.compile(rf"(?P<left>[^\W_]|[)\]}}%.{_MINUS}])?[{_MINUS}]\Z")
_APART = re.compile(rf"(?P<left>\S*)(?P<gap>\s*)(?:(?P<hyphen>[{_MINUS}])|\bminus)\s+\Z", re.I)
_IS = re.compile("is|was|are|be|of|to|at|by|equals", re.IGNORECASE)


def find_numbers(text: str) -> list[int | float]:
    """Return the numbers in a text, in their order.

    Args:
        text: Any text.

    Returns:
        An int for each whole number, else a float.

    Raises:
        ValueError: If a number is written in a way that is not read, or is too long to be one, see
            `LONGEST`.

    Example:
        >>> find_numbers("She pays $1,000.50 for 3 of them, or 1/2 of 2e3.")
        [1000.5, 3, 0.5, 2000]
        >>> find_numbers("Room A-3 is at minus 1 1/2 degrees.")
        [3, -1.5]
    """
    return [_value(match) for match in NUMBER.finditer(text)]


def number_at(text: str, index: int) -> int | float | None:
    """Return one of the numbers in a text; the others need not be readable.

    Args:
        text: Any text.
        index: 0 for the first number, -1 for the last.

    Returns:
        An int if the number is whole, else a float. None if there are not so many numbers.

    Raises:
        ValueError: As in `find_numbers`.

    Example:
        >>> number_at("7, or 0x7", 0)
        7
    """
    try:
        return _value(list(NUMBER.finditer(text))[index])
    except IndexError:
        return None


def whole_number_text(text: str) -> int | float | None:
    """Return the number that a text consists of, or None if it is anything else.

    Args:
        text: A text such as ``" $42.0. "``; a period at the end does not count.

    Raises:
        ValueError: If it is a number that divides by 0 or is too long, see `LONGEST`.
    """
    text = text.strip().removesuffix(".").strip()
    sign = re.match(rf"(?:\+|[{_MINUS}]\s?|(?:minus|negative)\s+)?", text, re.IGNORECASE)
    match = NUMBER.match(text, sign.end())
    if match is None or match.end() < len(text) or match["refused"] or match["more"]:
        return None
    return _value(match)


def _value(match: re.Match[str]) -> int | float:
    written = match[0]
    if match["refused"] or match["more"]:
        raise ValueError(f"{_shown(written)} is written in a way that is not read")
    parts = re.split(r"[/\u2044\u2215]|\}\{", match["ratio"] or match["plain"])
    terms = [_fraction(part) for part in parts]
    if terms[1:] == [0]:
        raise ValueError(f"{_shown(written)} divides by 0")
    value = terms[0] / terms[1] if len(terms) == 2 else terms[0]
    value += _fraction(match["whole"]) if match["whole"] else 0
    value = -value if _is_negative(match) else value
    return int(value) if value.denominator == 1 else float(value)


def _fraction(written: str) -> Fraction:
    """Read digits with a decimal point and an exponent, whatever sets thousands apart."""
    number = re.sub(r"[^\d.eE+-]|frac", "", written)
    exponent = re.search(r"[eE]([+-]?\d+)$", number)
    if len(number) > LONGEST:
        raise ValueError(f"{_shown(number)} has more than {LONGEST} digits")
    if exponent and abs(int(exponent[1])) > LONGEST:
        raise ValueError(f"{_shown(number)} has an exponent beyond {LONGEST}")
    return Fraction(number)


def _is_negative(match: re.Match[str]) -> bool:
    """Tell a minus before a number from a dash, a bullet and a subtraction."""
    before = match.string[max(0, match.start() - 40) : match.start()]
    words = before.rstrip()
    if words == before:
        glued = _GLUED.search(before[-2:])
        return glued is not None and glued["left"] is None
    if re.search(r"\bnegative\Z", words[-9:], re.IGNORECASE):
        return True
    apart = _APART.search(before[-20:]) if re.search(rf"[{_MINUS}sS]\Z", words[-1:]) else None
    if apart is None:
        return False
    left = apart["left"]
    if re.search(r"[\d)\]}%]\Z", left) or (apart["hyphen"] and left and not apart["gap"]):
        return False  # 8 - 5, and word- 5
    if apart["hyphen"] and "\n" in apart["gap"]:
        return False  # an item of a list
    if re.search(r"[=:(,;\[{<>~\u2248]\Z", left):
        return True
    if not left and (not apart["hyphen"] or not match.string[match.end() :].strip(" .")):
        return True
    if not apart["hyphen"] and _IS.fullmatch(left):
        return True
    raise ValueError(f"{_shown(apart[0] + match[0])} may mean a number below 0 or a dash")


def _shown(written: str) -> str:
    """Quote a number, however long."""
    return repr(written if len(written) <= 40 else written[:37] + "...")
