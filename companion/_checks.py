"""Checks of the numbers and settings that a caller gives: each error has name, rule and value.

The name is that of the interface in use; see `companion._interface`.
"""

import operator
from collections.abc import Mapping
from numbers import Real

from companion._interface import called


def is_whole(number: object, lowest: int = 1) -> bool:
    """Tell whether a value is a whole number from ``lowest``: an int of Python or NumPy.

    >>> [is_whole(number) for number in (1, 0, 1.0, True, "1")]
    [True, False, False, False, False]
    """
    try:
        return not isinstance(number, bool) and operator.index(number) >= lowest
    except TypeError:
        return False


def check_whole(lowest: int = 1, /, **numbers: object) -> None:
    """Refuse what is no whole number from ``lowest``.

    Raises:
        ValueError: If one is not.

    Example:
        >>> check_whole(2, batch_size=1)
        Traceback (most recent call last):
        ValueError: batch_size must be a whole number from 2, got 1
    """
    for name, number in numbers.items():
        if not is_whole(number, lowest):
            raise ValueError(
                f"{called(name)} must be a whole number from {lowest}, got {number!r:.40}"
            )


def is_number(value: object) -> bool:
    """Tell whether a value is a real number of Python or NumPy, and no truth value."""
    return isinstance(value, Real) and not isinstance(value, bool)


def check_above_zero(**numbers: float) -> None:
    """Refuse what is not above 0 and finite.

    Raises:
        ValueError: If one is not.

    Example:
        >>> check_above_zero(beta=float("nan"))
        Traceback (most recent call last):
        ValueError: beta must be above 0, got nan
    """
    for name, number in numbers.items():
        if not is_number(number) or not 0 < number < float("inf"):
            finite = " and finite" if number == float("inf") else ""
            raise ValueError(f"{called(name)} must be above 0{finite}, got {number!r:.40}")


def check_fields(owner: object, rules: Mapping[str, tuple[bool, str]]) -> None:
    """Check the fields of a dataclass.

    Args:
        owner: What has the fields.
        rules: For each field whether it is as it should be, and how it should be.

    Raises:
        ValueError: If a field is not as it should be.
    """
    for name, (holds, rule) in rules.items():
        if not holds:
            raise ValueError(f"{called(name)} must be {rule}, got {getattr(owner, name)!r}")
