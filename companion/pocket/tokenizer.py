"""The tokenizer of the pocket models: byte-level BPE in which each digit is a token.

Byte-level means that any text can be written, whatever the language. Single digits mean that 47 is
two tokens, 4 and 7, so that arithmetic works on places instead of on a lookup table of numbers. The
special tokens are those that a chat template needs.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from companion.phrases import CHAT_ROLES, CHAT_TEMPLATE, END_OF_TURN

from .corpus import documents

END_OF_TEXT = "<|endoftext|>"
PAD = "<|pad|>"
SPECIAL_TOKENS = (END_OF_TEXT, PAD, END_OF_TURN, *(f"<|{role}|>" for role in CHAT_ROLES))


def train_tokenizer(
    texts: Iterable[str], *, vocab_size: int = 2048, context: int = 512
) -> PreTrainedTokenizerFast:
    """Train the tokenizer.

    Args:
        texts: Training documents.
        vocab_size: Number of tokens, the 256 bytes and the special tokens included.
        context: Longest input of the model, in tokens.

    Returns:
        A tokenizer that adds no tokens by itself; ``eos_token`` and ``pad_token`` differ.

    Raises:
        ValueError: If ``vocab_size`` leaves no room for merges.
    """
    if vocab_size <= 256 + len(SPECIAL_TOKENS):
        raise ValueError(
            f"vocab_size must be over {256 + len(SPECIAL_TOKENS)} (bytes and special tokens), "
            f"got {vocab_size}"
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=byte_pairs(texts, vocab_size, SPECIAL_TOKENS),
        eos_token=END_OF_TEXT,
        pad_token=PAD,
        model_max_length=context,
        padding_side="left",
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def byte_pairs(texts: Iterable[str], vocab_size: int, special_tokens: Sequence[str]) -> Tokenizer:
    """Learn byte-level merges from texts, digits apart.

    Args:
        texts: Training documents.
        vocab_size: Number of tokens, the 256 bytes and the special tokens included.
        special_tokens: Those that get the first ids.

    Returns:
        A tokenizer of the library ``tokenizers``.
    """
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(special_tokens),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    core.train_from_iterator(texts, trainer)
    return core


def build(
    folder: Path, *, seed: int = 0, documents_read: int = 30_000, vocab_size: int = 2048
) -> PreTrainedTokenizerFast:
    """Train on the first documents of the corpus and save to ``folder``."""
    texts = (document.text for document in islice(documents(seed), documents_read))
    tokenizer = train_tokenizer(texts, vocab_size=vocab_size)
    tokenizer.save_pretrained(folder)
    return tokenizer
