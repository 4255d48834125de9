"""What all trainers share: the model afterwards, the history, resuming, silence, bad numbers."""

import copy
import gc
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from companion.errors import CompanionError
from companion.training.settings import TrainingSettings
from companion.training.sft import sft_trainer
from companion.training.trainer import history, last_checkpoint, resume
from tests.training.records import RECORDS, losses

# The model afterwards


def test_the_model_comes_back_ready_to_generate_and_to_copy(tiny, pocket_tokenizer) -> None:
    model = tiny()
    trainer = sft_trainer(model, pocket_tokenizer, RECORDS, TrainingSettings(steps=1, batch_size=2))

    trainer.train()

    twin = copy.deepcopy(model)
    ids = torch.tensor([[4, 5, 6]])
    with torch.no_grad():
        before = twin(ids).logits
        model.model.embed_tokens.weight.zero_()
        assert torch.equal(twin(ids).logits, before)  # the copy runs its own weights
    assert not model.training
    assert model.generation_config.eos_token_id == [0, 2]


def test_a_trainer_can_go_on_after_it_has_handed_the_model_back(tiny, pocket_tokenizer) -> None:
    trainer = sft_trainer(
        tiny(), pocket_tokenizer, RECORDS, TrainingSettings(steps=2, batch_size=4)
    )

    trainer.train()
    first = losses(trainer)
    trainer.train()

    assert len(first) == 2
    assert losses(trainer)[-1] < first[0]


def test_two_trainings_of_the_same_seed_are_the_same_and_of_another_are_not(
    tiny, pocket_tokenizer, threads: int
) -> None:
    def run(seed: int) -> list[float]:
        trainer = sft_trainer(
            tiny(), pocket_tokenizer, RECORDS, TrainingSettings(steps=2, batch_size=1, seed=seed)
        )
        trainer.train()
        return losses(trainer)

    first = run(0)

    assert first == run(0)
    assert first != run(1)


def test_the_history_has_an_entry_per_step(tiny, pocket_tokenizer) -> None:
    trainer = sft_trainer(
        tiny(), pocket_tokenizer, RECORDS, TrainingSettings(steps=20, batch_size=2)
    )
    assert history(trainer) == []

    trainer.train()

    found = history(trainer)
    assert [entry["step"] for entry in found] == list(range(1, 21))
    rates = [entry["learning_rate"] for entry in found]
    assert rates.index(max(rates)) == 1  # one step of warm-up
    assert max(rates) == pytest.approx(1e-3)
    assert rates[-1] < 1e-4
    assert {"loss", "grad_norm", "mean_token_accuracy"} <= found[0].keys()


# Interrupted runs


def test_an_interrupted_run_resumes_to_the_same_losses(
    tiny, pocket_tokenizer, tmp_path: Path
) -> None:
    def build(folder: Path):
        return sft_trainer(
            tiny(attention_dropout=0.2),
            pocket_tokenizer,
            RECORDS,
            TrainingSettings(steps=6, batch_size=1, output_dir=folder, save_steps=2),
        )

    whole = build(tmp_path / "whole")
    whole.train()
    shutil.copytree(tmp_path / "whole" / "checkpoint-4", tmp_path / "interrupted" / "checkpoint-4")
    damaged = tmp_path / "interrupted" / "checkpoint-6"  # the run died while writing this one
    damaged.mkdir()
    (damaged / "model.safetensors").write_bytes(b"half")

    rest = build(tmp_path / "interrupted")
    resume(rest)

    assert losses(rest) == losses(whole)
    ours, theirs = rest.model.state_dict(), whole.model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_resuming_without_a_checkpoint_starts_from_the_beginning(
    tiny, pocket_tokenizer, tmp_path: Path
) -> None:
    trainer = sft_trainer(
        tiny(),
        pocket_tokenizer,
        RECORDS,
        TrainingSettings(steps=2, batch_size=4, output_dir=tmp_path, save_steps=1),
    )

    resume(trainer)

    assert len(losses(trainer)) == 2
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-2"


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give away")
def test_a_checkpoint_of_another_user_is_refused(tiny, pocket_tokenizer, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint-1"
    checkpoint.mkdir()
    (checkpoint / "trainer_state.json").write_text("{}")
    os.chown(checkpoint, 12345, 12345)
    trainer = sft_trainer(
        tiny(),
        pocket_tokenizer,
        RECORDS,
        TrainingSettings(steps=2, batch_size=4, output_dir=tmp_path, save_steps=1),
    )

    with pytest.raises(CompanionError, match=r"belongs to another user. Resume only runs"):
        resume(trainer)


def test_the_newest_checkpoint_is_found_by_number(tmp_path: Path) -> None:
    for name in ("checkpoint-9", "checkpoint-10", "checkpoint-x"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "trainer_state.json").write_text(json.dumps({}))

    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-10"
    assert last_checkpoint(tmp_path / "nothing") is None


# Silence


@pytest.mark.slow
def test_nothing_is_printed_and_nothing_stays_behind(tmp_path: Path) -> None:
    code = f"""
import companion
from companion.training.sft import sft_trainer
from companion.training.settings import TrainingSettings
from dataclasses import replace
settings = TrainingSettings(steps=1, batch_size=2)
model, tokenizer = companion.load("base")
trainer = sft_trainer(model, tokenizer, {RECORDS!r}, settings, packing=True)
trainer.train()
trainer.evaluate(trainer.train_dataset)
from peft import LoraConfig
config = LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")
sft_trainer(model, tokenizer, {RECORDS!r}, replace(settings, peft_config=config)).train()
print(trainer.args.output_dir)
"""
    root = Path(__file__).parents[2]

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
    )

    assert done.stderr == ""
    (folder,) = done.stdout.splitlines()
    assert not Path(folder).exists()
    assert list(tmp_path.iterdir()) == []


