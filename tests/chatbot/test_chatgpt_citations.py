"""Marks of citations in ChatGPT's answers become links, or go."""

import pytest

from companion.chatbot.chatgpt_citations import with_links

MARK = "\ue200cite\ue202turn0search0\ue202turn1view2\ue201"
TEA = {"title": "Tea", "url": "https://example.org/tea"}
SHOP = {"title": "A [long] title", "url": "https://shop.org/a_(b)", "attribution": "Shop"}


@pytest.mark.parametrize(
    ("reference", "written"),
    [
        ({"items": [TEA]}, "([Tea](https://example.org/tea))"),
        (
            {"items": [TEA, SHOP, TEA]},
            "([Tea](https://example.org/tea), [Shop](https://shop.org/a_%28b%29))",
        ),
        ({"alt": "([Tea](https://t.org))", "items": [SHOP]}, "([Tea](https://t.org))"),
        ({"alt": None, "type": "webpage", **TEA}, "([Tea](https://example.org/tea))"),
        ({"items": [SHOP | {"attribution": None}]},
         r"([A \[long\] title](https://shop.org/a_%28b%29))"),
        ({"items": None, "name": "notes.docx"}, "(notes.docx)"),
        ({"items": [{"title": "x", "url": "javascript:x()"}]}, "(x)"),
        ({"items": [{"url": "https://example.org/"}]},
         "([https://example.org/](https://example.org/))"),
    ],
)  # fmt: skip
def test_a_mark_becomes_what_its_reference_says(reference: dict, written: str) -> None:
    metadata = {"content_references": [{"matched_text": MARK, **reference}]}

    assert with_links(f"It is 4 {MARK}.", metadata) == f"It is 4 {written}."
    assert with_links(f"It is 4.{MARK}", metadata) == f"It is 4. {written}"


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        [],
        {},
        {"content_references": {}, "citations": 3},
        {"content_references": [3, {}, {"matched_text": 3}, {"matched_text": MARK}]},
        {"content_references": [{"matched_text": MARK, "items": [3, {}, {"url": 3, "title": 4}]}]},
        {"citations": [{"start_ix": "0", "end_ix": None, "metadata": TEA}]},
    ],
)
def test_without_a_reference_a_mark_goes(metadata: object) -> None:
    assert with_links(f"It is 4 {MARK}. And{MARK}", metadata) == "It is 4. And"


@pytest.mark.parametrize("mark", ["【4†source】", "【12:0†notes.pdf】"])
def test_older_marks_are_found_by_their_place(mark: str) -> None:
    citation = {"start_ix": 8, "end_ix": 8 + len(mark), "metadata": TEA}

    written = with_links(f"It is 4 {mark}.", {"citations": [citation]})

    assert written == "It is 4 ([Tea](https://example.org/tea))."
    assert with_links(f"It is 4 {mark}.", {}) == "It is 4."


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('By \ue200entity\ue202["company","Acme","maker"]\ue201.', "By Acme."),
        ("By \ue200entity\ue202[broken\ue201.", "By."),
        ("\ue200url\ue202Acme\ue202turn0search1\ue201 makes it.", "Acme makes it."),
        ('Look: \ue200image_group\ue202{"query": ["tea"]}\ue201', "Look:"),
        ("\ue203It is 4.\ue204 \ue206", "It is 4. "),
        ("It is 4 \ue200cite\ue202turn0sea", "It is 4 "),
        ("Kept: 【a】 【4】 †, \uf8ff, [4].", "Kept: 【a】 【4】 †, \uf8ff, [4]."),
    ],
)
def test_words_stay_and_marks_of_other_kinds_go(text: str, left: str) -> None:
    assert with_links(text, {}) == left
