"""Embeddings: from texts to vectors whose dot product says how close two texts are in meaning.

all-MiniLM-L6-v2 (Reimers & Gurevych 2019, https://arxiv.org/abs/1908.10084) is a BERT with 6
layers; the mean of its last hidden states, scaled to length 1, is the vector of a text. It reads
256 word pieces, special tokens included. What is longer is cut off: split the text before.

Left out: other pooling, prompts for queries, vectors of reduced precision.

Shape letters: ``B`` texts, ``T`` tokens, ``d`` = 384 numbers of a vector.
"""

from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from companion._checks import check_whole
from companion._extras import quiet_imports, require
from companion.models.checkpoint import sha256, weight_files
from companion.models.embedding import DIMENSION, MAX_LENGTH, embedding_folder
from companion.rag.normalization import search_form
from companion.rag.vector_cache import VectorCache

if TYPE_CHECKING:
    from torch import Tensor


def mean_pool(hidden: "Tensor", attention_mask: "Tensor") -> "Tensor":
    """Average the hidden states of the real tokens of each text.

    ``sum_t m_t h_t / sum_t m_t`` (Reimers & Gurevych 2019, section 3). Taught in
    :doc:`/book/applications/embeddings`.

    Args:
        hidden: Last hidden states, shape ``(B, T, d)``.
        attention_mask: 1 for real tokens, 0 for padding, shape ``(B, T)``.

    Returns:
        One vector per text, shape ``(B, d)``, not yet of length 1.

    Raises:
        ValueError: If the shapes do not fit, or a text has no token.

    Example:
        >>> import torch
        >>> hidden = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [9.0, 9.0]]])
        >>> mean_pool(hidden, torch.tensor([[1, 1, 0]]))
        tensor([[2., 4.]])
    """
    if hidden.ndim != 3 or hidden.shape[:2] != attention_mask.shape:
        raise ValueError(
            f"hidden must be (B, T, d) and attention_mask (B, T), got {tuple(hidden.shape)} and "
            f"{tuple(attention_mask.shape)}"
        )
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)  # (B, T, 1)
    counts = mask.sum(dim=1)  # (B, 1)
    if (counts == 0).any():
        raise ValueError("a text has no token: its row of attention_mask is all 0")
    return (hidden * mask).sum(dim=1) / counts


class MeanPooling:
    """A transformer, and the mean of its last hidden states as the vector of a text.

    What sentence-transformers does with the folder of all-MiniLM-L6-v2, without its imports, which
    take longer than reading the model. Taught in :doc:`/book/applications/embeddings`.

    Args:
        transformer: Gives hidden states of shape ``(B, T, d)``.
        tokenizer: Its tokenizer.
        max_length: Tokens that are read of a text, special tokens included.
    """

    def __init__(self, transformer: Any, tokenizer: Any, max_length: int) -> None:
        self.transformer, self.tokenizer, self.max_length = transformer, tokenizer, max_length

    def encode(self, texts: list[str]) -> np.ndarray:
        """Return one vector of length 1 per text, shape ``(B, d)``, float32."""
        import torch  # here: it is heavy

        batch = self.tokenizer(
            texts, padding=True, truncation=True, max_length=self.max_length, return_tensors="pt"
        ).to(self.transformer.device)
        with torch.inference_mode():
            hidden = self.transformer(**batch).last_hidden_state  # (B, T, d)
            pooled = mean_pool(hidden, batch["attention_mask"])  # (B, d)
        return torch.nn.functional.normalize(pooled, dim=1).float().cpu().numpy()


