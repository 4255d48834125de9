"""Small trainable parts for a frozen model, from scratch: bottleneck adapters, rows of embeddings.

`peft` has many methods of this family but not this one, the first of them, so the book builds it
(searched in peft 0.21: its ``ADAPTION_PROMPT`` is LLaMA-Adapter, which learns prompts). Rows of
the embedding it does have (``trainable_token_indices``), but TRL 1.16 can't train them where the
output layer shares the table.

Shape letters: ``d`` width of the layer's output, ``m`` width of the bottleneck.
"""

from collections.abc import Sequence
from operator import index

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from companion._checks import check_whole
from companion.linear_layers import (
    Addition,
    check_plain,
    find_layers,
    freeze,
    layer_shape,
    replace_module,
)


class BottleneckAdapter(nn.Module):
    """A linear layer down to a few values, a nonlinearity, a layer up, and a path around.

    ``h + U gelu(D h + b) + c`` with ``D`` of shape ``(m, d)`` and ``U`` of shape ``(d, m)``,
    section 2.1 and figure 2 of Houlsby et al. 2019, https://arxiv.org/abs/1902.00751. ``U`` and
    ``c`` start at 0, so the adapter starts as the identity; the paper starts them near 0. Taught
    in :doc:`/book/training/lora`.

    Example:
        >>> adapter = BottleneckAdapter(256, size=16)
        >>> sum(p.numel() for p in adapter.parameters())  # 2 d m + d + m
        8464
    """

    def __init__(self, width: int, *, size: int, generator: torch.Generator | None = None) -> None:
        """Start as the identity.

        Args:
            width: Number of values ``d`` that come in and go out.
            size: Width ``m`` of the bottleneck.
            generator: Source of randomness for D; the global one of torch if None.

        Raises:
            ValueError: If a number is below 1.
        """
        super().__init__()
        check_whole(width=width, size=size)
        self.down = nn.utils.skip_init(nn.Linear, width, size)  # all values are set below
        self.up = nn.utils.skip_init(nn.Linear, size, width)
        device = generator.device if generator else None
        start = torch.randn(self.down.weight.shape, generator=generator, device=device)
        with torch.no_grad():
            self.down.weight.copy_(start * width**-0.5)  # a value of size 1 stays of size 1
        for parameter in (self.down.bias, self.up.weight, self.up.bias):
            nn.init.zeros_(parameter)

    def forward(self, h: Tensor) -> Tensor:
        """Map ``(..., d)`` to ``(..., d)``."""
        dtype = self.down.weight.dtype
        return (h + self.up(F.gelu(self.down(h.to(dtype))))).to(h.dtype)


