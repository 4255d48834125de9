"""Proximal policy optimization (PPO) for language models: a loop to be read.

One step: the policy answers a batch of prompts, the reward function scores the answers, each token
gets its share of the score less a KL penalty, advantages say which tokens did better than the value
head expected, and a few clipped updates make those more likely.
Schulman et al. 2017, https://arxiv.org/abs/1707.06347; for language models Ziegler et al. 2019,
https://arxiv.org/abs/1909.08593, and Ouyang et al. 2022, https://arxiv.org/abs/2203.02155. Taught
in :doc:`/book/training/ppo`.

Left out: several processes (`companion.training.processes.rollouts` shares the writing of answers),
16-bit training, the pre-training term of InstructGPT (PPO-ptx), an entropy bonus, a penalty for
answers that were cut off.

Shape letters: ``B`` responses of a step, ``T`` tokens of the longest one.
"""

import copy
import dataclasses
import hashlib
import json
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from tqdm import tqdm

from companion._checks import check_whole
from companion.errors import CheckpointError
from companion.rewards import Reward, check_rewards
from companion.training import checkpoint
from companion.training.data import Record
from companion.training.interrupts import held_interrupts
from companion.training.ppo_config import PPOConfig, next_beta
from companion.training.ppo_step import gather, update
from companion.training.rollout import Rollout, encode_records, longest_prompt, rollout
from companion.training.value_model import ValueHead, explained_variance

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def ppo(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    records: Sequence[Record],
    reward: Reward,
    config: PPOConfig | None = None,
    *,
    reference: "PreTrainedModel | None" = None,
    output_dir: str | Path | None = None,
    save_steps: int = 1,
) -> Iterator[dict[str, float]]:
    """Train a policy in place; every ``next()`` is one step.

    With ``output_dir``, a run that was interrupted goes on when it is started again with the same
    arguments, the *original* model among them: the steps already done are read from the
    checkpoint and yielded again, then the rest follows as if nothing had happened. Ctrl-C finishes
    the step that has begun. Taught in :doc:`/book/training/ppo`.

    Args:
        model: The policy, a causal language model in float32, usually after supervised
            fine-tuning. It is put into eval mode, since dropout would change the probabilities
            between writing and learning.
        tokenizer: Its tokenizer, with a chat template.
        records: Dicts with ``prompt`` (messages) and what the reward needs.
        reward: Scores the responses, see `companion.rewards.Reward`.
        config: Settings; ``PPOConfig()`` if None.
        reference: The model that the policy shall stay close to. None: a copy of ``model``.
        output_dir: Folder for the checkpoint. None: nothing is written.
        save_steps: Write the checkpoint every so many steps. The last one, and the one at which
            the loop is left, are always written.

    Returns:
        One dict per step, with ``step``; ``reward`` and ``reward_std`` over the batch;
        ``kl`` (nats per response, summed k1) and ``beta``, its price; ``policy_loss`` and
        ``value_loss``, ``clip_fraction`` (share of tokens whose ratio left the range) as means
        over the updates; ``entropy`` (nats per token); ``explained_variance`` of the value head;
        ``response_length`` (tokens) and ``finished`` (share of the responses that ended by
        themselves); ``seconds``.

    Raises:
        DataError: If there are no records, or one is malformed or does not fit into the context.
        ValueError: If the model or the reference can't be used. Both are raised here, before
            anything is changed.
        RewardError: If the reward function returns NaN, infinity or the wrong number of values.
            The model is then as the step before left it.
        CheckpointError: If the checkpoint is damaged or belongs to another run.
    """
    config = config or PPOConfig()
    check_whole(save_steps=save_steps)
    _check_models(model, reference)
    records = list(records)
    prompts = encode_records(
        tokenizer, records, max_length=longest_prompt(model, config.max_new_tokens)
    )
    reference = copy.deepcopy(model) if reference is None else reference
    reference.requires_grad_(False).eval()
    run = _Run(model.eval(), tokenizer, records, prompts, reward, config, reference)
    folder = None if output_dir is None else Path(output_dir)
    if folder is not None:
        run.restore(folder)
    return _train(run, folder, save_steps)


def _check_models(model: "PreTrainedModel", reference: "PreTrainedModel") -> None:
    trained = [p for p in model.parameters() if p.requires_grad]
    if not trained:
        raise ValueError("no parameter of the model is trainable: set requires_grad_(True)")
    half = next((p.dtype for p in trained if p.dtype not in (torch.float32, torch.float64)), None)
    if half is not None:
        raise ValueError(
            f"the model has trainable weights in {half}, in which small updates get lost: load it "
            "with dtype='float32'"
        )
    if reference is model:
        raise ValueError(
            "the reference is the model itself and would move along with it. Pass a copy, or None."
        )
    if reference is not None and reference.config.vocab_size != model.config.vocab_size:
        raise ValueError(
            f"the reference has {reference.config.vocab_size} tokens in its vocabulary, the model "
            f"{model.config.vocab_size}; both must read the same tokens"
        )


