"""Who the processes are, and what each of them reads."""

import pytest
import torch

from companion.errors import CheckpointError, CompanionError
from companion.training.processes.world import World, agreeing, joined, share_of, total


def worlds(size: int) -> list[World]:
    return [World(rank, size, torch.device("cpu")) for rank in range(size)]


@pytest.mark.parametrize(("rows", "size"), [(1, 1), (4, 2), (7, 3), (5, 5)])
def test_the_shares_together_are_the_batch(rows: int, size: int) -> None:
    ids = torch.arange(rows * 3).view(rows, 3)

    shares = [share_of({"ids": ids, "mask": ids + 1}, world) for world in worlds(size)]

    assert torch.equal(torch.cat([share["ids"] for share in shares]), ids)
    assert torch.equal(torch.cat([share["mask"] for share in shares]), ids + 1)
    lengths = [len(share["ids"]) for share in shares]
    assert max(lengths) - min(lengths) <= 1


def test_fewer_rows_than_processes_are_refused() -> None:
    with pytest.raises(ValueError, match="a row for each of the 3 processes, got 2"):
        share_of({"ids": torch.zeros(2, 4)}, worlds(3)[0])


def test_without_a_launcher_one_process_is_alone_and_first() -> None:
    with joined() as world:
        value = torch.tensor([2.0], requires_grad=True)
        summed = total(value)

        assert (world.rank, world.size, world.first) == (0, 1, True)
        assert summed.item() == 2
        assert not summed.requires_grad
    with joined() as again:  # the first one has been left
        assert again.size == 1


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)

    with pytest.raises(ValueError, match="needs 1 GPUs, one for each process here, found 0"):
        joined(gpu=True).__enter__()


@pytest.mark.parametrize("kind", [CompanionError, CheckpointError])
@pytest.mark.parametrize("error", [OSError("no röom"), CompanionError("no röom")])
def test_what_fails_is_raised_with_its_words(kind: type, error: Exception) -> None:
    with joined():
        with pytest.raises(kind, match=r"^no röom$"), agreeing(kind):
            raise error
        with agreeing():
            pass


def test_a_mistake_in_the_program_is_no_refusal() -> None:
    with joined(), pytest.raises(KeyError), agreeing():
        raise KeyError("x")
