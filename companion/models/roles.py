"""Which checkpoint stands behind a name: roles, Hub ids and their pinned revisions.

The book asks for a *role* ("base", "chat"), and a *source* says which model fills it: "pocket"
takes the models that the book trains; "open" takes SmolLM2-135M-Instruct for the roles of a
language model, fetched once (`companion.models.open_model`), or another model that COMPANION_CHAT
names; "hub" takes open models from the Hub.
Taught in :doc:`/book/start/pocket-models`.
"""

import json
import os
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, NamedTuple

from companion._interface import advice
from companion.errors import UnknownModelError

SOURCES = ("pocket", "open", "hub")

MODELS_VARIABLE = "COMPANION_MODELS"
"""Names the source where a call does not."""
CHAT_VARIABLE = "COMPANION_CHAT"
"""Names the model of the source "open": a folder, a GGUF file or a Hub id. Chooses that source."""


class Role(NamedTuple):
    """What a role needs, and the Hub model that fills it."""

    purpose: str
    head: Literal["causal-lm", "sequence-classification", "encoder"]
    """What sits on top of the transformer: next-token logits, one score, or nothing."""
    hub_id: str | None
    """None: there is no ready model, the book trains one."""


class HubModel(NamedTuple):
    """All that is known about an open model before it is fetched."""

    parameters: int
    """Numbers of the model, a tied output layer counted once."""
    download_bytes: int
    """Bytes of the weight files as published, rounded to three digits."""
    license: str
    revision: str
    """The commit that is loaded, so that a later upload changes nothing here."""
    role: str | None = None
    """The role that it fills, if any."""


HUB_MODELS = {
    "openai-community/gpt2": HubModel(
        124_439_808, 548_000_000, "MIT", "607a30d783dfa663caf39e06633721c8d4cfcd7e", "base"
    ),
    "Qwen/Qwen3-0.6B": HubModel(
        596_049_920, 1_500_000_000, "Apache-2.0", "c1899de289a04d12100db370d81485cdf75e47ca", "chat"
    ),
    "sentence-transformers/all-MiniLM-L6-v2": HubModel(
        22_713_216,
        90_900_000,
        "Apache-2.0",
        "1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
        "embedding",
    ),
    "HuggingFaceTB/SmolLM2-135M-Instruct": HubModel(
        134_515_008, 269_000_000, "Apache-2.0", "12fd25f77366fa6b3b4b768ec3050bf629380bac"
    ),
    "HuggingFaceTB/SmolLM2-360M-Instruct": HubModel(
        361_821_120, 724_000_000, "Apache-2.0", "a10cc1512eabd3dde888204e902eca88bddb4951"
    ),
    "HuggingFaceTB/SmolLM2-1.7B-Instruct": HubModel(
        1_711_376_384, 3_420_000_000, "Apache-2.0", "31b70e2e869a7173562077fd711b654946d38674"
    ),
    "Qwen/Qwen3-1.7B": HubModel(
        1_720_574_976, 4_060_000_000, "Apache-2.0", "70d244cc86ccca08cf5af4e1e306ecf908b1ad5e"
    ),
    "Qwen/Qwen3-4B": HubModel(
        4_022_468_096, 8_040_000_000, "Apache-2.0", "1cfa9a7208912126459214e8b04321603b3df60c"
    ),
    "Qwen/Qwen3-8B": HubModel(
        8_190_735_360, 16_400_000_000, "Apache-2.0", "b968826d9c46dd6066d109eabc6255188de91218"
    ),
}
"""Hub models that fill a role, and others of the same kind. Any other causal model loads too."""

_FILLED_BY = {model.role: hub_id for hub_id, model in HUB_MODELS.items()}

ROLES = {
    "base": Role("continues text", "causal-lm", _FILLED_BY["base"]),
    "chat": Role("follows instructions", "causal-lm", _FILLED_BY["chat"]),
    "reward": Role("scores answers", "sequence-classification", None),
    "embedding": Role("turns text into vectors", "encoder", _FILLED_BY["embedding"]),
}
"""What a page may ask for, and the Hub model that fills it, if there is one."""

ALIASES = {"gpt2": "openai-community/gpt2"}

OPEN = "smollm2"
"""Name of the open model that comes in a wheel; see `companion.models.open_model`."""
OPEN_TITLE = "SmolLM2-135M-Instruct"
_PARTNERS = ("draft", "agent")  # of pocket-chat; no roles, as they are nothing without it


class Target(NamedTuple):
    """What a name resolved to: exactly one of the places is set."""

    head: str = "causal-lm"
    pocket: str | None = None
    """Name of a folder below the pocket weights."""
    folder: Path | None = None
    hub_id: str | None = None
    open: bool = False
    """The open model of the book."""
    gguf: Path | None = None
    """A GGUF file, to be converted."""

    @property
    def title(self) -> str:
        """What to call the model."""
        if self.pocket is not None:
            return f"pocket-{self.pocket}"
        if self.open:
            return OPEN_TITLE
        return self.hub_id or (self.folder or self.gguf).resolve().name


