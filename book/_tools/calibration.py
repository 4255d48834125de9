"""How far do settings and noise move the numbers that models compute?

Each measurement is a process of its own, since the libraries read the settings when they start.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

NOISE = Path(__file__).with_name("noise")
TEXTS = (
    "Mira has 3 red apples and buys 4 more.",
    "The capital of",
    "Once there was a small fox who lived near the river.",
    " ".join(["A long text makes long sums."] * 20),
)
SIZES = (1e-7, 2e-7, 5e-7, 1e-6, 1e-5)


def main(settings: dict[str, dict[str, str]]) -> None:
    """Print how far each setting and each size of noise moves logits and vectors.

    Args:
        settings: Environment of each setting; the first one is the one to compare with.
    """
    first = next(iter(settings))
    reference = _measured(settings[first])
    print(f"root mean square of the difference from {first!r}, in standard deviations")
    for name in list(settings)[1:]:
        _show(name, reference, _measured(settings[name]))
    for size in SIZES:
        noise = {"BOOK_WOBBLE_SEED": "1", "BOOK_WOBBLE_SIZE": str(size), "PYTHONPATH": str(NOISE)}
        _show(f"noise of {size:g}", reference, _measured({**settings[first], **noise}))


def measure(path: str) -> None:
    """Write the logits of two pocket models and the vectors of the embedding model to a file."""
    import torch
    from sentence_transformers import SentenceTransformer

    import companion
    from companion.models.embedding import embedding_folder

    measured = {}
    for role in ("base", "chat"):
        model, tokenizer = companion.load(role, device="cpu")
        logits = []
        for text in TEXTS:
            with torch.no_grad():
                read = model(**tokenizer(text, return_tensors="pt")).logits[0]
            read = read - read.mean(-1, keepdim=True)
            logits.append((read / read.std()).flatten().numpy())
        measured[role] = np.concatenate(logits)
    embedder = SentenceTransformer(str(embedding_folder()), device="cpu")
    vectors = embedder.encode(list(TEXTS), show_progress_bar=False)
    measured["vectors"] = (vectors / vectors.std()).flatten()
    np.savez(path, **measured)


def _measured(environment: dict[str, str]) -> dict[str, np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "measured.npz"
        subprocess.run(
            [sys.executable, __file__, str(path)],
            env={**os.environ, "COMPANION_MODELS": "pocket", **environment},
            check=True,
            stderr=subprocess.DEVNULL,
        )
        with np.load(path) as stored:
            return {name: stored[name].astype(np.float64) for name in stored.files}


def _show(name: str, reference: dict[str, np.ndarray], measured: dict[str, np.ndarray]) -> None:
    moved = {key: np.sqrt(np.mean((measured[key] - reference[key]) ** 2)) for key in reference}
    print(f"{name:16}" + "".join(f"  {key} {size:.1e}" for key, size in moved.items()), flush=True)


if __name__ == "__main__":
    measure(sys.argv[1])
