"""QLoRA against LoRA and full fine-tuning: accuracy, memory and time on the same data.

With the records, steps and learning rates of `peft_methods`. Taught in
:doc:`/book/open-models/qlora`.
"""

from typing import Any

from ._instructions import BATCH_SIZE, ITEMS, METHODS, STEPS, train_and_measure
from ._process import in_its_own_process

VARIANTS = {"full": None, "lora": None, "lora_int8": "int8", "lora_nf4": "nf4"}
"""Format of the frozen weights. "lora_nf4" is QLoRA."""


def run(name: str, *, steps: int, count: int) -> dict[str, Any]:
    """Train and measure one variant.

    Args:
        name: A key of `VARIANTS`.
        steps: Number of updates.
        count: Number of held-out instructions.
    """
    method = METHODS["full" if name == "full" else "lora"]
    return train_and_measure(method, steps=steps, count=count, quantization=VARIANTS[name])


def measure(*, scale: float = 1.0) -> dict[str, Any]:
    """Measure all variants, each in a process of its own.

    Args:
        scale: Below 1, fewer steps and items.
    """
    steps, count = max(2, round(STEPS * scale)), max(10, round(ITEMS * scale))
    return {
        "steps": steps,
        "batch_size": BATCH_SIZE,
        "variants": {
            name: in_its_own_process(run, name, steps=steps, count=count) for name in VARIANTS
        },
    }