class Embedder:
    """Turns texts into vectors of length 1. Taught in :doc:`/book/applications/embeddings`.

    Args:
        folder: A model in the layout of sentence-transformers, read by that library; the bundled
            all-MiniLM-L6-v2, checked by sha256, if None.
        cache: Folder in which vectors are kept between runs; none are kept if None.
        batch_size: Texts per pass through the model.
        device: Where the model runs; the CPU, or what COMPANION_DEVICE names, if None.

    Attributes:
        model_id: Name and hash of the model, and how it reads. An index remembers it and refuses
            another.
        dimension: Length of a vector, ``d``.
        max_length: Tokens that the model reads of a text, special tokens included.

    Raises:
        WeightsError: If the model's files are missing or altered.
        MissingExtraError: If the bundled model's package, or for a folder sentence-transformers,
            is not installed.
        ValueError: If ``batch_size`` is below 1.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        *,
        cache: str | Path | None = None,
        batch_size: int = 32,
        device: str | None = None,
    ) -> None:
        """Check the model's files."""
        check_whole(batch_size=batch_size)
        self._bundled = folder is None
        self.folder = embedding_folder() if folder is None else Path(folder).expanduser()
        self.batch_size = batch_size
        weights = weight_files(self.folder)[0]
        name = "all-MiniLM-L6-v2" if self._bundled else self.folder.name
        self._device = device
        self.max_length = MAX_LENGTH if self._bundled else int(self.model.max_seq_length)
        self.dimension = DIMENSION if self._bundled else self._encode(["a"]).shape[1]
        self.model_id = f"{name}@{sha256(weights)[:16]}/{self.max_length}/NFKC"
        self.cache = VectorCache(cache, self.model_id, self.dimension) if cache else None

    @cached_property
    def model(self) -> Any:
        """What encodes: `MeanPooling`, or a ``SentenceTransformer`` for a folder.

        The bundled one is loaded when it is needed first.
        """
        from companion.models.devices import pick_device  # here: they import torch
        from companion.models.loading import load, no_progress_bar

        if self._bundled:
            transformer, tokenizer = load("embedding", source="pocket", device=self._device)
            return MeanPooling(transformer, tokenizer, MAX_LENGTH)
        with quiet_imports(), no_progress_bar():
            library = require("sentence_transformers", extra="rag")
            return library.SentenceTransformer(
                str(self.folder),
                device=str(self._device or pick_device(small=True)),
                local_files_only=True,
                trust_remote_code=False,
            )

    @property
    def tokenizer(self) -> Any:
        """The model's tokenizer, to count what fits into ``max_length``."""
        return self.model.tokenizer

    def embed(self, texts: Sequence[str], *, progress: bool = True) -> np.ndarray:
        """Return one vector per text, in order. Each different text runs through the model once.

        The model reads the `search_form` of a text: its vocabulary knows *office*, and not the
        ligature that a PDF writes it with.

        Args:
            texts: The texts, none blank. What exceeds ``max_length`` tokens is not read.
            progress: Show a bar in a terminal.

        Returns:
            Vectors of length 1, shape ``(B, d)``, float32.

        Raises:
            ValueError: If a text is blank or no text at all, or ``texts`` is a single string.
        """
        if isinstance(texts, str):
            raise ValueError("texts must be a list of texts; for a single one, pass [text]")
        texts = list(texts)
        for index, text in enumerate(texts):
            if not isinstance(text, str) or not text.strip():
                raise ValueError(f"text {index} must be a text that is not blank, got {text!r:.80}")
            text.encode()  # half a character (a lone surrogate) is a ValueError here
        texts = [search_form(text) for text in texts]
        vectors = {text: self.cache.get(text) if self.cache else None for text in texts}
        # texts of similar length share a batch, or padding would be most of the work
        missing = sorted((t for t, v in vectors.items() if v is None), key=len, reverse=True)
        starts = range(0, len(missing), self.batch_size)
        for start in tqdm(starts, disable=None if progress else True, unit="batch", leave=False):
            batch = missing[start : start + self.batch_size]
            for text, vector in zip(batch, self._encode(batch), strict=True):
                vectors[text] = vector
                if self.cache:
                    self.cache.put(text, vector)
        rows = [vectors[text] for text in texts]
        return np.stack(rows) if rows else np.empty((0, self.dimension), dtype=np.float32)

    def _encode(self, texts: list[str]) -> np.ndarray:
        if self._bundled:
            return self.model.encode(texts)
        vectors = self.model.encode(
            texts, batch_size=len(texts), normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32)


@cache
def shared_embedder() -> Embedder:
    """Return the bundled encoder, loaded once for all that a chat compares."""
    return Embedder()