class AdaptedLinear(Addition):
    """A frozen linear layer, and behind it a trainable `BottleneckAdapter`.

    Unlike LoRA's update, the adapter can't be added into the weight, since a nonlinearity is
    in between: the model stays slower.
    """

    def __init__(
        self, base: nn.Module, *, size: int, generator: torch.Generator | None = None
    ) -> None:
        """Freeze a layer and put an adapter behind it.

        Args:
            base: The layer, an `nn.Linear` or a ``Conv1D``. It is frozen.
            size: See `BottleneckAdapter`.
            generator: See `BottleneckAdapter`.

        Raises:
            ValueError: If ``size`` is out of range, or ``base`` is another kind of layer or has no
                weight of its own: see `companion.linear_layers.check_plain`.
        """
        super().__init__()
        _, outputs = layer_shape(base)
        check_plain(base)
        adapter = BottleneckAdapter(outputs, size=size, generator=generator)
        self.base = base.requires_grad_(False)
        half = base.weight.dtype in (torch.float16, torch.bfloat16)
        self.adapter = adapter.to(base.weight.device, torch.float32 if half else base.weight.dtype)
        self.train(base.training)

    @property
    def weight(self) -> Tensor:
        """The weight of ``base``, for modules that ask for its dtype. It knows no adapter."""
        return self.base.weight

    def added_parameters(self) -> list[nn.Parameter]:
        """Return the parameters of the adapter."""
        return list(self.adapter.parameters())

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(..., in)`` to ``(..., out)``."""
        return self.adapter(self.base(x))


def inject_adapters(
    model: nn.Module,
    targets: Sequence[str],
    *,
    size: int,
    generator: torch.Generator | None = None,
) -> list[str]:
    """Freeze a model and put an adapter behind each of the named layers, in place.

    Houlsby et al. put two into each block: behind the output layer of the attention and behind
    that of the feed-forward network, both before the result is added to the residual stream. In a
    Llama these are ``["o_proj", "down_proj"]``, in GPT-2 ``["attn.c_proj", "mlp.c_proj"]``.
    Pfeiffer et al. 2021, https://arxiv.org/abs/2005.00247, keep the second one only. Taught in
    :doc:`/book/training/lora`.

    Args:
        model: Any module.
        targets: Names of layers, as in `companion.lora.inject_lora`.
        size: Width of the bottleneck.
        generator: Source of randomness for all adapters in turn.

    Returns:
        Full names of the layers that now have an adapter.

    Raises:
        ValueError: If ``size`` is out of range, or a target matches nothing or a layer that can't
            take an adapter: see `companion.linear_layers.find_layers`. The model is then unchanged.
    """
    layers = find_layers(model, targets)
    check_whole(size=size)
    freeze(model)
    for name, layer in layers.items():
        replace_module(model, name, AdaptedLinear(layer, size=size, generator=generator))
    return list(layers)


class TokenRows(Addition):
    """A few trained rows for a frozen table of embeddings."""

    def __init__(self, token_ids: Sequence[int], table: Tensor) -> None:
        """Start from the rows of the table.

        Args:
            token_ids: Rows that are trained.
            table: The embeddings, shape ``(V, d)``.
        """
        super().__init__()
        ids = torch.tensor(token_ids, device=table.device)
        self.register_buffer("token_ids", ids)
        self.rows = nn.Parameter(table.detach()[ids].clone())

    def added_parameters(self) -> list[nn.Parameter]:
        """Return the rows."""
        return [self.rows]

    def forward(self, table: Tensor) -> Tensor:
        """Map the table, ``(V, d)``, to one with the trained rows in place of its own."""
        return table.index_copy(0, self.token_ids, self.rows)


def train_tokens(model: nn.Module, token_ids: Sequence[int]) -> None:
    """Let the embeddings of a few tokens be trained, in place; the others stay as they are.

    What a frozen model can't learn otherwise: a token that it has never seen, such as the one that
    ends a turn. Its output row was pushed away from everything in pre-training, so that the
    model hardly ever writes it, whatever is trained in the layers below. Where the output layer
    shares the table of the embeddings, it goes on sharing it. Call it after `inject_adapters` or
    `companion.lora.inject_lora`, which freeze everything. The tables keep their size until
    `merge_tokens`. Taught in :doc:`/book/training/lora`.

    Args:
        model: A causal language model.
        token_ids: The tokens.

    Raises:
        ValueError: If there are no ids, or one is not in the vocabulary or there twice; or the
            model has such rows already, or tables of another kind. The model is then unchanged.
    """
    ids = check_token_ids(model, token_ids)
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    table, shared = embedding.weight, head is not None and head.weight is embedding.weight
    rows = TokenRows(ids, table)
    table.requires_grad_(False)
    parametrize.register_parametrization(embedding, "weight", rows)
    if shared:
        parametrize.register_parametrization(head, "weight", rows)
        _name_shared(model, embedding, head)
    elif head is not None:
        parametrize.register_parametrization(head, "weight", TokenRows(ids, head.weight))
        head.parametrizations.weight.original.requires_grad_(False)
    for module in _around(model, embedding):
        module.resize_token_embeddings = _refuse_resize


def _around(model: nn.Module, embedding: nn.Module) -> list[nn.Module]:
    """Return the models that hold the embeddings and can give them another size."""
    models = [m for m in model.modules() if hasattr(m, "resize_token_embeddings")]
    return [m for m in models if any(inner is embedding for inner in m.modules())]


def _refuse_resize(*_: object, **__: object) -> None:
    raise ValueError(
        "rows of the embeddings are trained, and a table of another size would lose them: call "
        "merge_tokens first, or resize_token_embeddings before train_tokens"
    )


def _name_shared(model: nn.Module, embedding: nn.Module, head: nn.Module) -> None:
    """Tell `transformers` what is shared now: it refuses to save shared tensors unknown to it."""
    names = {id(module): name for name, module in model.named_modules()}
    one, two = (f"{names[id(layer)]}.parametrizations.weight" for layer in (head, embedding))
    parts = ("original", "0.rows", "0.token_ids")
    model._tied_weights_keys = {f"{one}.{part}": f"{two}.{part}" for part in parts}


def check_token_ids(model: nn.Module, token_ids: Sequence[int]) -> list[int]:
    """Check that these rows of a model can be trained.

    Args:
        model: A causal language model.
        token_ids: The rows.

    Returns:
        The ids as a list.

    Raises:
        ValueError: As in `train_tokens`.
    """
    embedding = model.get_input_embeddings()
    if parametrize.is_parametrized(embedding):
        raise ValueError("the model already has rows of embeddings that are trained")
    for table in filter(None, (embedding, model.get_output_embeddings())):
        if table._parameters.get("weight") is None:
            raise ValueError(
                f"the {type(table).__name__} with a row for each token has a weight that is no "
                "parameter of its own: an addition or a hook computes it. Merge it first"
            )
    size = embedding.num_embeddings
    try:
        given = list(token_ids)
        ids = [index(i) for i in given if not isinstance(i, bool)]  # of a tensor, too
    except TypeError:
        ids = given = []
    if not ids or len(set(ids)) < len(given) or not all(0 <= i < size for i in ids):
        raise ValueError(
            f"token_ids must be different numbers from 0 to {size - 1}, got {token_ids!r:.200}"
        )
    return ids


def merge_tokens(model: nn.Module) -> None:
    """Write rows that `train_tokens` added into the table and make it a plain one, in place.

    Raises:
        ValueError: If the model has no such rows.
    """
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    if not parametrize.is_parametrized(embedding):
        raise ValueError("the model has no trained rows of embeddings: call train_tokens first")
    tied = head is not None and (
        head.parametrizations.weight.original is embedding.parametrizations.weight.original
    )
    for layer in filter(None, (embedding, head)):
        parametrize.remove_parametrizations(layer, "weight")
    if tied:
        head.weight = embedding.weight
        del model._tied_weights_keys  # that of the class counts again
    for module in _around(model, embedding):
        vars(module).pop("resize_token_embeddings", None)
