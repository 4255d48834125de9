"""What looks the same is the same for a search."""

import pytest

from companion.rag.normalization import search_form


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("o\ufb03ce", "office"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("\uff27\uff30\uff35", "GPU"),
        ("infor\u00admation", "information"),
        ("a\u200bb\u2060c\ufeff", "abc"),
        ("\u202ea", "\u202ea"),  # reverses what is seen
        ("10\u00b2", "102"),
        ("\uff76\uff9e", "\u30ac"),
        ("plain text, 2 words", "plain text, 2 words"),
        ("", ""),
    ],
)
def test_each_way_of_writing_has_one_form(written: str, form: str) -> None:
    assert search_form(written) == form
    assert search_form(search_form(written)) == form
