"""Fusion: one ranking out of several whose scores can't be compared."""

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)

K = 60
"""The constant of Cormack et al. 2009."""


def reciprocal_rank_fusion(
    rankings: Iterable[Sequence[Item]], *, k: float = K
) -> list[tuple[Item, float]]:
    r"""Merge rankings by the ranks alone.

    .. math:: \mathrm{RRF}(d) = \sum_r \frac{1}{k + \mathrm{rank}_r(d)}

    over the rankings that contain d, ranks counted from 1 (Cormack, Clarke & Buettcher 2009,
    https://doi.org/10.1145/1571941.1572114). A large k makes the first places count less. Taught
    in :doc:`/book/applications/retrieval`.

    Args:
        rankings: Items of each ranking, best first. An item counts once per ranking.
        k: The constant, 0 or above.

    Returns:
        Items with their scores, best first; of equals, the one that came up first.

    Raises:
        ValueError: If ``k`` is negative.

    Example:
        >>> reciprocal_rank_fusion([["a", "b"], ["b", "c"]], k=1)
        [('b', 0.8333333333333333), ('a', 0.5), ('c', 0.3333333333333333)]
    """
    if not k >= 0:
        raise ValueError(f"k must be 0 or above, got {k}")
    scores: dict[Item, float] = {}
    for ranking in rankings:
        for rank, item in enumerate(dict.fromkeys(ranking), 1):
            scores[item] = scores.get(item, 0.0) + 1 / (k + rank)
    return sorted(scores.items(), key=lambda pair: -pair[1])
