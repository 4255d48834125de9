"""Small tables, written as text."""


def table(text: str) -> dict[str, str]:
    """Read pairs that stand apart by white space, such as ``Peru:Lima``; ``_`` becomes a blank.

    Example:
        >>> table("Peru:Lima New_Zealand:Wellington")
        {'Peru': 'Lima', 'New Zealand': 'Wellington'}
    """
    pairs = (pair.split(":") for pair in text.split())
    return {left.replace("_", " "): right.replace("_", " ") for left, right in pairs}
