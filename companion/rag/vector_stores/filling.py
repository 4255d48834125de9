"""Fill a store with many documents, so that a program that is stopped loses one batch at most."""

from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

from companion._checks import check_whole
from companion.rag.documents import Document, passage
from companion.rag.vector_stores.store import VectorStore


def fill(
    store: VectorStore, documents: Sequence[Document], embedder: Any, *, batch_size: int = 256
) -> int:
    """Embed and add the documents that a store does not have yet.

    Each batch is kept as soon as it is added. Stopped, killed or cut off in between, the next call
    embeds only what is missing. Taught in :doc:`/book/applications/vector-stores`.

    Args:
        store: Where to.
        documents: All that should be there. Of equal ones, one is kept.
        embedder: An `companion.rag.Embedder`, or any object with its ``embed`` and ``model_id``.
        batch_size: Documents per batch.

    Returns:
        How many were added.

    Raises:
        ValueError: If ``batch_size`` is below 1, or the embedder is not the store's model.
        VectorStoreError: If the store can't be reached or refuses.
    """
    check_whole(batch_size=batch_size)
    if embedder.model_id != store.model_id:
        raise ValueError(
            f"the store holds vectors of {store.model_id!r}, and the embedder is "
            f"{embedder.model_id!r}. Vectors of different models can't be compared."
        )
    added = 0
    with tqdm(total=len(documents), disable=None, unit="document", leave=False) as bar:
        for start in range(0, len(documents), batch_size):
            batch = documents[start : start + batch_size]
            missing = store.missing(batch)
            if missing:
                store.add(embedder.embed([passage(one) for one in missing]), missing)
            added += len(missing)
            bar.update(len(batch))
    return added
