"""Train small decoders on sums and on text that are cut into tokens in different ways.

Sums: the same additions with digits apart, in pairs, or one token for each number up to 999, the
same number of steps. Text: the same bytes in vocabularies of 257 to 4,096 tokens. Each is trained
from two seeds. Taught in :doc:`/book/gpt/tokenization`.

Left out: learning rates tuned for each way. Differences smaller than those between seeds mean
nothing.
"""

from dataclasses import asdict

from . import _sums, _vocabularies
from ._sums import measure_sums
from ._vocabularies import measure_vocabularies

SEEDS = 2


def measure(*, scale: float = 1.0) -> dict[str, object]:
    """Train all decoders.

    Args:
        scale: Below 1, fewer steps, seeds and questions.

    Returns:
        ``sums``, what `measure_sums` returns, and ``vocabularies``, what `measure_vocabularies`
        does, each a dict with the ``design`` of its decoders, ``steps``, ``batch`` and ``runs``.
    """
    seeds = max(1, round(SEEDS * scale))
    return {
        name: {
            "design": asdict(module.DESIGN),
            "steps": max(2, round(module.STEPS * scale)),
            "batch": module.BATCH,
            "runs": run(scale=scale, seeds=seeds),
        }
        for name, module, run in (
            ("sums", _sums, measure_sums),
            ("vocabularies", _vocabularies, measure_vocabularies),
        )
    }
