"""The step counts tokens, not processes, and a run stops where all have saved."""

from pathlib import Path
from threading import Event

import pytest
import torch

from companion.training.processes.loop import token_losses, train, train_step
from companion.training.processes.progress import steps_done
from companion.training.processes.sharing import wrap
from companion.training.processes.world import joined
from tests.training.processes.shared_task import batches, loss, task


def test_the_losses_of_tokens_are_those_of_transformers(tiny: object) -> None:
    model = tiny()
    ids = torch.arange(2, 26).view(2, 12)
    labels = ids.clone()
    labels[0, :7] = -100

    summed, tokens = token_losses(model, {"input_ids": ids, "labels": labels})

    assert tokens == 5 + 11
    expected = model(input_ids=ids, labels=labels).loss
    torch.testing.assert_close(summed / tokens, expected)


def test_without_labels_every_token_but_the_first_counts(tiny: object) -> None:
    model, ids = tiny(), torch.arange(2, 26).view(2, 12)

    summed, tokens = token_losses(model, {"input_ids": ids})

    assert tokens == 22
    torch.testing.assert_close(summed / tokens, model(input_ids=ids, labels=ids).loss)


def test_a_batch_without_labels_is_refused() -> None:
    batch = next(batches(0))
    batch["labels"][:] = -100
    with joined() as world:
        model = wrap(task().model, "ddp", world)
        optimizer = torch.optim.AdamW(model.parameters())

        with pytest.raises(ValueError, match="all labels are -100"):
            train_step(model, optimizer, batch, loss, world)


def test_a_run_that_is_asked_to_stop_saves_first(tmp_path: Path) -> None:
    stop, seen = Event(), []
    with joined() as world:
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the loop is what is tested
            for record in train(task(), world, tmp_path, save_steps=99, stop=stop):
                seen.append(record["step"])
                if record["step"] == 2:
                    stop.set()

        assert seen == [1, 2, 3]
        assert steps_done(tmp_path) == 3


@pytest.mark.parametrize("sharing", ["ddp", "fsdp"])
def test_products_in_16_bits_give_nearly_the_same_losses(sharing: str, tmp_path: Path) -> None:
    losses = {}
    with joined() as world:
        for dtype in (None, torch.bfloat16):
            mine = task(steps=3)
            records = train(mine, world, tmp_path / str(dtype), sharing=sharing, dtype=dtype)
            losses[dtype] = [record["loss"] for record in records]
            kinds = {parameter.dtype for parameter in mine.model.parameters()}
            assert sharing == "fsdp" or kinds == {torch.float32}

    assert losses[torch.bfloat16] != losses[None]
    assert losses[torch.bfloat16] == pytest.approx(losses[None], abs=0.05)
