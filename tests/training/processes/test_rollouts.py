"""Shared rollouts are those of one process. In two processes: tests/pocket/test_distributed.py."""

import pytest
import torch

from companion.training.processes import rollouts
from companion.training.processes.rollouts import shared_rollout
from companion.training.processes.world import World, joined
from companion.training.rollout import rollout

PROMPTS = [[5, 6, 7], [8], [9, 10], [11, 12, 13, 14], [15, 16]]


def draws(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_one_process_writes_what_rollout_writes(tiny: object, pocket_tokenizer: object) -> None:
    expected = rollout(tiny(), pocket_tokenizer, PROMPTS, max_new_tokens=6, generator=draws())
    generator = draws()

    with joined() as world:
        options = {"max_new_tokens": 6, "world": world, "generator": generator}
        shared = shared_rollout(tiny(), pocket_tokenizer, PROMPTS, **options)

    for ours, theirs in zip(shared, expected, strict=True):
        assert torch.equal(ours, theirs) if isinstance(ours, torch.Tensor) else ours == theirs


@pytest.mark.parametrize("size", [2, 3, 5])
def test_the_shares_of_several_together_are_what_one_writes(
    size: int, tiny: object, pocket_tokenizer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each process is played in turn; the sum over all of them is taken here."""
    tables, states = [], []

    def kept(table: torch.Tensor) -> torch.Tensor:
        tables.append(table.clone())
        return table

    monkeypatch.setattr(rollouts, "total", kept)
    for rank in range(size):
        generator = draws()
        world = World(rank, size, torch.device("cpu"))
        options = {"max_new_tokens": 6, "world": world, "generator": generator}
        shared_rollout(tiny(), pocket_tokenizer, PROMPTS, **options)
        states.append(generator.get_state())
    expected = rollout(tiny(), pocket_tokenizer, PROMPTS, max_new_tokens=6, generator=draws())

    ids = torch.stack(tables).sum(0)
    width = expected.completion_mask.shape[1]
    answers = torch.where(expected.completion_mask, expected.input_ids[:, -width:] + 1, 0)
    assert torch.equal(ids[:, :width], answers)
    assert all(torch.equal(state, states[0]) for state in states)  # ready for the next draw


def test_fewer_prompts_than_processes_are_refused(tiny: object, pocket_tokenizer: object) -> None:
    world = World(0, 3, torch.device("cpu"))

    with pytest.raises(ValueError, match="each of the 3 processes needs a prompt, got 2"):
        shared_rollout(
            tiny(),
            pocket_tokenizer,
            PROMPTS[:2],
            max_new_tokens=4,
            world=world,
            generator=draws(),
        )
