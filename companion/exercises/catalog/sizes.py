"""Exercises on sizes: the KV cache in bytes, the parameters of GPT-2."""

import random
from collections.abc import Iterator

from companion.exercises.exercise import Case, CodeExercise, NumericExercise, Wrong

# -- bytes of a KV cache --------------------------------------------------------------------------


def kv_cache_bytes(config: dict[str, int], tokens: int, batch_size: int, value_bytes: int) -> int:
    """Return the size of a KV cache.

    Every layer keeps one key and one value for each key/value head and each token.

    Args:
        config: Shape of the model: "num_hidden_layers", "hidden_size", "num_attention_heads", and
            "num_key_value_heads" if query heads share keys and values. If that is missing, each
            query head has its own. A head has hidden_size / num_attention_heads numbers.
        tokens: Tokens in the cache, per text.
        batch_size: Texts.
        value_bytes: Bytes per number: 2 for float16 and bfloat16.

    Returns:
        Bytes.
    """
    heads = config["num_attention_heads"]
    kv_heads = config.get("num_key_value_heads", heads)
    head_dim = config["hidden_size"] // heads
    numbers = 2 * config["num_hidden_layers"] * kv_heads * head_dim  # per token; keys and values
    return numbers * tokens * batch_size * value_bytes


def _keys_only(config: dict[str, int], tokens: int, batch_size: int, value_bytes: int) -> int:
    return kv_cache_bytes(config, tokens, batch_size, value_bytes) // 2


def _query_heads(config: dict[str, int], tokens: int, batch_size: int, value_bytes: int) -> int:
    plain = {name: size for name, size in config.items() if name != "num_key_value_heads"}
    return kv_cache_bytes(plain, tokens, batch_size, value_bytes)


def _one_layer(config: dict[str, int], tokens: int, batch_size: int, value_bytes: int) -> int:
    one = config | {"num_hidden_layers": 1}
    return kv_cache_bytes(one, tokens, batch_size, value_bytes)


def _one_text(config: dict[str, int], tokens: int, batch_size: int, value_bytes: int) -> int:
    return kv_cache_bytes(config, tokens, 1, value_bytes)


def _whole_vectors(config: dict[str, int], tokens: int, batch_size: int, value_bytes: int) -> int:
    full = kv_cache_bytes(config, tokens, batch_size, value_bytes)
    return full * config["num_attention_heads"]


def _cache_cases(rng: random.Random) -> Iterator[Case]:
    heads = rng.choice([4, 8, 16])
    small = {
        "num_hidden_layers": rng.randint(4, 12),
        "hidden_size": 32 * heads,
        "num_attention_heads": heads,
    }
    yield Case("one token", (small, 1, 1, 4), "Keys and values, in how many layers?")
    shape = {
        "num_hidden_layers": rng.randint(24, 40),
        "hidden_size": 4096,
        "num_attention_heads": 32,
        "num_key_value_heads": rng.choice([4, 8]),
    }
    tokens = rng.randint(1000, 5000)
    yield Case("shared keys and values", (shape, tokens, 1, 2), "Which heads have keys and values?")
    yield Case("a batch of three", (small, rng.randint(50, 99), 3, 2), "Do texts share a cache?")


KV_CACHE_BYTES = CodeExercise(
    id="kv-cache-bytes",
    title="The size of a KV cache",
    section="gpt",
    page="gpt/kv-cache",
    difficulty="easy",
    minutes=8,
    statement=(
        "The KV cache is what limits how many users a server can hold. Compute its size from the "
        "shape of a model, with and without grouped-query attention."
    ),
    hints=(
        "How many numbers does one layer keep for one token? There are keys and values.",
        "With grouped-query attention only `num_key_value_heads` heads have keys and values. "
        "`config.get(name, default)` covers the models without it.",
        "2 x layers x key/value heads x head size, times tokens, texts and bytes.",
    ),
    solution=kv_cache_bytes,
    cases=_cache_cases,
    wrong=(
        Wrong(_keys_only, "Half of it: keys and values are both kept."),
        Wrong(
            _query_heads,
            "Query heads are counted. Only key/value heads are cached, and with grouped-query "
            "attention there are fewer of those.",
        ),
        Wrong(_one_layer, "That is one layer. Each layer has its own keys and values."),
        Wrong(_one_text, "The batch is missing. Each text has its own cache."),
        Wrong(
            _whole_vectors,
            "Each head is counted as wide as the whole model. A head has hidden_size / "
            "num_attention_heads numbers.",
        ),
    ),
)

# -- the cache of Llama 2 -------------------------------------------------------------------------


def cache_of_llama_2() -> float:
    """Return the GiB of the KV cache of Llama 2 7B for one full context in float16."""
    layers, heads, head_dim, tokens, value_bytes = 32, 32, 128, 4096, 2
    return 2 * layers * heads * head_dim * tokens * value_bytes / 2**30