def test_the_temporary_folder_goes_with_the_trainer(tiny, pocket_tokenizer) -> None:
    trainer = sft_trainer(
        tiny(), pocket_tokenizer, RECORDS, TrainingSettings(steps=1, batch_size=2)
    )
    folder = Path(trainer.args.output_dir)
    assert folder.is_dir()

    del trainer
    gc.collect()

    assert not folder.exists()


def test_no_run_is_reported_to_anyone(
    tiny, pocket_tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: asked.append(a) or [])
    threads_before = set(threading.enumerate())

    sft_trainer(tiny(), pocket_tokenizer, RECORDS, TrainingSettings(steps=1, batch_size=2)).train()

    started = set(threading.enumerate()) - threads_before
    assert asked == []
    assert not [t for t in started if "telemetry" in t.name]


# Bad input


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps must be a whole number from 1, got 0"),
        ({"batch_size": 0}, "batch_size must be a whole number from 1, got 0"),
        ({"batch_size": 1.5}, "batch_size must be a whole number from 1, got 1.5"),
        ({"learning_rate": -1.0}, "learning_rate must be above 0, got -1.0"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0, got nan"),
        ({"save_steps": 0}, "save_steps must be a whole number from 1, got 0"),
        ({"save_steps": 1}, "save_steps needs an output_dir"),
        ({"seed": -1}, "seed must be a whole number from 0, got -1"),
    ],
    ids=str,
)
def test_numbers_out_of_range_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingSettings(**{"steps": 1} | settings)


def test_a_float16_model_is_refused(tiny, pocket_tokenizer) -> None:
    with pytest.raises(ValueError, match="float16 can't be trained: load it with dtype='float32'"):
        sft_trainer(tiny().half(), pocket_tokenizer, RECORDS, TrainingSettings(steps=1))


def test_a_batch_that_cannot_be_shared_out_is_refused(
    tiny, pocket_tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")

    with pytest.raises(ValueError, match="multiple of the 2 processes, got 3"):
        sft_trainer(tiny(), pocket_tokenizer, RECORDS, TrainingSettings(steps=1, batch_size=3))


# Precision


@pytest.mark.parametrize(("asked", "bf16"), [(None, False), (False, False), (True, True)])
def test_on_a_cpu_half_precision_is_used_only_if_asked_for(
    tiny, pocket_tokenizer, asked, bf16
) -> None:
    trainer = sft_trainer(
        tiny(),
        pocket_tokenizer,
        RECORDS,
        TrainingSettings(steps=1, batch_size=2, mixed_precision=asked),
    )

    trainer.train()

    assert trainer.args.bf16 is bf16
    assert {p.dtype for p in trainer.model.parameters()} == {torch.float32}
    assert losses(trainer)[0] > 0
