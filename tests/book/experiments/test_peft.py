"""The recorded comparisons of LoRA: what is trained, what is measured, that a small run works."""

import json

import pytest
import torch
from _experiments import peft_methods, rank_sweep
from _experiments._instructions import (
    BATCH_SIZE,
    METHODS,
    instruction_task,
    instruction_trainer,
    training_bytes,
)
from _experiments._process import in_its_own_process

from companion.models import load


@pytest.fixture(scope="module")
def smallest() -> dict[str, dict]:
    """Each method trained for two steps, in this process."""
    return {name: peft_methods.run(name, steps=2, count=3) for name in METHODS}


def test_full_training_keeps_16_bytes_for_each_parameter_and_a_frozen_one_takes_4() -> None:
    assert sum(training_bytes(100, 100).values()) == 1600
    assert sum(training_bytes(10, 100).values()) == 400 + 10 * 12


def test_all_methods_train_on_the_same_records_in_the_same_order() -> None:
    model, tokenizer = load("base", device="cpu")
    batches = [
        next(iter(trainer.get_train_dataloader()))["input_ids"]
        for trainer in (
            instruction_trainer(tuned, tokenizer, steps=2, learning_rate=1e-3)
            for tuned in (model, METHODS["prompt"].apply(model, []))
        )
    ]

    assert batches[0].shape[0] == BATCH_SIZE
    assert torch.equal(*batches)


def test_the_items_are_held_out_and_have_no_answer_in_the_prompt() -> None:
    _, tokenizer = load("base", device="cpu")

    task = instruction_task(tokenizer, 20)

    assert len(task.items) == 20
    assert all(prompt.endswith("<|assistant|>\n") for prompt, _ in task.items)
    assert task.right(" a b\n", "a b")
    assert not task.right("a b c", "a b")


@pytest.mark.slow
def test_each_method_has_its_share_of_trained_parameters(smallest) -> None:
    total = 5_270_784
    counted = {name: (found["trainable"], found["total"]) for name, found in smallest.items()}

    lora = 6 * 8 * (4 * 512 + 3 * (256 + 688))
    tokens = 3 * 256  # <|user|>, <|assistant|>, <|end|>
    adapter = 12 * (2 * 256 * 32 + 256 + 32)
    assert counted == {
        "full": (total, total),
        "lora": (lora + tokens, total + lora + tokens),
        "lora_only": (lora, total + lora),
        "adapter": (adapter + tokens, total + adapter + tokens),
        "prompt": (20 * 256, total + 20 * 256),
    }


@pytest.mark.slow
def test_what_is_measured_is_complete_and_goes_into_a_file(smallest) -> None:
    for found in smallest.values():
        assert found["peak_bytes"] >= found["set_up_bytes"] > 50e6
        assert found["seconds_per_step"] > 0
        assert len(found["losses"]) == 2
        assert found["total"] > 0
        assert found["share"] == round(found["right"] / 3, 4)
    assert json.loads(json.dumps(smallest)) == smallest


@pytest.mark.slow
def test_a_process_of_its_own_measures_the_same_losses(smallest) -> None:
    found = in_its_own_process(peft_methods.run, "lora", steps=2, count=3)

    assert found["losses"] == pytest.approx(smallest["lora"]["losses"], rel=1e-3)
    assert found.keys() == smallest["lora"].keys()


@pytest.mark.slow
def test_the_rank_sets_the_number_of_parameters() -> None:
    one = rank_sweep.run(1, None, steps=1, count=2)
    narrow = rank_sweep.run(2, ["q_proj", "v_proj"], steps=1, count=2)

    assert one["trainable"] == 6 * (4 * 512 + 3 * (256 + 688)) + 3 * 256
    assert narrow["trainable"] == 6 * 2 * 2 * 512 + 3 * 256
    assert (one["targets"], narrow["targets"]) == ("all linear layers", "q_proj, v_proj")
    assert len(one["losses"]) == 1


@pytest.mark.slow
def test_the_sweep_covers_the_ranks_and_can_be_made_small() -> None:
    assert rank_sweep.RANKS == (1, 2, 4, 8, 16, 32)

    found = rank_sweep.measure(scale=0.001)

    assert [run["rank"] for run in found["runs"]] == [1, 2, 4, 8, 16, 32, 8]
    assert (found["steps"], found["runs"][0]["total"]) == (
        2,
        5_270_784 + found["runs"][0]["trainable"],
    )
    assert json.loads(json.dumps(found)) == found