CACHE_OF_LLAMA_2 = NumericExercise(
    id="llama-2-cache",
    title="The cache of Llama 2 7B",
    section="gpt",
    page="gpt/kv-cache",
    difficulty="easy",
    minutes=5,
    statement=(
        "Llama 2 7B has 32 layers and 32 heads with 128 numbers each, and its query heads share "
        "no keys or values. How large is the KV cache of one text that fills the context of 4,096 "
        "tokens, in float16?"
    ),
    hints=(
        "How many bytes does one token need? Count keys and values in all layers.",
        "One token needs 2 x 32 x 32 x 128 numbers of 2 bytes: 524,288 bytes, half a MiB.",
        "Multiply by 4,096 and divide by 2 to the power of 30.",
    ),
    compute=cache_of_llama_2,
    unit="GiB",
    wrong=(
        Wrong(1.0, "Half of it is missing: the values, or the second byte of each number."),
        Wrong(4.0, "Twice too much. A float16 number has 2 bytes, not 4."),
        Wrong(0.0625, "That is one layer. All 32 have keys and values of their own."),
        Wrong(2.147483648, "That is in GB, of 10^9 bytes. A GiB has 2^30 bytes."),
        Wrong(2048.0, "That is in MiB. A GiB has 1,024 of them."),
        Wrong(64.0, "Each head is counted with all 4,096 numbers. One head has 128."),
    ),
)

# -- parameters of GPT-2 --------------------------------------------------------------------------


def gpt2_parameters(vocab_size: int, n_ctx: int, d: int, n_layer: int) -> int:
    """Return the number of parameters of a GPT-2.

    It has a token table (a row of d numbers per token), a position table (a row per position),
    n_layer blocks and a final LayerNorm. A block has two LayerNorms, four attention matrices d x d
    (queries, keys, values, output) and the two matrices of the MLP, d x 4d and 4d x d. Each
    matrix of a block has a bias, one number per output. A LayerNorm has a scale and a shift. The
    output scores use the token table again (tied weights).

    Args:
        vocab_size: Number of tokens in the vocabulary.
        n_ctx: Number of positions.
        d: Width of the model.
        n_layer: Number of blocks.

    Returns:
        Distinct parameters; what is shared counts once.
    """
    attention = 4 * (d * d + d)
    mlp = (d * 4 * d + 4 * d) + (4 * d * d + d)
    norms = 2 * 2 * d
    return vocab_size * d + n_ctx * d + n_layer * (attention + mlp + norms) + 2 * d


def _table_twice(vocab_size: int, n_ctx: int, d: int, n_layer: int) -> int:
    return gpt2_parameters(2 * vocab_size, n_ctx, d, n_layer)


def _no_biases(vocab_size: int, n_ctx: int, d: int, n_layer: int) -> int:
    return gpt2_parameters(vocab_size, n_ctx, d, n_layer) - 9 * d * n_layer


def _no_final_norm(vocab_size: int, n_ctx: int, d: int, n_layer: int) -> int:
    return gpt2_parameters(vocab_size, n_ctx, d, n_layer) - 2 * d


def _no_positions(vocab_size: int, n_ctx: int, d: int, n_layer: int) -> int:
    return gpt2_parameters(vocab_size, 0, d, n_layer)


def _weights_only(vocab_size: int, n_ctx: int, d: int, n_layer: int) -> int:
    return vocab_size * d + n_ctx * d + 12 * d * d * n_layer


def _narrow_mlp_bias(vocab_size: int, n_ctx: int, d: int, n_layer: int) -> int:
    return gpt2_parameters(vocab_size, n_ctx, d, n_layer) - 3 * d * n_layer


def _parameter_cases(rng: random.Random) -> Iterator[Case]:
    tables = rng.randint(10, 60), rng.randint(4, 20), 2 * rng.randint(2, 9)
    yield Case("no blocks", (*tables, 0), "Two tables and one LayerNorm. Anything else?")
    blocks = rng.randint(3, 48)
    yield Case(
        f"GPT-2 with {blocks} blocks",
        (50_257, 1024, 768, blocks),
        "Is every part of the list in your sum? With 12 blocks it is GPT-2 124M.",
    )
    d = rng.randint(3, 9)
    yield Case("a tiny one", (rng.randint(20, 60), 16, d, 2), "Count one block on paper.")


GPT2_PARAMETERS = CodeExercise(
    id="gpt2-parameters",
    title="Count the parameters of GPT-2",
    section="gpt",
    page="gpt/architecture",
    difficulty="medium",
    minutes=15,
    statement=(
        "How many parameters does a GPT-2 have? Write the formula as a function of four sizes. The "
        "parts are listed in the docstring. Count to the last digit: the smallest GPT-2 has "
        "124,439,808."
    ),
    hints=(
        "Start with one block: attention, MLP, two LayerNorms.",
        "The matrices of a block have 12 d^2 weights. Biases and LayerNorms are small, but there "
        "are 13 d of them.",
        "V d + n_ctx d + L (12 d^2 + 13 d) + 2 d.",
    ),
    solution=gpt2_parameters,
    cases=_parameter_cases,
    wrong=(
        Wrong(
            _table_twice,
            "The token table is counted twice. GPT-2 uses it for the input and for the output "
            "scores, but stores it once: the weights are tied.",
        ),
        Wrong(
            _no_biases,
            "The biases are missing: 9 d per block, from 4 d in attention and 4 d + d in the MLP.",
        ),
        Wrong(_no_final_norm, "The last LayerNorm, after the blocks, is missing: 2 d numbers."),
        Wrong(
            _no_positions,
            "The position table is missing. GPT-2 learns a vector for each of its positions.",
        ),
        Wrong(
            _weights_only,
            "Only the matrices are counted. Biases and LayerNorms add 13 d per block, and 2 d at "
            "the end.",
        ),
        Wrong(
            _narrow_mlp_bias,
            "A bias has one number per output. The first matrix of the MLP has 4 d outputs.",
        ),
    ),
)

EXERCISES = (KV_CACHE_BYTES, CACHE_OF_LLAMA_2, GPT2_PARAMETERS)
