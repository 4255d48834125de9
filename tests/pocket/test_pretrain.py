"""Pre-training learns, is deterministic, and goes on after an interruption."""

import dataclasses
import itertools
import json

import pytest
import torch
from transformers import AutoModelForCausalLM

from companion._claim import claimed
from companion.errors import CheckpointError
from companion.pocket import pretrain, recipe
from companion.pocket.checkpoint import export
from companion.pocket.corpus import documents
from companion.pocket.tokenizer import train_tokenizer
from companion.training import checkpoint

TINY = pretrain.Recipe(
    layers=1,
    width=32,
    heads=2,
    mlp_width=64,
    vocab_size=400,
    steps=8,
    batch_tokens=512,
    context=128,
    sequence_length=64,
    warmup_steps=2,
    annealing_begins=0,
)


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(
        (document.text for document in itertools.islice(documents(0), 200)), vocab_size=400
    )


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(pretrain, "SHARD_TOKENS", 2**12)
    monkeypatch.setattr(recipe, "SHARD_TOKENS", 2**12)


def losses(plan, tokenizer, folder, **options):
    return [record["loss"] for record in pretrain.train(plan, tokenizer, folder, **options)]


def test_an_interrupted_run_has_the_loss_curve_of_an_unbroken_one(tokenizer, tmp_path):
    unbroken = losses(TINY, tokenizer, tmp_path / "a")

    broken = (
        losses(TINY, tokenizer, tmp_path / "b", stop_after=3)
        + losses(TINY, tokenizer, tmp_path / "b", stop_after=2)
        + losses(TINY, tokenizer, tmp_path / "b")
    )

    assert broken == unbroken


def test_closing_between_steps_keeps_what_is_done(tokenizer, tmp_path):
    records = pretrain.train(TINY, tokenizer, tmp_path, save_every=100)
    first = [next(records)["loss"] for _ in range(3)]
    records.close()

    assert checkpoint.steps_done(tmp_path) == 3
    assert first + losses(TINY, tokenizer, tmp_path) == losses(
        TINY, tokenizer, tmp_path / "unbroken"
    )


def test_the_loss_falls(tokenizer, tmp_path):
    curve = losses(
        dataclasses.replace(TINY, steps=40, learning_rate=1e-2),
        tokenizer,
        tmp_path,
        mixed_precision=False,
    )

    assert sum(curve[-5:]) / 5 < curve[0] - 1.0


def test_a_new_model_guesses_uniformly(tokenizer):
    model = pretrain.new_model(TINY, tokenizer)

    loss = pretrain.language_model_loss(model, next(pretrain.batches(tokenizer, TINY)))

    assert loss.item() == pytest.approx(torch.tensor(float(len(tokenizer))).log().item(), abs=0.1)


def test_batches_from_a_later_step_are_the_same_batches(tokenizer):
    straight = list(itertools.islice(pretrain.batches(tokenizer, TINY), 12))

    jumped = list(itertools.islice(pretrain.batches(tokenizer, TINY, first_step=9), 3))

    assert all(torch.equal(a, b) for a, b in zip(straight[9:], jumped, strict=True))
    assert straight[0].shape == (8, 64)
    assert straight[6].shape == (4, 128)  # the decay began: longer sequences


def test_the_learning_rate_warms_up_stays_and_decays():
    changed = dataclasses.replace(
        TINY, steps=100, warmup_steps=10, decay_share=0.2, learning_rate=1.0
    )

    assert changed.learning_rate_at(0) == pytest.approx(0.1)
    assert changed.learning_rate_at(9) == 1.0
    assert changed.learning_rate_at(80) == 1.0
    assert changed.learning_rate_at(90) == pytest.approx(0.5)
    assert changed.learning_rate_at(99) == pytest.approx(0.05)


def test_matrices_of_the_blocks_go_to_muon_and_the_rest_to_adamw(tokenizer):
    model = pretrain.new_model(TINY, tokenizer)

    muon, adamw = pretrain.optimizers(model, TINY)

    assert {tuple(p.shape) for group in muon.param_groups for p in group["params"]} == {
        (32, 32),
        (64, 32),
        (32, 64),
    }
    embedding = model.get_input_embeddings().weight
    assert any(p is embedding for group in adamw.param_groups for p in group["params"])


def test_a_checkpoint_of_another_recipe_is_refused(tokenizer, tmp_path):
    losses(TINY, tokenizer, tmp_path, stop_after=1)

    with pytest.raises(CheckpointError, match=r"another recipe \(seed: 0 then, 1 now\)"):
        losses(dataclasses.replace(TINY, seed=1), tokenizer, tmp_path)


def test_a_longer_run_may_go_on_from_the_plateau(tokenizer, tmp_path):
    losses(TINY, tokenizer, tmp_path, stop_after=2)

    assert len(losses(dataclasses.replace(TINY, steps=10), tokenizer, tmp_path)) == 8


def test_a_damaged_checkpoint_says_what_to_do(tokenizer, tmp_path):
    (tmp_path / checkpoint.NAME).write_bytes(b"not a checkpoint")

    with pytest.raises(CheckpointError, match="Delete it to start from the beginning"):
        losses(TINY, tokenizer, tmp_path)


def test_export_writes_the_trained_weights_as_float16(tokenizer, tmp_path):
    losses(TINY, tokenizer, tmp_path)
    export(tmp_path, tmp_path / "model", tokenizer)

    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model")

    tensors, _ = checkpoint.read(tmp_path)
    assert model.dtype == torch.float16
    assert torch.equal(model.model.norm.weight, tensors["model.model.norm.weight"].half())


@pytest.mark.slow
def test_the_command_trains_logs_resumes_and_exports(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrain, "Recipe", lambda **options: dataclasses.replace(TINY, **options))
    pretrain.run(dataclasses.replace(TINY, steps=4), tmp_path, save_every=2, compiled=False)
    pretrain.run(dataclasses.replace(TINY, steps=6), tmp_path, save_every=2, compiled=False)

    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in log] == [1, 2, 3, 4, 5, 6]
    assert (tmp_path / "model" / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heads": 3}, "width must be a multiple of heads"),
        ({"batch_tokens": 500}, "batch_tokens"),
        ({"decay_share": 0.0}, "decay_share must be over 0"),
    ],
)
def test_an_impossible_recipe_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(TINY, **change)


def test_the_last_part_reads_the_annealing_mixture(tokenizer):
    plain, annealed = (
        pretrain.shard(tokenizer, dataclasses.replace(TINY, annealing_begins=begin), index=0)
        for begin in (8, 0)
    )

    assert tokenizer.decode(annealed).count(" -> ") > 1.3 * tokenizer.decode(plain).count(" -> ")


def test_a_folder_that_another_run_writes_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(recipe, "SHARD_TOKENS", pretrain.Recipe.batch_tokens)
    with claimed(tmp_path):
        assert pretrain.main(["--out", str(tmp_path)]) == 1

    assert f"{tmp_path} is being written by process" in capsys.readouterr().err
