"""One command rebuilds the chat and the reward model, and goes on where it was stopped."""

import json

import pytest

from companion._claim import claimed
from companion.models import load
from companion.pocket import post_train
from companion.pocket.post_train import PLANS, Plan

SMALL = Plan("base", records=48, steps=4, batch_size=1, learning_rate=1e-4)


def log(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("role", ["chat", "reward"])
def test_a_run_leaves_a_model_that_loads_with_its_log(role, tmp_path):
    folder = post_train.post_train(role, tmp_path, plan=SMALL)

    model, tokenizer = load(folder)
    assert (
        model.__class__.__name__
        == {
            "chat": "LlamaForCausalLM",
            "reward": "LlamaForSequenceClassification",
        }[role]
    )
    assert tokenizer.chat_template
    lines = log(tmp_path)
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert lines[-1]["tokens"] > lines[0]["tokens"] > 0
    assert lines[-1]["seconds"] == float((tmp_path / "seconds.txt").read_text()) > 0


def test_the_chat_model_stops_at_the_end_of_a_turn(tmp_path):
    model, tokenizer = load(post_train.post_train("chat", tmp_path, plan=SMALL))

    ends = tokenizer.convert_tokens_to_ids(["<|endoftext|>", "<|end|>"])
    assert model.generation_config.eos_token_id == ends


@pytest.mark.slow
def test_an_interrupted_run_goes_on_to_the_same_losses(tmp_path, monkeypatch):
    monkeypatch.setattr(post_train, "SAVE_STEPS", 2)
    post_train.post_train("chat", tmp_path / "whole", plan=SMALL)

    class Stopped(KeyboardInterrupt):
        pass

    original = post_train.resume

    def stop_after_three_steps(trainer):
        from transformers import TrainerCallback

        class Stop(TrainerCallback):
            def on_step_end(self, args, state, control, **kwargs):
                if state.global_step == 3:
                    raise Stopped

        trainer.add_callback(Stop())
        original(trainer)

    monkeypatch.setattr(post_train, "resume", stop_after_three_steps)
    with pytest.raises(Stopped):
        post_train.post_train("chat", tmp_path / "stopped", plan=SMALL)
    assert not (tmp_path / "stopped" / "model").exists()
    monkeypatch.setattr(post_train, "resume", original)
    post_train.post_train("chat", tmp_path / "stopped", plan=SMALL)

    whole, stopped = ([line["loss"] for line in log(tmp_path / x)] for x in ("whole", "stopped"))
    assert stopped == pytest.approx(whole, rel=1e-5)


def test_the_time_of_all_sessions_counts(tmp_path):
    file = tmp_path / "seconds.txt"
    file.write_text("100\n")

    with pytest.raises(KeyboardInterrupt), post_train.timed(file):
        raise KeyboardInterrupt

    assert 100 <= float(file.read_text()) < 110


def test_an_unknown_role_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"role must be one of \['chat', 'reward'\], got 'base'"):
        post_train.post_train("base", tmp_path)


def test_a_missing_base_model_is_reported_without_a_trace(tmp_path, capsys):
    (tmp_path / "empty").mkdir()

    status = post_train.main(
        ["chat", "--out", str(tmp_path / "run"), "--base", str(tmp_path / "empty")]
    )

    assert status == 1
    assert "is not a checkpoint: it has no config.json" in capsys.readouterr().err


def test_a_folder_that_another_run_writes_is_refused(tmp_path, capsys):
    with claimed(tmp_path):
        assert post_train.main(["chat", "--out", str(tmp_path)]) == 1

    assert f"{tmp_path} is being written by process" in capsys.readouterr().err


def test_ctrl_c_says_how_to_go_on(tmp_path, capsys, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(post_train, "post_train", interrupt)

    assert post_train.main(["chat", "--out", str(tmp_path)]) == 130
    assert f"go on from {tmp_path}" in capsys.readouterr().err


def test_steps_and_precision_of_the_command_line_reach_the_plan(tmp_path, monkeypatch):
    seen = {}
    monkeypatch.setattr(
        post_train, "post_train", lambda role, out, *, plan, seed: seen.update(plan=plan)
    )

    post_train.main(["reward", "--out", str(tmp_path), "--steps", "7", "--bf16"])

    assert seen["plan"] == PLANS["reward"]._replace(steps=7, mixed_precision=True)
