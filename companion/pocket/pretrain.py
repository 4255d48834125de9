"""Pre-train pocket-base: a small Llama on the procedural corpus, on a CPU or a GPU.

    python -m companion.pocket.pretrain --out runs/base

The run is deterministic by seed, writes a checkpoint every few minutes and on Ctrl-C, and goes on
from it when it is started again with the same ``--out``. The weight matrices of the blocks are
trained with Muon (Jordan et al. 2024), everything else with AdamW. Taught in
:doc:`/book/start/pocket-models`.

Shapes: B sequences of T tokens; a step reads ``B * T = batch_tokens`` tokens.
"""

import argparse
import dataclasses
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import count
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from tqdm import tqdm
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from companion._claim import claimed
from companion._files import write_whole
from companion.errors import CompanionError
from companion.training import checkpoint
from companion.training.interrupts import held_interrupts

from .checkpoint import RESUMABLE_CHANGES, export
from .corpus import documents
from .recipe import SHARD_TOKENS, Recipe
from .tokenizer import build as build_tokenizer


def new_model(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Return a model with random weights, the same ones for the same seed."""
    torch.manual_seed(recipe.seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.width,
        intermediate_size=recipe.mlp_width,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=recipe.context,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


def shard(tokenizer: PreTrainedTokenizerFast, recipe: Recipe, *, index: int) -> torch.Tensor:
    """Return the ``index``-th million of training tokens, shape ``(SHARD_TOKENS,)``.

    Documents are packed one after the other, each with an end-of-text token behind it.
    """
    tokens: list[int] = []
    annealing = index * recipe.steps_per_shard >= recipe.annealing_begins
    source = documents(recipe.seed * 100_000 + index, annealing=annealing)
    while len(tokens) < SHARD_TOKENS:
        texts = [next(source).text for _ in range(1000)]
        for ids in tokenizer(texts)["input_ids"]:
            tokens += [*ids, tokenizer.eos_token_id]
    return torch.tensor(tokens[:SHARD_TOKENS])


def batches(
    tokenizer: PreTrainedTokenizerFast, recipe: Recipe, *, first_step: int = 0
) -> Iterator[torch.Tensor]:
    """Yield the batch of each step from ``first_step`` on, shape ``(B, T)``.

    They depend on the seed and the step alone, so an interrupted run reads what it would have read.
    """
    loaded, tokens = -1, torch.empty(0)
    for step in count(first_step):
        index, place = divmod(step, recipe.steps_per_shard)
        if index != loaded:
            loaded, tokens = index, shard(tokenizer, recipe, index=index)
        batch = tokens[place * recipe.batch_tokens : (place + 1) * recipe.batch_tokens]
        yield batch.view(-1, recipe.sequence_length_at(step))


def optimizers(model: LlamaForCausalLM, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Return Muon for the matrices of the blocks and AdamW for the rest, with equal step sizes."""
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    rest = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    lr = recipe.learning_rate
    return [
        torch.optim.Muon(
            matrices,
            lr=lr,
            momentum=0.95,
            weight_decay=recipe.weight_decay,
            adjust_lr_fn="match_rms_adamw",
        ),
        torch.optim.AdamW(rest, lr=lr, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def language_model_loss(model: LlamaForCausalLM, input_ids: torch.Tensor) -> torch.Tensor:
    """Return the mean next-token cross-entropy in nats."""
    logits = model(input_ids=input_ids, use_cache=False).logits[:, :-1]  # (B, T-1, V)
    return cross_entropy(logits.float().flatten(0, 1), input_ids[:, 1:].flatten())


def train(
    recipe: Recipe,
    tokenizer: PreTrainedTokenizerFast,
    folder: Path,
    *,
    device: str = "cpu",
    mixed_precision: bool = True,
    compiled: bool = False,
    save_every: int = 200,
    stop_after: int | None = None,
) -> Iterator[dict[str, float]]:
    """Train, yielding a record for each step; go on from the checkpoint in ``folder`` if any.

    Args:
        recipe: What to train.
        tokenizer: Its vocabulary fixes the size of the embedding.
        folder: Where ``checkpoint.safetensors`` is kept.
        device: ``"cpu"`` or ``"cuda"``.
        mixed_precision: Run the matrix products in bfloat16.
        compiled: Compile the model first; needs a C++ compiler on a CPU.
        save_every: Steps between checkpoints.
        stop_after: Stop, with a checkpoint, after this many steps of this call.

    Yields:
        ``step``, ``loss`` (nats per token), ``learning_rate``, ``grad_norm`` and ``tokens`` read so
        far.

    Raises:
        CheckpointError: If the checkpoint is damaged or belongs to another recipe.
    """
    model = new_model(recipe, tokenizer).to(device).train()
    opts = optimizers(model, recipe)
    modules, settings = {"model": model}, dataclasses.asdict(recipe)
    notes = {"config": model.config.to_json_string()}
    done, _ = checkpoint.restore(folder, modules, opts, settings, changeable=RESUMABLE_CHANGES)
    loss_of: Callable[..., torch.Tensor] = (
        torch.compile(language_model_loss) if compiled else language_model_loss
    )
    precision = torch.autocast(device, torch.bfloat16) if mixed_precision else nullcontext()
    last = recipe.steps if stop_after is None else min(recipe.steps, done + stop_after)
    step = done
    try:
        for step, batch in zip(
            range(done, last), batches(tokenizer, recipe, first_step=done), strict=False
        ):
            for optimizer in opts:
                for group in optimizer.param_groups:
                    group["lr"] = recipe.learning_rate_at(step)
            with precision:
                loss = loss_of(model, batch.to(device))
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.max_grad_norm)
            for optimizer in opts:
                optimizer.step()
                optimizer.zero_grad()
            done = step + 1
            if done % save_every == 0 or done == last:
                checkpoint.save(folder, modules, opts, settings, step=done, notes=notes)
            yield {
                "step": done,
                "loss": loss.item(),
                "learning_rate": recipe.learning_rate_at(step),
                "grad_norm": norm.item(),
                "tokens": done * recipe.batch_tokens,
            }
    except GeneratorExit:  # the caller stops between two steps: keep what is done
        checkpoint.save(folder, modules, opts, settings, step=done, notes=notes)
        raise


def run(recipe: Recipe, folder: Path, *, save_every: int, **options: object) -> None:
    """Train with a progress bar, log to ``log.jsonl`` and export the weights at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    saved = folder / "tokenizer"
    tokenizer = (
        PreTrainedTokenizerFast.from_pretrained(saved)
        if saved.exists()
        else build_tokenizer(saved, seed=recipe.seed, vocab_size=recipe.vocab_size)
    )
    log = folder / "log.jsonl"
    begun = checkpoint.steps_done(folder)
    kept = log.read_text(encoding="utf-8").splitlines()[:begun] if log.exists() else []
    write_whole(log, "".join(line + "\n" for line in kept))
    spent, since = (json.loads(kept[-1])["seconds"] if kept else 0.0), time.monotonic()
    with (
        log.open("a") as out,
        tqdm(total=recipe.steps, initial=begun, unit="step", disable=None) as bar,
        held_interrupts() as stop,
    ):
        records = train(recipe, tokenizer, folder, save_every=save_every, **options)
        for record in records:
            record["seconds"] = spent + time.monotonic() - since
            out.write(json.dumps({key: round(value, 6) for key, value in record.items()}) + "\n")
            out.flush()
            bar.update()
            bar.set_postfix(loss=f"{record['loss']:.3f}", refresh=False)
            if stop.is_set():
                records.close()  # writes the checkpoint
                raise KeyboardInterrupt
    export(folder, folder / "model", tokenizer)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m companion.pocket.pretrain",
        description="Pre-train pocket-base; goes on from the checkpoint in --out.",
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for checkpoint, log and exported model"
    )
    parser.add_argument(
        "--device", default="cuda" if torch.cuda.is_available() else "cpu", choices=("cpu", "cuda")
    )
    parser.add_argument("--threads", type=int, help="CPU threads (default: all)")
    parser.add_argument(
        "--steps",
        type=int,
        default=Recipe.steps,
        help="optimizer steps of the whole run (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--save-every", type=int, default=200, metavar="STEPS")
    parser.add_argument(
        "--export-only",
        action="store_true",
        help="write the weights of the last checkpoint to OUT/model and stop",
    )
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        if options.export_only:
            export(
                options.out,
                options.out / "model",
                PreTrainedTokenizerFast.from_pretrained(options.out / "tokenizer"),
            )
            return 0
        recipe = Recipe(steps=options.steps, seed=options.seed)
        compiled = options.device == "cuda" or shutil.which("g++") is not None
        options.out.mkdir(parents=True, exist_ok=True)
        with claimed(options.out):
            run(
                recipe,
                options.out,
                device=options.device,
                compiled=compiled,
                save_every=options.save_every,
            )
    except KeyboardInterrupt:
        message = f"\nStopped. Start the same command again to go on from {options.out}."
        print(message, file=sys.stderr)  # noqa: T201
        return 130
    except CompanionError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
