"""Reshape a next-token distribution before a token is drawn from it.

Pure functions on logits ``(B, V)``: each returns a *new* tensor of the same shape and dtype and
leaves its input alone. A token that must not be drawn gets ``-inf``, hence probability 0. (A large
negative number such as ``-1e9`` would overflow in float16.) They equal the processors of
`transformers`, except on ties, as the docstrings of `top_k_filter` and `top_p_filter` say.

Left out: typical, epsilon, eta and top-h sampling. Temperature 0 is not a division but greedy
decoding; `companion.generation.decoding` handles it. Taught in :doc:`/book/gpt/sampling`.

Shape letters: ``B`` rows of a batch, ``V`` vocabulary size, ``T`` tokens so far.
"""

import torch
from torch import Tensor

from companion._checks import check_whole, is_whole

NEG_INF = float("-inf")


def apply_temperature(logits: Tensor, temperature: float) -> Tensor:
    """Divide the logits by the temperature: below 1 sharper, above 1 flatter.

    ``p_i = exp(z_i / T) / sum_j exp(z_j / T)``. The order of the tokens never changes, only how
    far apart they are. As ``T`` goes to 0 the distribution becomes one-hot (greedy), as it goes
    to infinity uniform. Taught in :doc:`/book/gpt/sampling`.

    Args:
        logits: Next-token logits, shape ``(B, V)``.
        temperature: A number above 0.

    Returns:
        Scaled logits, shape ``(B, V)``.

    Raises:
        ValueError: If ``temperature`` is not above 0, or ``logits`` is not 2-dimensional.

    Example:
        >>> apply_temperature(torch.tensor([[2.0, 1.0, 0.0]]), 0.5)
        tensor([[4., 2., 0.]])
    """
    _check_logits(logits)
    if not temperature > 0:
        raise ValueError(
            f"temperature must be above 0 here, got {temperature}. For greedy decoding use "
            "logits.argmax(-1), or SamplingParams(temperature=0)."
        )
    return logits / temperature


def top_k_filter(logits: Tensor, k: int) -> Tensor:
    """Keep the ``k`` largest logits of each row, remove the rest.

    Fan et al. 2018, https://arxiv.org/abs/1805.04833, section 5.1. Exactly ``k`` tokens are kept:
    among tied tokens the lowest ids win. `transformers` keeps *every* token tied with the k-th, so
    that it may keep more than ``k``; without ties the two agree. Taught in
    :doc:`/book/gpt/sampling`.

    Args:
        logits: Next-token logits, shape ``(B, V)``.
        k: Tokens to keep, from 1 to ``V``. ``k = V`` keeps all.

    Returns:
        Logits with ``-inf`` for every removed token, shape ``(B, V)``.

    Raises:
        ValueError: If ``k`` is outside 1 to ``V``, or ``logits`` is not 2-dimensional.

    Example:
        >>> top_k_filter(torch.tensor([[1.0, 3.0, 2.0, 3.0]]), 2)
        tensor([[-inf, 3., -inf, 3.]])
    """
    _check_logits(logits)
    vocab_size = logits.shape[-1]
    if not is_whole(k) or k > vocab_size:
        raise ValueError(
            f"k must be a whole number from 1 to {vocab_size} (the vocabulary size), got {k!r}. "
            "To keep every token, leave the filter out (top_k=None)."
        )
    order = logits.argsort(dim=-1, descending=True, stable=True)  # (B, V), ties: lowest id first
    remove = torch.ones_like(logits, dtype=torch.bool).scatter(-1, order[:, :k], False)
    return logits.masked_fill(remove, NEG_INF)


