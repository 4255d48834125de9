"""Sums and texts differ in how they are cut, and in nothing else."""

import math
from itertools import islice

import pytest
import torch
from _experiments import _sums as sums
from _experiments import _vocabularies as vocabularies
from _experiments import tokenization as study

from companion.pocket.records import record
from companion.pocket.tokenizer import END_OF_TEXT, byte_pairs


@pytest.mark.parametrize("name", sums.CUTS)
def test_a_cut_loses_no_digit(name):
    cut = sums.CUTS[name]

    assert all("".join(cut(str(n))) == str(n) for n in range(2000))


def test_pairs_begin_at_the_named_side():
    cut = {name: cut("1234567"[:5]) for name, cut in sums.CUTS.items()}

    assert cut["pairs from the left"] == ["12", "34", "5"]
    assert cut["pairs from the right"] == ["1", "23", "45"]
    assert cut["one token up to 999"] == ["12", "345"]


def test_no_sum_that_is_asked_was_taught_in_either_order():
    parts = {
        part: {frozenset(pair) for pair in islice(sums.sums(0, part), 3000)}
        for part in ("train", *sums.UNSEEN)
    }

    assert not parts["train"] & parts["held_out"]
    assert not parts["train"] & parts["development"]
    assert not parts["development"] & parts["held_out"]


def test_carries_are_those_of_adding_in_columns():
    def by_hand(a: int, b: int) -> int:
        count = carry = 0
        while a or b or carry:
            carry = (a % 10 + b % 10 + carry) // 10
            count, a, b = count + carry, a // 10, b // 10
        return count

    for a, b in islice(sums.sums(0, "train"), 300):
        assert sums.carries(a, b) == by_hand(a, b)


@pytest.mark.parametrize("name", sums.CUTS)
def test_only_the_answer_and_its_end_are_targets(name):
    numerals = sums.Numerals(sums.CUTS[name])
    text = {number: piece for piece, number in numerals.numbered.items()}

    ids, targets = numerals.rows([(12, 34), (999, 998)])

    assert ids.shape == targets.shape == (2, numerals.length)
    for row, asked, answer in zip(range(2), (46, 1997), ("46", "1997"), strict=True):
        kept = targets[row][targets[row] != sums.IGNORED].tolist()
        assert "".join(text[number] for number in kept[:-1]) == answer == str(asked)
        assert kept[-1] == sums.END
    at = (targets[0] != sums.IGNORED).nonzero()[0].item()
    assert ids[0, at].item() == sums.EQUALS
    assert ids[0, at + 1] == targets[0, at]


class Adder(torch.nn.Module):
    """Says the targets, but a wrong token at one place of row 1."""

    def __init__(self, targets):
        super().__init__()
        self.said = targets.clamp(min=0)
        self.said[1, (targets[1] != sums.IGNORED).nonzero()[-1]] = sums.PLUS

    def forward(self, ids):
        return torch.nn.functional.one_hot(self.said, 14).float()


def test_a_sum_is_right_if_each_token_of_it_is():
    numerals = sums.Numerals(sums.CUTS["digits apart"])
    ids, targets = numerals.rows([(12, 34), (120, 340)])

    assert sums.answered(Adder(targets), ids, targets).tolist() == [True, False]


def test_answers_are_counted_by_digits_and_carries():
    asked = [(12, 34), (12, 39), (123, 456), (321, 456)]

    groups = sums.counted([True, False, True, True], asked)

    assert [tuple(group.values()) for group in groups] == [
        (2, False, 1, 1), (2, True, 0, 1), (3, False, 2, 2),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def core():
    return byte_pairs(vocabularies.texts(0, "train", 100), 400, [END_OF_TEXT])


def test_the_smallest_vocabulary_is_bytes_and_an_end():
    core = byte_pairs(vocabularies.texts(0, "train", 20), vocabularies.SIZES[0], [END_OF_TEXT])

    assert core.get_vocab_size() == 257
    assert core.token_to_id(END_OF_TEXT) == 0
    assert len(core.encode("né 12").ids) == len("né 12".encode())


def test_batches_hold_the_same_documents_whatever_the_tokens(core):
    texts = vocabularies.texts(1, "train", 50)
    lengths = [len(text.encode()) for text in texts]
    rows = [encoding.ids for encoding in core.encode_batch(texts)]

    plain = vocabularies.batches(texts, lengths)
    coded = vocabularies.batches(rows, lengths)

    assert [[core.decode(row) for row in batch] for batch in coded] == plain
    assert sorted(text for batch in plain for text in batch) == sorted(texts)


class Uniform(torch.nn.Module):
    """Gives each of V tokens the same probability."""

    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, ids):
        return torch.zeros(*ids.shape, self.size)


