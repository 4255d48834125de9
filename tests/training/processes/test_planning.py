"""What a process needs, by hand and by counting tensors."""

from types import SimpleNamespace

import pytest
import torch

from companion.training.processes.planning import (
    DIVIDED,
    activation_bytes,
    collected_at_once,
    rank_memory,
    step_time,
    traffic_bytes,
)
from tests.training.processes.shared_task import Block, Tiny


def test_the_stages_are_those_of_the_paper() -> None:
    """Figure 1 of Rajbhandari et al. 2020: 7.5 billion parameters, 64 processes, in GB."""
    totals = [rank_memory(7_500_000_000, 64, sharing=s).total / 1e9 for s in DIVIDED]

    assert totals == pytest.approx([120, 31.4, 16.6, 1.9], abs=0.05)


def test_tensors_of_a_training_step_are_counted_right() -> None:
    model = torch.nn.Linear(30, 20)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 30)).sum().backward()
    optimizer.step()
    parameters = list(model.parameters())
    moments = [
        state[name] for state in optimizer.state.values() for name in ("exp_avg", "exp_avg_sq")
    ]

    plan = rank_memory(620, 1, sharing="ddp", mixed_precision=False)

    def size(tensors: list[torch.Tensor]) -> int:
        return sum(tensor.nbytes for tensor in tensors)

    assert plan.weights == size(parameters)
    assert plan.gradients == size([parameter.grad for parameter in parameters])
    assert plan.optimizer == size(moments)


def test_only_parts_have_to_be_collected() -> None:
    copied = rank_memory(1000, 4, sharing="ddp", collected=100)
    parted = rank_memory(1000, 4, sharing="fsdp", collected=100)
    exact = rank_memory(1000, 4, sharing="fsdp", collected=100, mixed_precision=False)

    assert (copied.collected, parted.collected, exact.collected) == (0, 200, 400)
    assert parted.total == 16 * 1000 / 4 + 200


def test_two_blocks_and_what_is_outside_are_collected() -> None:
    model = Tiny(0)
    block = sum(weight.numel() for weight in model.layers[0].parameters())
    model.layers.append(Block())

    assert collected_at_once(model) == model.embed.weight.numel() + 2 * block


def test_with_one_process_nothing_is_divided_and_nothing_sent() -> None:
    totals = {rank_memory(10, 1, sharing=s, mixed_precision=False).total for s in DIVIDED}

    assert totals == {160}
    assert traffic_bytes(10, 1, sharing="fsdp") == 0


def test_collecting_weights_sends_half_as_much_again() -> None:
    copied, parted = (traffic_bytes(1000, 4, sharing=sharing) for sharing in ("ddp", "fsdp"))

    assert copied == 2 * 3 / 4 * 1000 * 2
    assert parted == 1.5 * copied


def test_activations_by_hand() -> None:
    config = SimpleNamespace(hidden_size=8, num_hidden_layers=3, vocab_size=10)

    assert activation_bytes(config, 5) == 5 * (34 * 8 * 3 + 80)
    assert activation_bytes(config, 5, recompute=True) == 5 * (2 * 8 * 3 + 34 * 8 + 80)


def test_a_step_takes_as_long_as_its_longer_part_or_both() -> None:
    step = step_time(100, 10, peak=1000, mfu=0.5, traffic=30, bandwidth=10)

    assert step == (12, 3)
    assert (step.at_best, step.at_worst) == (12, 15)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rank_memory(5, 2, sharing="zero4"), "one of ddp, zero1, zero2, fsdp, got 'zero4'"),
        (lambda: traffic_bytes(5, 2, sharing="zero4"), "one of ddp"),
        (lambda: rank_memory(0, 2, sharing="ddp"), "parameters must be a whole number from 1"),
        (lambda: step_time(1, 1, peak=1, mfu=2, traffic=0, bandwidth=1), "mfu must be at most 1"),
    ],
)
def test_what_is_out_of_range_is_refused(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
