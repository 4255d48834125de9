"""A model is handed to DDP or FSDP2, and nothing else."""

import pytest
import torch

from companion.training.processes.sharing import clip_gradients, core, held_here, whole, wrap
from companion.training.processes.world import joined
from tests.training.processes.shared_task import Tiny


def test_an_unknown_way_is_refused() -> None:
    with joined() as world, pytest.raises(ValueError, match="one of ddp, fsdp, got 'zero9'"):
        wrap(Tiny(0), "zero9", world)


@pytest.mark.parametrize("sharing", ["ddp", "fsdp"])
def test_gradients_are_clipped_by_their_norm_over_all_weights(sharing: str) -> None:
    with joined() as world:
        model = wrap(Tiny(0), sharing, world)
        model(torch.arange(10)[None]).square().sum().backward()
        grads = [whole(parameter.grad) for parameter in model.parameters()]
        expected = torch.cat([grad.flatten() for grad in grads]).norm().item()

        norm = clip_gradients(model, 0.5)

        assert norm == pytest.approx(expected, rel=1e-5)
        after = [whole(parameter.grad).flatten() for parameter in model.parameters()]
        assert torch.cat(after).norm().item() == pytest.approx(0.5, rel=1e-4)
        assert held_here(model) == sum(p.numel() for p in Tiny(0).parameters())
        assert isinstance(core(model), Tiny)


def test_a_gradient_that_is_not_finite_is_refused() -> None:
    with joined() as world:
        model = wrap(Tiny(0), "ddp", world)
        (model(torch.arange(4)[None]).sum() * float("inf")).backward()

        with pytest.raises(RuntimeError, match="non-finite"):
            clip_gradients(model, 1.0)


def test_blocks_compute_in_the_format_that_is_asked_for() -> None:
    with joined() as world:
        model = wrap(Tiny(0), "fsdp", world, dtype=torch.bfloat16)

        scores = model(torch.arange(4)[None])
        scores.float().sum().backward()

        assert scores.dtype == torch.bfloat16
        assert {parameter.grad.dtype for parameter in model.parameters()} == {torch.float32}
