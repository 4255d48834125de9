"""pocket-draft: how it is trained, and what is shipped."""

import json
import math
from itertools import islice
from pathlib import Path

import pytest
import torch

import companion
from companion.pocket import draft
from companion.pocket.recipe import Recipe
from companion.pocket.records import record

TINY = Recipe(
    layers=1, width=16, heads=2, mlp_width=16, sequence_length=32, context=64, batch_tokens=64,
    annealing_begins=2**15, steps=4, warmup_steps=1,
)  # fmt: skip


def test_the_divergence_is_that_of_two_distributions_by_hand() -> None:
    student = torch.tensor([[0.5, 0.5]]).log()
    teacher = torch.tensor([[0.9, 0.1]]).log()

    found = draft.distillation_loss(student, teacher).item()

    assert found == pytest.approx(0.9 * math.log(1.8) + 0.1 * math.log(0.2))


def test_the_divergence_is_a_mean_over_places() -> None:
    student, teacher = torch.randn(2, 3, 5), torch.randn(2, 3, 5)

    found = draft.distillation_loss(student, teacher)

    each = [
        draft.distillation_loss(s[None], t[None])
        for s, t in zip(student.flatten(0, 1), teacher.flatten(0, 1), strict=True)
    ]
    torch.testing.assert_close(found, torch.stack(each).mean())


def test_a_run_learns_from_texts_and_then_from_the_large_model() -> None:
    states = list(draft.train(TINY))

    assert len(states) == 4
    assert all(math.isfinite(state["loss"]) for state in states)
    assert states[-1]["model"].config.hidden_size == 16


def test_the_same_seed_gives_the_same_batches() -> None:
    tokenizer = companion.load("chat", source="pocket").tokenizer

    first, second = ([*islice(draft.batches(tokenizer, TINY, 2), 2)] for _ in range(2))

    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert first[0].shape == (draft.ROWS, 32)
    assert not torch.equal(first[0], first[1])


def test_shipping_writes_weights_checksums_and_a_record(tmp_path: Path) -> None:
    run, package = tmp_path / "run", tmp_path / "package"
    (run / "model").mkdir(parents=True)
    (run / "model" / "config.json").write_text("{}")
    (package / "data").mkdir(parents=True)
    (package / "weights").mkdir()
    (run / "log.json").write_text(json.dumps({"seconds": 5, "losses": [3.0, 2.0, 1.0, 0.5]}))

    draft.ship(run, hardware="a machine", package=package)

    assert "draft/config.json" in (package / "weights" / "SHA256SUMS").read_text()
    kept = json.loads((package / "data" / "draft.json").read_text())
    assert kept["cross_entropy"] == [2.0]
    assert kept["divergence"] == [0.5]


def test_the_shipped_draft_is_small_and_shares_the_tokenizer() -> None:
    model, tokenizer = draft.load_draft()
    chat = companion.load("chat", source="pocket")

    assert 12 < chat.model.num_parameters() / model.num_parameters() < 13
    assert tokenizer.get_vocab() == chat.tokenizer.get_vocab()
    assert record("draft")["cross_entropy"][-1] < record("draft")["cross_entropy"][0]


def test_the_shipped_draft_mostly_agrees_with_pocket_chat() -> None:
    small, tokenizer = draft.load_draft()
    chat = companion.load("chat", source="pocket").model
    text = (
        "<|user|>\nWhat is the capital of France?<|end|>\n<|assistant|>\nThe capital of France is"
    )
    ids = torch.tensor([tokenizer(text).input_ids])

    p, q = (which(ids).logits[0].softmax(-1) for which in (chat, small))
    shared = torch.minimum(p, q).sum(-1)[-5:].mean()

    assert shared > 0.6
