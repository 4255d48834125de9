"""Words that messages have in common."""

from collections.abc import Sequence


def some(names: Sequence[str], most: int = 8) -> str:
    """Name the first few of a list, and how many more there are.

    Example:
        >>> some(["a", "b", "c"], 2)
        'a, b and 1 more'
    """
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if names[most:] else "")
