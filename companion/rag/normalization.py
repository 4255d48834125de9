"""Normalization: one form for what is written in several ways, before words or vectors are made.

The same word can be different characters: *é* is one or two, *ffi* in a PDF is one, a Japanese
keyboard has two widths of each Latin letter. People see no difference, a search does. So documents
and questions are brought into Unicode's form NFKC before they are compared
(https://unicode.org/reports/tr15/). The text itself stays as it is, since NFKC also takes away what
a reader needs: 10² becomes 102. So places in a text are places in what was read.
"""

import re
import unicodedata

IGNORABLE = re.compile("[\u00ad\u034f\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]")
"""Soft hyphens, joiners, marks of direction: characters that nobody sees."""


def search_form(text: str) -> str:
    r"""Return the form of a text that is compared.

    Args:
        text: A document or a question.

    Returns:
        The text in form NFKC, without characters that can't be seen.

    Example:
        >>> search_form("The o\N{LATIN SMALL LIGATURE FFI}ce weighs 10 \N{SQUARE KG}.")
        'The office weighs 10 kg.'
    """
    return unicodedata.normalize("NFKC", IGNORABLE.sub("", text))
