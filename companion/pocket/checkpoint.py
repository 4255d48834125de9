"""From the checkpoint of a pre-training run to a model that `companion.load` reads."""

import json
from pathlib import Path

from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from companion.training.checkpoint import load_parameters, read

# What may still change while the learning rate is on its plateau: the plan for the rest of the run.
RESUMABLE_CHANGES = frozenset({"steps", "decay_share", "annealing_begins"})


def export(folder: Path, target: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    """Write the weights as a float16 ``transformers`` model, with the tokenizer.

    Args:
        folder: Where the run wrote its checkpoint.
        target: Folder of the model.
        tokenizer: Its tokenizer.

    Raises:
        CheckpointError: If there is no checkpoint or it is damaged.
    """
    tensors, notes = read(folder)
    model = LlamaForCausalLM(LlamaConfig(**json.loads(notes["config"])))
    load_parameters(folder, tensors, {"model": model})
    model.half().save_pretrained(target)
    tokenizer.save_pretrained(target)
