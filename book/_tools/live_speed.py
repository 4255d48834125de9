"""Tokens per second of the page's modules in node, beside companion.generate and transformers.

    python book/_tools/live_speed.py [--tokens 96] [--pairs 7]

All write the same tokens with pocket-base, greedy, one text at a time, one thread, in turns. What
counts is the time of the processor, so that other work on the machine disturbs all alike. Prints
the medians, and fails if the tokens differ.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from live_weights import write_live_weights

import companion
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams

_HERE = Path(__file__).parent
_PROMPT = "Once upon a time, a girl named Anna walked to the old harbor and saw"
Run = Callable[[], tuple[list[int], float]]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tokens", type=int, default=96, help="tokens of each text")
    parser.add_argument("--pairs", type=int, default=7, help="texts that each one writes")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        write_live_weights(Path(folder))
        code = _HERE.parent / "_static" / "live"
        command = ["node", str(_HERE / "live_speed.mjs"), str(code), folder]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(command, text=True, **pipes) as node:
            speeds = measure(writers(node, options.tokens), options.pairs)
    print(json.dumps(speeds, indent=1))
    return 0


def writers(node: subprocess.Popen, tokens: int) -> dict[str, Run]:
    """Everything that writes: each call gives tokens and seconds of the processor."""
    model, tokenizer = companion.load("base", source="pocket", dtype="float32", device="cpu")
    inputs = tokenizer(_PROMPT, return_tensors="pt")
    params = SamplingParams(temperature=0, max_new_tokens=tokens)

    def page(kernel: str) -> tuple[list[int], float]:
        print(json.dumps({"text": _PROMPT, "tokens": tokens, "kernel": kernel}), file=node.stdin)
        node.stdin.flush()
        answer = json.loads(node.stdout.readline())
        return answer["ids"], answer["seconds"]

    def package() -> tuple[list[int], float]:
        start = time.process_time()
        (written,) = generate(model, tokenizer, _PROMPT, params)
        return written.token_ids, time.process_time() - start

    def library() -> tuple[list[int], float]:
        start = time.process_time()
        settings = {"max_new_tokens": tokens, "do_sample": False, "pad_token_id": 0}
        written = model.generate(**inputs, **settings)
        return written[0, inputs.input_ids.shape[1] :].tolist(), time.process_time() - start

    return {
        "transformers": library,
        "companion.generate": package,
        "page, JavaScript": lambda: page("plain"),
        "page, WebAssembly SIMD": lambda: page("simd"),
    }


def measure(runs: dict[str, Run], pairs: int) -> dict[str, float]:
    """Let all write in turns; returns tokens per second, medians.

    Raises:
        ValueError: If one writes other tokens.
    """
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    wanted, _ = runs["transformers"]()
    for number in range(pairs + 1):
        for name, run in runs.items():
            ids, taken = run()
            if ids != wanted:
                raise ValueError(f"{name} wrote other tokens than transformers: {ids}")
            if number:  # the first turn warms up
                seconds[name].append(taken)
    return {name: round(len(wanted) / median(taken), 1) for name, taken in seconds.items()}


if __name__ == "__main__":
    sys.exit(main())
