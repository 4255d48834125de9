"""Exercises: the KV cache in bytes."""

from random import Random

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("kv-cache", __name__)

exercise = page.exercise(
    title="The size of a KV cache",
    difficulty="easy",
    minutes=8,
    statement="""
    The KV cache is what limits how many users a server can hold. Compute its size from the shape of
    a model, with and without grouped-query attention.
    """,
    hints=(
        "How many numbers does one layer keep for one token? There are keys and values.",
        "With grouped-query attention only `num_key_value_heads` heads have keys and values. "
        "`config.get(name, default)` covers the models without it.",
        "2 x layers x key/value heads x head size, times tokens, texts and bytes.",
    ),
)


@exercise.solution
def kv_cache_bytes(
    config: dict[str, int],
    tokens: int,
    batch_size: int,
    value_bytes: int,
) -> int:
    """Return the size of a KV cache.

    Every layer keeps one key and one value for each key/value head and each
    token.

    Args:
        config: Shape of the model: "num_hidden_layers", "hidden_size",
            "num_attention_heads", and "num_key_value_heads" if query heads
            share keys and values. If that is missing, each query head has its
            own. A head has hidden_size / num_attention_heads numbers.
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


@exercise.cases
def _cache_cases(rng: Random) -> Cases:
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


@exercise.mistake("Half of it: keys and values are both kept.")
def _keys_only(config: dict[str, int], tokens: int, batch_size: int, value_bytes: int) -> int:
    return kv_cache_bytes(config, tokens, batch_size, value_bytes) // 2


@exercise.mistake(
    "Query heads are counted. Only key/value heads are cached, and with grouped-query attention "
    "there are fewer of those."
)
def _query_heads(config: dict[str, int], tokens: int, batch_size: int, value_bytes: int) -> int:
    plain = {name: size for name, size in config.items() if name != "num_key_value_heads"}
    return kv_cache_bytes(plain, tokens, batch_size, value_bytes)


@exercise.mistake("That is one layer. Each layer has its own keys and values.")
def _one_layer(config: dict[str, int], tokens: int, batch_size: int, value_bytes: int) -> int:
    single = config | {"num_hidden_layers": 1}
    return kv_cache_bytes(single, tokens, batch_size, value_bytes)


@exercise.mistake("The batch is missing. Each text has its own cache.")
def _one_text(config: dict[str, int], tokens: int, batch_size: int, value_bytes: int) -> int:
    return kv_cache_bytes(config, tokens, 1, value_bytes)


@exercise.mistake(
    "Each head is counted as wide as the whole model. A head has hidden_size / num_attention_heads "
    "numbers."
)
def _whole_vectors(config: dict[str, int], tokens: int, batch_size: int, value_bytes: int) -> int:
    full = kv_cache_bytes(config, tokens, batch_size, value_bytes)
    return full * config["num_attention_heads"]


exercise = page.exercise(
    id="llama-2-cache",
    title="The cache of Llama 2 7B",
    difficulty="easy",
    minutes=5,
    statement="""
    Llama 2 7B has 32 layers and 32 heads with 128 numbers each, and its query heads share no keys
    or values. How large is the KV cache of one text that fills the context of 4,096 tokens, in
    float16?
    """,
    hints=(
        "How many bytes does one token need? Count keys and values in all layers.",
        "One token needs 2 x 32 x 32 x 128 numbers of 2 bytes: 524,288 bytes, half a MiB.",
        "Multiply by 4,096 and divide by 2 to the power of 30.",
    ),
)


@exercise.number(
    unit="GiB",
    mistakes={
        1.0: "Half of it is missing: the values, or the second byte of each number.",
        4.0: "Twice too much. A float16 number has 2 bytes, not 4.",
        0.5: "That is one token, in MiB. The context has 4,096 of them; then from MiB to GiB.",
        0.0625: "That is one layer. All 32 have keys and values of their own.",
        2.147483648: "That is in GB, of 10^9 bytes. A GiB has 2^30 bytes.",
        2048.0: "That is in MiB. A GiB has 1,024 of them.",
        64.0: "Each head is counted with all 4,096 numbers. One head has 128.",
    },
)
def cache_of_llama_2() -> float:
    """Return the GiB of the KV cache of Llama 2 7B for one full context in float16."""
    layers, heads, head_dim, tokens, value_bytes = 32, 32, 128, 4096, 2
    return 2 * layers * heads * head_dim * tokens * value_bytes / 2**30