def chosen_source(source: str | None = None) -> str:
    """Return where roles come from: what a call says, else what the environment says.

    Args:
        source: What the call says; None or nothing leaves it to the variables COMPANION_MODELS
            and COMPANION_CHAT.

    Returns:
        One of `SOURCES`.

    Raises:
        ValueError: If it is none of them.
    """
    by_default = "open" if os.environ.get(CHAT_VARIABLE) else "pocket"
    chosen = source or os.environ.get(MODELS_VARIABLE) or by_default
    if chosen not in SOURCES:
        raise ValueError(
            f"source must be 'pocket', 'open' or 'hub', got {chosen!r} (argument source, or the "
            f"environment variable {MODELS_VARIABLE})"
        )
    return chosen


def resolve(name: str | Path, source: str | None = None) -> Target:
    """Find out what ``name`` stands for.

    In this order: a role, the open model "smollm2", an existing folder or GGUF file, a Hub id
    ``owner/name``.

    Args:
        name: What the caller asked for.
        source: Where roles come from, "pocket", "open" or "hub"; as `chosen_source` finds it if
            None. Other names ignore it.

    Returns:
        The place to load from.

    Raises:
        ValueError: If ``source`` is none of the three.
        UnknownModelError: If the name is nothing of that.
    """
    source = chosen_source(source)
    if not isinstance(name, str | Path) or not str(name).strip():
        raise UnknownModelError(_unknown(name))
    if isinstance(name, str) and name in ROLES:
        return _resolve_role(name, source)
    if name == OPEN:
        return Target(open=True)
    text = ALIASES.get(str(name), str(name))
    try:
        folder = Path(name).expanduser()
        if folder.is_dir():
            return Target(_head(folder), folder=folder)
    except (OSError, RuntimeError) as error:  # a name too long for a disk, no such user's home
        raise UnknownModelError(_unknown(text)) from error
    if folder.is_file() and folder.suffix.lower() == ".gguf":
        return Target(gguf=folder)
    if folder.is_file() or folder.suffix.lower() == ".gguf":
        raise UnknownModelError(_single_file(folder))
    if isinstance(name, Path) or text.count("/") != 1 or text[0] in "./~" or text[-1] == "/":
        raise UnknownModelError(_unknown(text))
    return Target(hub_id=text)


def _resolve_role(name: str, source: str) -> Target:
    role = ROLES[name]
    if source == "pocket":
        return Target(role.head, pocket=name)
    if source == "open":
        # One instruct model for both: it continues texts, too. What is no language model stays.
        return _resolve_open() if role.head == "causal-lm" else Target(role.head, pocket=name)
    if role.hub_id is None:
        raise UnknownModelError(
            f"there is no Hub model for the role {name!r}: the book trains one. "
            f"{advice('Use {source}, or pass', source='pocket') or 'Pass'} a folder or a Hub id."
        )
    return Target(role.head, hub_id=role.hub_id)


def _resolve_open() -> Target:
    """Find out which model the source "open" takes: the reader's own, if one is named."""
    own = os.environ.get(CHAT_VARIABLE)
    if not own:
        return Target(open=True)
    if own in ROLES:
        raise UnknownModelError(
            f"{CHAT_VARIABLE} must name a model, such as a folder or a Hub id, got the role {own!r}"
        )
    target = resolve(own, "open")
    if target.head != "causal-lm":
        raise UnknownModelError(
            f"{CHAT_VARIABLE} names {own}, which writes no text: it is a model for "
            f"{target.head.replace('-', ' ')}. Name a causal language model."
        )
    return target


def _head(folder: Path) -> str:
    """Return what the checkpoint in ``folder`` ends in, by the architecture that it names."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        (architecture, *_) = config["architectures"]
    except (OSError, ValueError, KeyError, TypeError):
        return "causal-lm"
    if str(architecture).endswith("ForSequenceClassification"):
        return "sequence-classification"
    return "causal-lm"


def _single_file(file: Path) -> str:
    """Say why one file is no model, and what to pass instead."""
    kind = file.suffix.lower()
    if kind == ".gguf":
        return f"there is no file {file}"
    if kind == ".safetensors":
        return f"{file} is one file of a checkpoint. Pass its folder, where config.json is too."
    if kind in (".bin", ".pt", ".pth", ".ckpt", ".pkl"):
        return (
            f"{file} holds pickled weights, which are not loaded: they can run code. Pass a folder "
            "with safetensors, as save_pretrained writes it."
        )
    return f"{file} is a file. Pass a folder with config.json and safetensors weights."


def _unknown(name: object) -> str:
    close = get_close_matches(str(name), [*ROLES, OPEN], n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    short = str(name).removeprefix("pocket-")
    if short in _PARTNERS:
        hint = f" companion.pocket.{short}.load_{short}() loads pocket-{short}."
    return (
        f"unknown model {name!r:.200}.{hint} Pass a role ({', '.join(ROLES)}), {OPEN!r}, a folder "
        "that exists, a GGUF file, or a Hub id such as 'openai-community/gpt2'."
    )
