"""LoRA on the open model: seven kinds of exact instructions, and what is forgotten.

SmolLM2-135M-Instruct is trained on a mixture of instructions that it answers in its own words
instead of the form that is asked for. The learning rate of QLoRA's authors for models of 7 and 13
billion parameters, 2e-4 (Dettmers et al. 2023, https://arxiv.org/abs/2305.14314), and one five
times as high are compared after a few steps, by the loss on development items. Held-out items are
asked before and after. Taught in :doc:`/book/training/lora`.

Left out: several seeds, other ranks, more than one pass over the records.
"""

from functools import partial
from typing import Any

from ._adapting import versions
from ._open_adapter import SETTINGS, Plan, asked_before, one_training, one_trial
from ._process import in_its_own_process
from ._side_by_side import ORIGIN
from ._stages import stages

RATES = (2e-4, 1e-3)
STEPS, TRIAL_STEPS = 24, 5


def measure(*, scale: float = 1.0, model: str = "smollm2") -> dict[str, Any]:
    """Choose a learning rate, train, and ask held-out items before and after.

    Args:
        scale: Below 1, fewer steps and items.
        model: What is trained.

    Returns:
        ``trials`` (loss on development items by learning rate), ``before`` and ``after`` (see
        `_experiments._open_adapter.one_training`).
    """
    stated = {"scale": scale, "model": model, "rates": RATES, "steps": [STEPS, TRIAL_STEPS]}
    with stages("open_lora", **stated, **SETTINGS) as stage:
        plan = Plan(str(stage.folder), scale, model)

        def alone(run: Any, name: str, plan: Plan) -> Any:
            return stage(name, partial(in_its_own_process, run, name, plan=plan))

        before = alone(asked_before, "before", plan)
        trials = {
            str(rate): alone(
                one_trial, f"trial-{rate}", plan._replace(steps=TRIAL_STEPS, rate=rate)
            )
            for rate in RATES
        }
        best = min(RATES, key=lambda rate: trials[str(rate)]["loss"])
        after = alone(one_training, "after", plan._replace(steps=STEPS, rate=best))
    return {
        "origin": ORIGIN,
        "versions": versions(),
        "settings": SETTINGS | {"steps": STEPS, "learning_rate": best},
        "trials": trials,
        "before": before,
        "after": after,
    }
