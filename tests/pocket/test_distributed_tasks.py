"""What each process of a run does, here in a single one. In two: test_distributed.py."""

import errno
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from companion.pocket import distributed_tasks as tasks
from companion.pocket.recipe import Recipe
from companion.training.processes.world import World, joined


@pytest.fixture
def world() -> Iterator[World]:
    with joined() as world:
        yield world


def test_the_text_of_a_pretraining_is_written_once_and_cut_into_steps(world, tmp_path):
    made = tasks.pretraining(world, tmp_path, steps=2)
    (rows,) = tmp_path.iterdir()
    before = rows.stat().st_mtime_ns
    again = tasks.pretraining(world, tmp_path, steps=2)

    batches, late = list(made.task.batches(0)), list(again.task.batches(1))

    recipe = Recipe(steps=2, **tasks.SMALL)
    shape = (recipe.batch_tokens // recipe.sequence_length, recipe.sequence_length)
    assert [batch["input_ids"].shape for batch in batches] == [shape] * 2
    assert torch.equal(late[0]["input_ids"], batches[1]["input_ids"])
    assert not torch.equal(batches[0]["input_ids"], batches[1]["input_ids"])
    assert rows.stat().st_mtime_ns == before
    assert made.task.recipe["task"] == "pretrain"
    assert sum(p.numel() for p in made.task.model.parameters()) < 10**6


def test_conversations_of_a_step_are_padded_and_the_user_has_no_labels(chat):
    turns = [
        [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello!"}],
        [
            {"role": "user", "content": "What is the capital of France?"},
            {"role": "assistant", "content": "Paris."},
        ],
    ]

    batch = tasks.conversations(chat.tokenizer, turns)

    lengths = batch["attention_mask"].sum(dim=1)
    assert lengths[0] < lengths[1] == batch["input_ids"].shape[1]
    assert (batch["labels"][0, lengths[0] :] == tasks.IGNORED).all()
    for ids, labels, (_, said) in zip(batch["input_ids"], batch["labels"], turns, strict=True):
        told = ids[labels != tasks.IGNORED]
        assert said["content"] in chat.tokenizer.decode(told)
        assert "user" not in chat.tokenizer.decode(told)


def test_the_rate_of_fine_tuning_falls_to_zero_and_each_step_has_new_conversations(world, tmp_path):
    made = tasks.fine_tuning(world, tmp_path, steps=4)
    batches = list(made.task.batches(0))

    assert [made.task.learning_rate(step) for step in (0, 2, 4)] == [1e-3, 5e-4, 0]
    assert [len(batch["input_ids"]) for batch in batches] == [tasks.SFT_ROWS] * 4
    assert len(list(made.task.batches(3))) == 1


def test_rollouts_are_written_a_line_each(world, tmp_path):
    tasks.write_rollouts(world, tmp_path, sharing="ddp", count=3, seed=1)

    lines = [json.loads(line) for line in (tmp_path / "rollouts.jsonl").read_text().splitlines()]
    assert len(lines) == 3
    assert all(line["prompt"][-1]["role"] != "assistant" for line in lines)
    assert all(isinstance(line["finished"], bool) and line["response"] for line in lines)


def test_a_line_that_does_not_fit_on_the_disk_leaves_the_log_as_it_was(tmp_path, monkeypatch):
    log = tmp_path / "log.jsonl"
    log.write_text("{}\n")
    whole = Path.open

    class Full:
        """Writes half of a line."""

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def write(self, line):
            with whole(log, "a") as file:
                file.write(line[: len(line) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", lambda *_, **__: Full())

    with pytest.raises(OSError, match=r"log\.jsonl can't be written .*No space left"):
        tasks._append(log, '{"step": 1}\n')

    monkeypatch.undo()
    assert log.read_text() == "{}\n"
