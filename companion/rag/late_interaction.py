"""Late interaction: question and passage meet token by token, after each was read alone.

A text keeps one vector for each of its tokens instead of one for all of them (ColBERT, Khattab &
Zaharia 2020, https://arxiv.org/abs/2004.12832). all-MiniLM-L6-v2 was not trained for that; its
hidden states serve as they are.

Left out: vectors of fewer numbers or bits, an index of token vectors, and [MASK] tokens that fill
up a question, which ColBERT was trained with.

Shape letters: ``T`` tokens, ``d`` numbers of a vector.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from companion.rag.normalization import search_form

if TYPE_CHECKING:
    from torch import Tensor


def token_vectors(embedder: Any, texts: Sequence[str]) -> "list[Tensor]":
    """Return the vectors of each text's tokens, without those of ``[CLS]`` and ``[SEP]``.

    Taught in :doc:`/book/applications/reranking`.

    Args:
        embedder: An `Embedder` with the bundled model. What exceeds its ``max_length`` is not read.
        texts: The texts.

    Returns:
        For each text vectors of length 1, shape ``(T, d)``; ``T`` is 0 for a text without tokens.
    """
    import torch  # here: it is heavy

    found: list[Any] = [None] * len(texts)
    order = sorted(range(len(texts)), key=lambda at: -len(texts[at]))  # similar lengths together
    for start in range(0, len(order), embedder.batch_size):
        places = order[start : start + embedder.batch_size]
        batch = embedder.tokenizer(
            [search_form(texts[at]) for at in places],
            padding=True,
            truncation=True,
            max_length=embedder.max_length,
            return_special_tokens_mask=True,
            return_tensors="pt",
        )
        own = batch.pop("special_tokens_mask") == 0  # (B, T); padding is special, too
        model = embedder.model.transformer
        with torch.inference_mode():
            hidden = model(**batch.to(model.device)).last_hidden_state  # (B, T, d)
        vectors = torch.nn.functional.normalize(hidden.float(), dim=-1).cpu()
        for row, at in enumerate(places):
            found[at] = vectors[row][own[row]]
    return found


class LateInteraction:
    r"""A reranker: each token of a question looks for its best partner in the passage.

    .. math:: \sum_{i} \max_{j} q_i \cdot d_j

    over the vectors of question and passage (Khattab & Zaharia 2020, eq. 3). Give it to a
    `companion.rag.RerankedRetriever`. Taught in :doc:`/book/applications/reranking`.

    Args:
        embedder: As in `token_vectors`.

    Attributes:
        vectors: Vectors of each passage that was read so far, by its text. Each is read once.
    """

    def __init__(self, embedder: Any) -> None:
        """Begin with no passages."""
        self.embedder = embedder
        self.vectors: dict[str, Tensor] = {}

    def add(self, texts: Sequence[str]) -> None:
        """Read passages, before a question needs them."""
        new = [text for text in dict.fromkeys(texts) if text not in self.vectors]
        self.vectors.update(zip(new, token_vectors(self.embedder, new), strict=True))

    def __call__(self, query: str, texts: list[str]) -> np.ndarray:
        """Return the score of each text, shape ``(len(texts),)``; a text without tokens scores 0.

        A score is at most the number of the question's tokens.
        """
        self.add(texts)
        (asked,) = token_vectors(self.embedder, [query])
        kept = [self.vectors[text] for text in texts]
        return np.array(
            [float((asked @ one.T).amax(dim=1).sum()) if len(one) else 0.0 for one in kept]
        )

    @property
    def nbytes(self) -> int:
        """Bytes of all vectors that are kept."""
        return sum(one.nbytes for one in self.vectors.values())
