"""The crawl is spoiled and cleaned as the page says, and the runs differ in what they read."""

import random
from collections import Counter
from itertools import islice

import numpy as np
import pytest
import torch

from companion.models import load
from companion.pocket.experiments import _crawl as crawl
from companion.pocket.experiments import _leaks as leaks
from companion.pocket.experiments import data_quality as study
from companion.pocket.records import record


@pytest.fixture(scope="module")
def tokenizer():
    return load("base").tokenizer


@pytest.fixture(scope="module")
def words(tokenizer):
    return study.Words(tokenizer, (page.text for page in islice(study.pages(study.CRAWL), 800)))


def test_each_kind_has_its_share_of_the_characters():
    written = Counter()
    for page in islice(study.pages(study.CRAWL), 1000):
        written[page.kind] += len(page.text)

    for kind, share in study.CRAWL.items():
        assert written[kind] / written.total() == pytest.approx(share, abs=0.01)


def test_good_documents_are_the_same_whatever_is_mixed_with_them():
    alone, mixed = (
        [page.text for page in islice(study.pages(shares), 300) if page.kind == "stories"][:20]
        for shares in (study.CLEAN, study.CRAWL)
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
    story, other = (p.text for p in islice(study.pages({"stories": 1.0}), 2))
    near = " ".join([*story.split()[:-1], "end."])
    read = [crawl.Page("x", text) for text in (story, other, story, near, "kite kite kite")]

    assert [page.text for page in study.cleaned(read)] == [story, other]


def test_cleaning_leaves_good_documents_and_hardly_any_spoiled_one():
    read = list(islice(study.pages(study.CRAWL), 1000))
    before = Counter(page.kind for page in read)

    after = Counter(page.kind for page in study.cleaned(read))

    assert after["noise"] == 0
    assert after["copies"] < 3 * crawl.COPIED < before["copies"] / 4
    for kind in (*crawl.GOOD, "wrapped"):
        assert after[kind] > 0.95 * before[kind]


def test_rows_hold_documents_with_their_ends(words):
    rows = study.rows_of(["One morning.", "The end."] * 200, words, 2)

    ids = words.ids("One morning.")
    assert rows.shape == (2, study.LENGTH)
    assert rows[0, : len(ids)].tolist() == ids
    assert ids[-1] == words.number[words.tokenizer.eos_token_id]


def test_tokens_that_do_not_occur_share_one_number(words):
    assert words.ids("猫")[:-1] == [len(words) - 1] * (len(words.ids("猫")) - 1)


def test_orders_read_the_same_amount_of_each_kind(words):
    count = 240
    question = words.ids("Question:")[0]

    rows = {order: study.in_order(order, count, words, seed=0) for order in study.ORDERS}

    seen = {order: (part == question).sum(dim=1) for order, part in rows.items()}
    assert seen["last"].sum().item() == pytest.approx(seen["evenly"].sum().item(), rel=0.2)
    begin = round(count * (1 - study.LAST))
    assert seen["last"][:begin].sum() == 0 < seen["evenly"][:begin].sum()


def test_passes_read_the_same_rows_in_other_orders(words):
    rows = study.repeated(4, 80, words, seed=0)

    first, *others = (part for part in rows.split(20))
    for part in others:
        assert not torch.equal(part, first)
        assert sorted(map(tuple, part.tolist())) == sorted(map(tuple, first.tolist()))


def test_training_lowers_the_loss_and_the_rate_can_stay():
    rows = torch.arange(64 * study.LENGTH).view(64, study.LENGTH) % 7

    short = study.trained(rows[:16], vocab_size=50, seed=0)
    long = study.trained(rows, vocab_size=50, seed=0)
    constant = study.trained(rows, vocab_size=50, seed=0, decays=False)

    losses = [study.loss_of(model, rows[:4]).item() for model in (short, long, constant)]
    assert losses[1] < losses[0] - 0.5
    assert losses[1] != losses[2]


def test_leaked_rows_hold_each_item_as_often_as_it_says(tokenizer):
    items = leaks.leaks()[:: leaks.ITEMS]

    rows = leaks.leaked_rows(items, tokenizer, steps=20)

    text = tokenizer.decode(rows.flatten())
    assert [item.times for item in items] == list(leaks.TIMES)
    for item in items:
        assert item.times - 1 <= text.count(item.text) <= item.times  # one may be cut at the end


def test_an_answer_counts_if_all_its_tokens_are_most_likely(tokenizer):
    items = [leaks.Leak("Question: one?\nAnswer: 46", 46, times) for times in leaks.TIMES]
    ids = leaks.tokens_of(items[0].text, tokenizer)

    class Knows(torch.nn.Module):
        """Scores that are highest for the true next token, but for the ``wrong`` last ones."""

        def __init__(self, wrong):
            super().__init__()
            scores = torch.nn.functional.one_hot(torch.tensor([*ids[1:], 0]), len(tokenizer))
            scores = 9.0 * scores[None].float()
            scores[:, len(ids) - 1 - wrong :] *= -1
            self.scores = scores

        def forward(self, read):
            return type("Output", (), {"logits": self.scores})

    right = {wrong: leaks.known(Knows(wrong), items, tokenizer)[0]["right"] for wrong in (0, 1)}

    assert right == {0: 1, 1: 0}


def test_the_record_is_of_this_study():
    kept = record("data_quality")

    plans = {(run["group"], run["name"], run["seed"]) for run in kept["runs"]}
    assert plans == set(study.plans(seeds=study.SEEDS))
    assert kept["tokens"] == study.STEPS * study.BATCH * study.LENGTH
    assert [row["times"] for row in kept["leaks"]["after"]] == list(leaks.TIMES)
    assert {row["items"] for row in kept["leaks"]["after"]} == {leaks.ITEMS}


def test_hash_functions_are_those_of_the_page():
    assert crawl.FACTORS.shape == (crawl.BANDS * crawl.BAND_ROWS, 1)
    assert np.iinfo(crawl.FACTORS.dtype).max > crawl.PRIME**2  # products fit


def test_the_loss_is_that_of_the_next_tokens():
    rows = torch.tensor([[1, 2, 0, 3]])
    following = torch.tensor([[2, 0, 3, 1]])

    loss = study.loss_of(lambda _: 99.0 * torch.nn.functional.one_hot(following, 4), rows)

    assert loss.item() < 1e-6
