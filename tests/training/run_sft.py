"""Train a tiny random model for three steps and write its losses and weights: see test_accelerate.

accelerate launch --multi_gpu --num_processes 2 tests/training/run_sft.py FOLDER
"""

import json
import os
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

import companion
from companion.training.settings import TrainingSettings
from companion.training.sft import sft_trainer
from companion.training.trainer import history

WORDS = ["salt", "stone", "river", "Monday", "a red hat", "4 + 4", "one of two", "yes"]


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    transformers.set_seed(0)
    model = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=2048,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=128,
            eos_token_id=0,
            pad_token_id=1,
        )
    )
    records = [
        {
            "messages": [
                {"role": "user", "content": "Say it again."},
                {"role": "assistant", "content": f"{word} " * count},
            ]
        }
        for count, word in enumerate(WORDS, 1)
    ]
    tokenizer = companion.load("base").tokenizer
    trainer = sft_trainer(
        model, tokenizer, records, TrainingSettings(steps=3, batch_size=4, learning_rate=1e-2)
    )
    trainer.train()
    if int(os.environ.get("RANK", "0")) == 0:
        losses = [entry["loss"] for entry in history(trainer)]
        processes = trainer.accelerator.num_processes
        found = {"losses": losses, "processes": processes, "device": str(model.device)}
        (folder / "result.json").write_text(json.dumps(found))
        save_file(
            {name: value.detach().contiguous() for name, value in model.named_parameters()},
            folder / "model.safetensors",
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