def top_p_filter(logits: Tensor, p: float) -> Tensor:
    """Keep the smallest set of tokens whose probabilities sum to at least ``p`` (the nucleus).

    Holtzman et al. 2020, https://arxiv.org/abs/1904.09751, eq. 2: the smallest ``V_p`` with
    ``sum of p_i over V_p >= p``. Tokens enter in order of probability until the mass is reached,
    so the first always stays. Among tied tokens the lowest ids enter first; `transformers` leaves
    that order open. Taught in :doc:`/book/gpt/sampling`.

    Args:
        logits: Next-token logits, shape ``(B, V)``.
        p: Probability mass to keep, above 0 and at most 1. ``p = 1`` keeps all.

    Returns:
        Logits with ``-inf`` for every removed token, shape ``(B, V)``.

    Raises:
        ValueError: If ``p`` is not in (0, 1], or ``logits`` is not 2-dimensional.

    Example:
        Probabilities 0.5, 0.3, 0.2: two tokens are needed to hold 0.6 of the mass.

        >>> logits = torch.tensor([[0.5, 0.3, 0.2]]).log()
        >>> top_p_filter(logits, 0.6).softmax(-1)
        tensor([[0.6250, 0.3750, 0.0000]])
    """
    _check_logits(logits)
    if not 0 < p <= 1:
        raise ValueError(f"p must be above 0 and at most 1, got {p}. p=1 keeps every token.")
    if p == 1:
        return logits.clone()
    ordered, order = logits.float().sort(dim=-1, descending=True, stable=True)  # (B, V)
    probs = ordered.softmax(dim=-1)
    mass_before = probs.cumsum(dim=-1) - probs  # (B, V), of the more probable tokens; first: 0
    remove = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, mass_before >= p)
    return logits.masked_fill(remove, NEG_INF)


def min_p_filter(logits: Tensor, min_p: float) -> Tensor:
    """Remove tokens less probable than ``min_p`` times the most probable token.

    Nguyen et al. 2025, https://arxiv.org/abs/2407.01082, section 3: the cut-off follows the
    model's confidence. A sharp distribution keeps few tokens, a flat one many. Taught in
    :doc:`/book/gpt/sampling`.

    Args:
        logits: Next-token logits, shape ``(B, V)``.
        min_p: Fraction of the largest probability, from 0 (keeps all) to 1 (keeps the largest).

    Returns:
        Logits with ``-inf`` for every removed token, shape ``(B, V)``.

    Raises:
        ValueError: If ``min_p`` is outside 0 to 1, or ``logits`` is not 2-dimensional.

    Example:
        Probabilities 0.5, 0.3, 0.2 with the threshold 0.5 * 0.5 = 0.25.

        >>> logits = torch.tensor([[0.5, 0.3, 0.2]]).log()
        >>> min_p_filter(logits, 0.5).softmax(-1)
        tensor([[0.6250, 0.3750, 0.0000]])
    """
    _check_logits(logits)
    if not 0 <= min_p <= 1:
        raise ValueError(f"min_p must be from 0 to 1, got {min_p}. min_p=0 keeps every token.")
    probs = logits.float().softmax(dim=-1)
    threshold = min_p * probs.amax(dim=-1, keepdim=True)  # (B, 1)
    return logits.masked_fill(probs < threshold, NEG_INF)


def repetition_penalty(logits: Tensor, input_ids: Tensor, penalty: float) -> Tensor:
    """Make every token that already occurred less likely.

    Keskar et al. 2019, https://arxiv.org/abs/1909.05858, section 4.1, in the form that every
    library uses: a positive logit is divided by ``penalty``, a negative one multiplied, so both
    move down. (The paper only divides, which would *raise* negative logits.) A token is penalized
    once however often it occurred. Taught in :doc:`/book/gpt/sampling`.

    Args:
        logits: Next-token logits, shape ``(B, V)``.
        input_ids: Tokens so far, prompt included, shape ``(B, T)``. Ids outside 0 to ``V - 1`` are
            ignored: put -1 where a row is padded, or the padding token would be penalized too.
        penalty: Above 0. 1 changes nothing, above 1 discourages repetition, below 1 rewards it.

    Returns:
        Penalized logits, shape ``(B, V)``.

    Raises:
        ValueError: If ``penalty`` is not above 0, or a shape is wrong.

    Example:
        >>> seen = torch.tensor([[0, 1, 1]])
        >>> repetition_penalty(torch.tensor([[2.0, -2.0, 2.0]]), seen, 2.0)
        tensor([[ 1., -4.,  2.]])
    """
    _check_logits(logits, input_ids)
    if not penalty > 0:
        raise ValueError(f"penalty must be above 0, got {penalty}. penalty=1 changes nothing.")
    seen = _token_mask(input_ids, torch.ones_like(input_ids, dtype=torch.bool), logits.shape[-1])
    penalized = torch.where(logits < 0, logits * penalty, logits / penalty)
    return torch.where(seen, penalized, logits)


