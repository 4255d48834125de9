"""QLoRA on the open model: the training of `open_lora` on weights in 4 bits, half as long.

The learning rate is the one that `open_lora` chose; before the training, the model was the same, so
its figures are in that record. Taught in :doc:`/book/open-models/qlora`.

Left out: several seeds, and as many steps as LoRA had.
"""

from functools import partial
from typing import Any

from companion.pocket.records import record

from ._adapting import versions
from ._open_adapter import SETTINGS, Plan, one_training
from ._process import in_its_own_process
from ._side_by_side import ORIGIN
from ._stages import stages

STEPS = 12
FORMAT = "nf4"


def measure(*, scale: float = 1.0, model: str = "smollm2") -> dict[str, Any]:
    """Train an adapter on the model in NF4, and ask held-out items.

    Args:
        scale: Below 1, fewer steps and items.
        model: What is trained.

    Returns:
        ``after``, as `_experiments._open_adapter.one_training` has it.
    """
    rate = record("open_lora")["settings"]["learning_rate"]
    stated = {"scale": scale, "model": model, "rate": rate, "steps": STEPS}
    with stages("open_qlora", **stated, **SETTINGS) as stage:
        plan = Plan(str(stage.folder), scale, model, STEPS, rate, FORMAT)
        after = stage("after", partial(in_its_own_process, one_training, "after", plan=plan))
    return {
        "origin": ORIGIN,
        "versions": versions("bitsandbytes"),
        "settings": SETTINGS | {"steps": STEPS, "learning_rate": rate, "quantization": FORMAT},
        "after": after,
    }