class _Run:
    """Everything that a run needs and changes."""

    def __init__(
        self,
        model: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        records: list[Record],
        prompts: list[list[int]],
        reward: Reward,
        config: PPOConfig,
        reference: "PreTrainedModel",
    ) -> None:
        self.model, self.tokenizer, self.reward = model, tokenizer, reward
        self.records, self.prompts, self.reference = records, prompts, reference
        self.config, self.beta = config, config.beta
        self.history: list[dict[str, float]] = []  # one record per step
        self.saved = 0  # steps in the checkpoint
        start = torch.Generator().manual_seed(config.seed)
        self.head = ValueHead(model.config.hidden_size, generator=start).to(model.device)
        policy = [p for p in model.parameters() if p.requires_grad]
        groups = [
            {"params": policy, "lr": config.learning_rate},
            {"params": list(self.head.parameters()), "lr": config.value_learning_rate},
        ]
        self.optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95), weight_decay=0.0)

    def answer(self, generator: torch.Generator) -> tuple[Rollout, Tensor]:
        """Write and score the responses of the next step. Changes nothing."""
        config = self.config
        chosen = record_order(
            len(self.records), config.batch_size, step=len(self.history), seed=config.seed
        )
        batch = rollout(
            self.model,
            self.tokenizer,
            [self.prompts[i] for i in chosen],
            max_new_tokens=config.max_new_tokens,
            generator=generator,
        )
        scores = self.reward([self.records[i] for i in chosen], batch.responses)
        return batch, check_rewards(scores, len(chosen)).to(self.model.device)

    def learn(self, batch: Rollout, scores: Tensor, generator: torch.Generator) -> dict[str, float]:
        """Update policy and value head, and say how it went."""
        experience = gather(
            self.model, self.head, self.reference, batch, scores, self.config, beta=self.beta
        )
        means = update(
            self.model, self.head, self.optimizer, experience, self.config, generator=generator
        )
        mask, kl = batch.completion_mask, experience.kl.mean().item()
        record = {
            "step": len(self.history) + 1,
            "reward": scores.mean().item(),
            "reward_std": scores.std().item(),
            "kl": kl,
            "beta": self.beta,
            **means,
            "entropy": experience.entropy[mask].mean().item(),
            "explained_variance": explained_variance(
                experience.old_values, experience.returns, mask
            ),
            "response_length": mask.sum().item() / len(mask),
            "finished": sum(batch.finished) / len(mask),
        }
        if self.config.target_kl is not None:
            self.beta = next_beta(
                self.beta, kl, target_kl=self.config.target_kl, gain=self.config.beta_gain
            )
        return record

    def save(self, folder: Path) -> None:
        """Write the checkpoint."""
        notes = {
            "begun_with": self._begun_with(),
            "beta": repr(self.beta),
            "history": json.dumps(self.history),
        }
        checkpoint.save(folder, *self._parts(), step=len(self.history), notes=notes)
        self.saved = len(self.history)

    def restore(self, folder: Path) -> None:
        """Go to where the checkpoint is, if there is one."""
        before = checkpoint.notes(folder).get("begun_with")
        if before not in (None, self._begun_with()):
            raise CheckpointError(
                f"the run in {folder} began with another model, reference or other records. Load "
                "the original model again (this one may have been trained), or use another folder."
            )
        done = checkpoint.steps_done(folder)
        if done > self.config.steps:
            raise CheckpointError(
                f"the run in {folder} has done {done} steps, more than steps={self.config.steps}. "
                "Raise steps, or use another folder."
            )
        done, notes = checkpoint.restore(folder, *self._parts(), changeable={"steps"})
        if done:
            self.beta, self.history = float(notes["beta"]), json.loads(notes["history"])
            self.saved = done

    def _parts(self) -> tuple[Any, ...]:
        modules = {"model": self.model, "value_head": self.head}
        return modules, [self.optimizer], dataclasses.asdict(self.config)

    def _begun_with(self) -> str:
        """Return a digest of the reference and the prompts."""
        digest = hashlib.sha256(json.dumps(self.prompts).encode())
        for parameter in self.reference.parameters():
            digest.update(parameter.detach().cpu().contiguous().view(torch.uint8).numpy())
        return digest.hexdigest()


def record_order(count: int, batch_size: int, *, step: int, seed: int) -> list[int]:
    """Choose the records of a step: all in random order, then all in another, and so on.

    Args:
        count: Number of records.
        batch_size: How many to choose.
        step: Number of the step, from 0.
        seed: Fixes the order.

    Returns:
        ``batch_size`` indices. They depend on nothing but the arguments, so a run that goes on
        after an interruption reads what it would have read.
    """
    orders: dict[int, list[int]] = {}
    chosen = []
    for position in range(step * batch_size, (step + 1) * batch_size):
        epoch, place = divmod(position, count)
        if epoch not in orders:
            orders[epoch] = random.Random(f"{seed}-order-{epoch}").sample(range(count), count)
        chosen.append(orders[epoch][place])
    return chosen


def _train(run: _Run, folder: Path | None, save_steps: int) -> Iterator[dict[str, float]]:
    """Take step after step; keep what is done however the loop is left."""
    total = run.config.steps
    yield from [dict(record) for record in run.history]
    bar = tqdm(total=total, initial=len(run.history), unit="step", disable=None)
    whole = True  # no update is half done
    try:
        for step in range(len(run.history), total):
            begun = time.monotonic()
            draw = random.Random(f"{run.config.seed}-step-{step}").getrandbits(62)
            generator = torch.Generator().manual_seed(draw)
            with held_interrupts() as asked:
                batch, scores = run.answer(generator)
                whole = False
                record = run.learn(batch, scores, generator)
                run.history.append(record | {"seconds": time.monotonic() - begun})
                whole = True
                if folder is not None and (step + 1) % save_steps == 0:
                    run.save(folder)
            bar.update()
            bar.set_postfix(reward=f"{record['reward']:.2f}", kl=f"{record['kl']:.1f}")
            if asked.is_set():
                raise KeyboardInterrupt
            yield dict(run.history[-1])
    finally:
        bar.close()
        if folder is not None and whole and run.saved < len(run.history):
            run.save(folder)