def no_repeat_ngram(logits: Tensor, input_ids: Tensor, n: int) -> Tensor:
    """Remove every token that would complete an n-gram which already occurred.

    Paulus et al. 2018, https://arxiv.org/abs/1705.04304, section 2.5 (there with ``n = 3``). The
    last ``n - 1`` tokens are looked up in the sequence; whatever followed them before is banned
    now. It is a blunt tool: a name of ``n`` tokens can then be written only once. Taught in
    :doc:`/book/gpt/sampling`.

    Args:
        logits: Next-token logits, shape ``(B, V)``.
        input_ids: Tokens so far, prompt included, shape ``(B, T)``. Windows with a negative id
            are ignored: put -1 where a row is padded.
        n: Length of the n-gram in tokens. 0 switches the filter off.

    Returns:
        Logits with ``-inf`` for every banned token, shape ``(B, V)``.

    Raises:
        ValueError: If ``n`` is negative, or a shape is wrong.

    Example:
        The sequence ends in 1, and 1 was followed by 2 before, so 2 is banned.

        >>> no_repeat_ngram(torch.zeros(1, 4), torch.tensor([[0, 1, 2, 1]]), n=2)
        tensor([[0., 0., -inf, 0.]])
    """
    _check_logits(logits, input_ids)
    check_whole(0, n=n)
    length = input_ids.shape[-1]
    if n == 0 or length < n:
        return logits.clone()
    suffix = input_ids[:, length - n + 1 :]  # (B, n-1), the tokens that the next one completes
    windows = input_ids.unfold(dimension=1, size=n, step=1)  # (B, T-n+1, n), every n-gram so far
    repeats = (windows[..., :-1] == suffix.unsqueeze(1)).all(dim=-1)  # (B, T-n+1)
    repeats &= (windows >= 0).all(dim=-1)
    banned = _token_mask(windows[..., -1], repeats, logits.shape[-1])
    return logits.masked_fill(banned, NEG_INF)


def _token_mask(token_ids: Tensor, use: Tensor, vocab_size: int) -> Tensor:
    """Return ``(B, V)``, true for each id in ``token_ids`` (B, N) where ``use`` (B, N) is true."""
    valid = use & (token_ids >= 0) & (token_ids < vocab_size)
    spare = torch.where(valid, token_ids, vocab_size)  # ids that do not count go to one more column
    mask = torch.zeros(
        (token_ids.shape[0], vocab_size + 1), dtype=torch.bool, device=token_ids.device
    )
    return mask.scatter(-1, spare, True)[:, :vocab_size]


def _check_logits(logits: Tensor, input_ids: Tensor | None = None) -> None:
    if logits.dim() != 2 or not logits.is_floating_point():
        raise ValueError(
            f"logits must be a float tensor of shape (B, V), got {logits.dtype} of shape "
            f"{tuple(logits.shape)}. For one sequence pass logits[None, :]."
        )
    if input_ids is not None and (input_ids.dim() != 2 or len(input_ids) != len(logits)):
        raise ValueError(
            f"input_ids must have shape (B, T) with B={len(logits)} as in logits, got "
            f"{tuple(input_ids.shape)}"
        )
