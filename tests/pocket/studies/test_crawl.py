"""A crawl is spoiled and cleaned as the page says."""

import random
from collections import Counter
from itertools import islice

import numpy as np
import pytest

from companion.pocket.studies import crawl

HALVES = {"stories": 0.5, "word_problems": 0.5}


def test_each_kind_has_its_share_of_the_characters():
    written = Counter()
    for page in islice(crawl.pages(crawl.CRAWL), 1000):
        written[page.kind] += len(page.text)

    for kind, share in crawl.CRAWL.items():
        assert written[kind] / written.total() == pytest.approx(share, abs=0.01)


def test_good_documents_are_the_same_whatever_is_mixed_with_them():
    alone, mixed = (
        [page.text for page in islice(crawl.pages(shares), 300) if page.kind == "stories"][:20]
        for shares in (HALVES, crawl.CRAWL)
    )

    assert alone == mixed


def test_a_copy_differs_in_one_word_at_most():
    rng, text = random.Random(0), "a b c d e f g h"

    copies = [crawl.copy_of(text, rng).split() for _ in range(40)]

    changes = [sum(a != b for a, b in zip(copy, text.split(), strict=True)) for copy in copies]
    assert set(changes) == {0, 1}


def test_menus_and_notices_go_and_sentences_and_numbers_stay():
    text = 'Question: Two and two?\nAnswer: 4\n\n"Yes," she said.\nHe ran!'

    menus = "Home | News\nWe use cookies here.\nPlease enable JavaScript now."

    assert crawl.without_menus(f"{menus}\n{text}\n{menus}") == text
    assert crawl.without_menus(menus) == ""


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("The cat walks with the dog and sleeps.", True),
        ("kite buy kite cheap kite", False),
        ("the of a b c d e f g h", False),  # words too short
        ("the and " + 20 * "antidisestablishmentarianism ", False),
        ("", False),
    ],
)
def test_rules_keep_what_reads_like_text(text, kept):
    assert crawl.reads_like_text(text) is kept


def test_equal_minima_estimate_the_jaccard_similarity():
    names = [f"w{n}" for n in range(60)]
    first, second = " ".join(names), " ".join([*names[:30], "x", *names[31:]])

    share = (crawl.signature(first) == crawl.signature(second)).mean()

    assert share == pytest.approx(51 / 61, abs=0.1)  # 56 runs of five words each, 51 in both


def test_cleaning_drops_exact_and_near_copies_and_keeps_the_first():
    story, other = (p.text for p in islice(crawl.pages({"stories": 1.0}), 2))
    near = " ".join([*story.split()[:-1], "end."])
    read = [crawl.CrawledPage("x", text) for text in (story, other, story, near, "kite kite kite")]

    assert [page.text for page in crawl.cleaned(read)] == [story, other]


def test_cleaning_leaves_good_documents_and_hardly_any_spoiled_one():
    read = list(islice(crawl.pages(crawl.CRAWL), 1000))
    before = Counter(page.kind for page in read)

    after = Counter(page.kind for page in crawl.cleaned(read))

    assert after["noise"] == 0
    assert after["copies"] < 3 * crawl.COPIED < before["copies"] / 4
    for kind in (*crawl.GOOD, "wrapped"):
        assert after[kind] > 0.95 * before[kind]


def test_hash_functions_are_those_of_the_page():
    assert crawl.FACTORS.shape == (crawl.BANDS * crawl.BAND_ROWS, 1)
    assert np.iinfo(crawl.FACTORS.dtype).max > crawl.PRIME**2  # products fit