def test_a_byte_of_uniform_tokens_costs_their_bits(core):
    texts = ["abc", "The capital of France is Paris."]
    tokens = sum(len(encoding.ids) + 1 for encoding in core.encode_batch(texts))

    bits = vocabularies.bits_per_byte(Uniform(400), core, texts)

    assert bits == pytest.approx(tokens * math.log2(400) / (3 + 31 + 2))


class Copier(torch.nn.Module):
    """Continues the question with given tokens."""

    def __init__(self, asked, answer):
        super().__init__()
        self.answer, self.asked = answer, asked

    def forward(self, ids):
        said = self.answer[ids.shape[1] - 1 - self.asked]
        scores = torch.zeros(*ids.shape, 400)
        scores[..., said] = 1
        return scores


@pytest.mark.parametrize(
    ("written", "right"),
    [(" Paris\nQuestion", True), (" Paris", True), (" Parisian\n", False), (" Rome\n", False)],
)
def test_a_capital_is_named_if_the_first_line_is_it(core, written, right):
    prompt, _ = vocabularies.capital_question("France")
    answer = [*core.encode(written).ids, 0]

    model = Copier(len(core.encode(prompt).ids), answer)

    assert vocabularies.names_capital(model, core, "France") is right


def test_sums_are_learned():
    numerals = sums.Numerals(sums.CUTS["digits apart"])
    asked = list(islice(sums.sums(0, "train"), 64))
    ids, targets = numerals.rows(asked)
    losses = [
        torch.nn.functional.cross_entropy(
            sums.taught(numerals, seed=0, steps=steps)(ids).flatten(0, 1),
            targets.flatten(),
            ignore_index=sums.IGNORED,
        ).item()
        for steps in (1, 30)
    ]

    assert losses[1] < losses[0] - 0.3


def test_a_small_run_counts_each_sum_and_each_capital(monkeypatch):
    monkeypatch.setattr(vocabularies, "SIZES", (257,))
    monkeypatch.setattr(sums, "CUTS", {"digits apart": sums.CUTS["digits apart"]})

    found = study.measure(scale=0.004)

    (added,), (read,) = found["sums"]["runs"], found["vocabularies"]["runs"]
    assert sum(group["total"] for group in added["groups"]) == 20
    assert (read["vocab_size"], read["total"]) == (257, 2)
    assert read["tokens"] == read["bytes"]
    assert 1 < read["bits_per_byte"] < 12


def test_texts_are_learned(core):
    texts = 4 * ["The capital of France is Paris."]

    bits = [
        vocabularies.bits_per_byte(vocabularies.trained(core, texts * n, seed=0), core, texts)
        for n in (1, 30)
    ]

    assert bits[1] < bits[0] - 0.5


def test_the_record_is_of_this_study():
    found = record("tokenization")

    added, read = found["sums"]["runs"], found["vocabularies"]["runs"]
    assert {run["cut"] for run in added} == set(sums.CUTS)
    assert {run["vocab_size"] for run in read} == set(vocabularies.SIZES)
    assert len(added) == study.SEEDS * len(sums.CUTS)
    assert len(read) == study.SEEDS * len(vocabularies.SIZES)
    assert found["sums"]["steps"] == sums.STEPS
    assert found["vocabularies"]["steps"] == vocabularies.STEPS
    assert {run["embeddings"] for run in read} == {64 * size for size in vocabularies.SIZES}
    assert len({run["parameters"] - run["embeddings"] for run in read}) == 1
    for run in added:
        assert run["vocab_size"] == len(sums.Numerals(sums.CUTS[run["cut"]]))
        assert sum(group["total"] for group in run["groups"]) == sums.ASKED
    for seed in range(study.SEEDS):
        assert len({run["bytes"] for run in read if run["seed"] == seed}) == 1
