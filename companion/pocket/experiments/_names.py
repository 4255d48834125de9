"""Does a text say a name, and does it say that the name is the user's?"""

import re


def mentions(text: str, name: str) -> bool:
    """Tell whether a text has the name in it, whatever it says about it."""
    return re.search(rf"\b{re.escape(name)}\b", text) is not None


def recalls(text: str, name: str) -> bool:
    """Tell whether a text says that the name is the user's, and not the model's own.

    Example:
        >>> recalls("Your name is Amara.", "Amara"), recalls("My name is Amara.", "Amara")
        (True, False)
    """
    own = rf"\b(?:my name is|I am|I['\u2019]m|call me)\s+{re.escape(name)}\b"
    return mentions(text, name) and re.search(own, text, re.IGNORECASE) is None
