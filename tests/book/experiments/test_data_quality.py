"""The runs differ in what they read, and leaked answers are counted."""

from itertools import islice

import pytest
import torch
from _experiments import _leaks as leaks
from _experiments import data_quality as study

from companion.models import load
from companion.pocket.records import record
from companion.pocket.studies.leaks import ITEMS, TIMES, Leak, leaked_problems


@pytest.fixture(scope="module")
def tokenizer():
    return load("base").tokenizer


@pytest.fixture(scope="module")
def words(tokenizer):
    return study.Words(tokenizer, (page.text for page in islice(study.pages(study.CRAWL), 800)))


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
    items = leaked_problems()[::ITEMS]

    rows = leaks.leaked_rows(items, tokenizer, steps=20)

    text = tokenizer.decode(rows.flatten())
    assert [item.times for item in items] == list(TIMES)
    for item in items:
        assert item.times - 1 <= text.count(item.text) <= item.times  # one may be cut at the end


def test_an_answer_counts_if_all_its_tokens_are_most_likely(tokenizer):
    items = [Leak("Question: one?\nAnswer: 46", 46, times) for times in TIMES]
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
    assert [row["times"] for row in kept["leaks"]["after"]] == list(TIMES)
    assert {row["items"] for row in kept["leaks"]["after"]} == {ITEMS}


def test_the_loss_is_that_of_the_next_tokens():
    rows = torch.tensor([[1, 2, 0, 3]])
    following = torch.tensor([[2, 0, 3, 1]])

    loss = study.loss_of(lambda _: 99.0 * torch.nn.functional.one_hot(following, 4), rows)

    assert loss.item() < 1e-6
