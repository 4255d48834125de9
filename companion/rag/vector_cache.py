"""A cache of vectors on disk, so that a text is embedded once.

One small file per text: a ``.npy`` and the sha256 of its bytes. The name is the sha256 of model and
text, so another model never finds it. A file that is damaged counts as absent.
"""

import hashlib
import io
from pathlib import Path

import numpy as np

from companion._files import write_whole

DIGEST_BYTES = 32


class VectorCache:
    """Vectors of texts, kept in a folder. Taught in :doc:`/book/applications/embeddings`.

    Args:
        folder: Where the files are; made if it does not exist.
        model_id: What made the vectors.
        dimension: Length of a vector.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     cache = VectorCache(folder, "some-model", 2)
        ...     cache.put("a text", np.array([0.6, 0.8]))
        ...     cache.get("a text"), cache.get("another")
        (array([0.6, 0.8], dtype=float32), None)
    """

    def __init__(self, folder: str | Path, model_id: str, dimension: int) -> None:
        self.folder = Path(folder).expanduser()
        self.model_id = model_id
        self.dimension = dimension

    def path(self, text: str) -> Path:
        """Return the file of a text, whether it exists or not."""
        name = hashlib.sha256(f"{self.model_id}\0{text}".encode()).hexdigest()
        return self.folder / name[:2] / f"{name}.npy"

    def get(self, text: str) -> np.ndarray | None:
        """Return the vector of a text, shape ``(d,)`` and float32, or None if there is none."""
        try:
            data = self.path(text).read_bytes()
        except FileNotFoundError:
            return None
        body, digest = data[:-DIGEST_BYTES], data[-DIGEST_BYTES:]
        if hashlib.sha256(body).digest() != digest:
            return None
        try:
            vector = np.load(io.BytesIO(body), allow_pickle=False)
        except (ValueError, OSError, EOFError):
            return None
        fits = vector.dtype == np.float32 and vector.shape == (self.dimension,)
        return vector if fits else None

    def put(self, text: str, vector: np.ndarray) -> None:
        """Keep a vector. Another program sees the whole file or none."""
        body = io.BytesIO()
        np.save(body, np.asarray(vector, dtype=np.float32), allow_pickle=False)
        data = body.getvalue() + hashlib.sha256(body.getvalue()).digest()
        file = self.path(text)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, data, sync=False)  # what a power cut damages counts as absent
