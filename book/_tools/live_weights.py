"""Write what the widgets read: weights in int8 and float16, tokenizer, passages, records, manifest.

    python book/_tools/live_weights.py FOLDER

Made from the weights that the package ships, and the same on every run. int8 is `absmax_quantize`
with one scale per row, gzipped: half of the file that is shipped, at the price of a small error
that ``tests/live/test_weights.py`` measures. float16 is the shipped file itself. File names hold
the start of their SHA-256, so that a browser never takes an old file for a new one. The passages
are those that the page on retrieval searches.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from bm25s.stopwords import STOPWORDS_EN
from safetensors.torch import load_file, save
from torch import Tensor

import companion
from companion._files import write_whole
from companion.pocket.records import record
from companion.quantization.integers import absmax_quantize
from companion.rag import Embedder, passage, split_recursively
from companion.rag.book import load_book
from companion.tools.weather import observations

MODELS = ("base", "chat")
_SHIPPED = Path(companion.__file__).parent / "pocket" / "weights"
_PROGRAM = Path(__file__).parents[1] / "_static" / "live" / "matvec.wasm"
_STORE = ("mb", "disk_mb", "fill_cpu_s", "cpu_ms")  # quantities of a vector store
_CONFIG = (  # what llama.js reads of config.json
    "head_dim",
    "hidden_size",
    "max_position_embeddings",
    "num_attention_heads",
    "num_hidden_layers",
    "num_key_value_heads",
    "rms_norm_eps",
    "rope_parameters",
    "tie_word_embeddings",
    "vocab_size",
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where to write; made if it is missing")
    folder = parser.parse_args(arguments).folder
    write_live_weights(folder)
    for path in sorted(folder.iterdir()):
        print(f"{path.stat().st_size:>10,} {path.name}")
    return 0


def write_live_weights(
    folder: Path, open_model: Path | None = None, *, models: Sequence[str] = MODELS
) -> dict:
    """Write all files into ``folder`` and return the manifest, which lists them.

    Args:
        folder: Where to write; made if it is missing.
        open_model: The open model's GGUF file, which is copied. None: the site does not offer it.
        models: Which of the pocket models.
    """
    folder.mkdir(parents=True, exist_ok=True)
    manifest = {"models": {name: _model(folder, name) for name in models}}
    text = (_SHIPPED / "base" / "tokenizer.json").read_bytes()  # the same for all models
    manifest["tokenizer"] = _write(folder, "tokenizer", text, ".json")
    passages = json.dumps(book_passages(), ensure_ascii=False).encode()
    manifest["passages"] = _write(folder, "passages", passages, ".json")
    weather = json.dumps(observations()).encode()
    manifest["weather"] = _write(folder, "weather", weather, ".json")
    records = json.dumps(recorded(), ensure_ascii=False).encode()
    manifest["records"] = _write(folder, "records", records, ".json")
    program = _PROGRAM.read_bytes()  # it stays where it is
    digest = hashlib.sha256(program).hexdigest()
    manifest["program"] = {"bytes": len(program), "sha256": digest}
    if open_model:
        manifest["open"] = _write(folder, "smollm2", open_model.read_bytes(), ".gguf")
    write_whole(folder / "manifest.json", json.dumps(manifest, indent=1) + "\n")
    return manifest


def _model(folder: Path, name: str) -> dict:
    shipped = _SHIPPED / name
    config = json.loads((shipped / "config.json").read_text(encoding="utf-8"))
    eos = json.loads((shipped / "generation_config.json").read_text(encoding="utf-8"))[
        "eos_token_id"
    ]
    weights = shipped / "model.safetensors"
    packed = gzip.compress(save(rounded(load_file(weights))), compresslevel=9, mtime=0)
    return {
        "config": {key: config[key] for key in _CONFIG},
        "eos": [eos] if isinstance(eos, int) else eos,
        "int8": _write(folder, f"{name}-int8", packed, ".bin"),
        "float16": _write(folder, f"{name}-float16", weights.read_bytes(), ".bin"),
    }


def rounded(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Round every matrix to int8, with one scale per row; vectors stay as they are.

    Args:
        tensors: Weights by name.

    Returns:
        The same names, and ``name.scale`` in float32, shape ``(rows,)``, for each matrix.
    """
    out = {}
    for name, tensor in tensors.items():
        if tensor.dim() == 1:
            out[name] = tensor
            continue
        quantized = absmax_quantize(tensor.float(), bits=8, group_size=tensor.shape[1])
        out[name], out[f"{name}.scale"] = quantized.codes, quantized.scale[:, 0].contiguous()
    return out


def book_passages() -> dict:
    """The chunks of the book's snapshot, cut as on the page on retrieval, and the skipped words."""
    tokenizer = Embedder().tokenizer
    chunks = split_recursively(load_book(), tokenizer, chunk_size=128, overlap=0)
    return {
        "skipped": sorted(STOPWORDS_EN),
        "passages": [
            {
                "source": chunk.metadata["source"],
                "heading": chunk.metadata.get("heading", ""),
                "text": passage(chunk),
            }
            for chunk in chunks
        ],
    }


def recorded() -> dict:
    """Return what widgets compute with of recorded runs: counts of right answers, and of stores."""
    run, stores = record("thinking"), record("vector_stores")
    return {
        "thinking": {
            f"{name}, {kind}": {"tries": run["samples"], "counts": found["counts"]}
            for name, by_kind in run["models"].items()
            for kind, found in by_kind.items()
        },
        "stores": {
            size: {kind: {key: row[key] for key in _STORE} for kind, row in by_kind.items()}
            for size, by_kind in stores["sizes"].items()
        },
    }


def _write(folder: Path, name: str, content: bytes, ending: str) -> dict:
    digest = hashlib.sha256(content).hexdigest()
    file = f"{name}-{digest[:8]}{ending}"
    (folder / file).write_bytes(content)
    return {"file": file, "bytes": len(content), "sha256": digest}


if __name__ == "__main__":
    sys.exit(main())
