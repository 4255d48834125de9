"""Fakes for the tests: small models and a tokenizer, built in code, the same on every run.

A fake takes the place of a real model and has its interface; no model is patched.
"""

import logging
import random
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import hypothesis
import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor

PAD, BOS, EOS, FIRST_BYTE = 0, 1, 2, 3
VOCAB_SIZE = 259

# How long an example takes says nothing where other processes run.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def _only_loopback(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a test fail that would leave this machine, unless it is marked `network`."""
    if request.node.get_closest_marker("network"):
        return
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test without the marker 'network' connects to {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _no_cache_of_the_user(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keep indexes of documents among the files of the test run, and take the models it expects."""
    monkeypatch.setenv("COMPANION_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    for variable in ("MODELS", "CHAT", "DEVICE", "DTYPE"):
        monkeypatch.delenv(f"COMPANION_{variable}", raising=False)


@pytest.fixture(autouse=True)
def _nothing_left_to_chance() -> None:
    """Start each test with the same random numbers, whatever ran before it."""
    random.seed(0)
    torch.default_generator.manual_seed(0)  # torch.manual_seed writes down where it was called


# Where the root logger has a handler, no library that is imported adds one that writes to stderr.
logging.getLogger().addHandler(logging.NullHandler())


class LogRecords(logging.Handler):
    """What is logged. pytest's own way costs every test, and its logging is switched off."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """The texts that are logged while the test runs."""
    handler = LogRecords()
    logging.getLogger().addHandler(handler)
    yield handler.texts
    logging.getLogger().removeHandler(handler)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Tiny models gain nothing from threads, and lose much where other work keeps a core busy."""
    torch.set_num_threads(1)


@pytest.fixture(params=[1, pytest.param(2, marks=pytest.mark.slow)], ids=["1-thread", "2-threads"])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """Run the test with one and with two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def bytes_to_chars() -> dict[int, str]:
    """Map each byte to the printable character that byte-level tokenizers write for it."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {
        byte: chr(256 + index) for index, byte in enumerate(others)
    }


def make_byte_tokenizer() -> transformers.PreTrainedTokenizerFast:
    """Build a tokenizer with one token per byte: id = byte + 3; pad 0, BOS 1, EOS 2."""
    vocab = {"<pad>": PAD, "<s>": BOS, "</s>": EOS}
    vocab |= {char: FIRST_BYTE + byte for byte, char in bytes_to_chars().items()}
    tokenizer = Tokenizer(models.BPE(vocab, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        padding_side="left",
    )


def make_tiny_llama(**changes: object) -> transformers.LlamaForCausalLM:
    """Build a random Llama: rotary positions, grouped-query attention, 64 tokens of context."""
    config = {
        "vocab_size": VOCAB_SIZE,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 64,
        "initializer_range": 0.5,
        "pad_token_id": PAD,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
    }
    torch.manual_seed(0)
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**config | changes)).eval()


def make_tiny_gpt2() -> transformers.GPT2LMHeadModel:
    """Build a random GPT-2: learned positions, tied embeddings, 64 tokens of context."""
    config = transformers.GPT2Config(
        vocab_size=VOCAB_SIZE,
        n_positions=64,
        n_embd=32,
        n_layer=2,
        n_head=4,
        initializer_range=0.5,
        pad_token_id=PAD,
        bos_token_id=BOS,
        eos_token_id=EOS,
    )
    torch.manual_seed(0)
    return transformers.GPT2LMHeadModel(config).eval()


class FakeCache:
    """Stands for a key/value cache: remembers the ids that were read."""

    def __init__(self, ids: Tensor) -> None:
        self.ids = ids

    def reorder_cache(self, rows: Tensor) -> None:
        self.ids = self.ids[rows]


class FunctionModel:
    """A causal language model whose next-token distribution is a plain Python function.

    Args:
        next_probs: Maps the real tokens so far (a list of ids) to ``V`` probabilities.
        eos_id: The token that ends a text, or None.
        context: Tokens that the model can read.
    """

    device = torch.device("cpu")

    def __init__(
        self,
        next_probs: Callable[[list[int]], Tensor],
        eos_id: int | None = EOS,
        context: int = 1000,
    ) -> None:
        self.next_probs = next_probs
        self.vocab_size = len(next_probs([BOS]))
        self.config = SimpleNamespace(max_position_embeddings=context)
        self.generation_config = SimpleNamespace(eos_token_id=eos_id)
        self.calls = 0

    def __call__(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        position_ids: Tensor,
        past_key_values: FakeCache | None = None,
        use_cache: bool = True,
        logits_to_keep: int = 0,
    ) -> SimpleNamespace:
        self.calls += 1
        fresh = input_ids.shape[1]
        if past_key_values is not None:
            input_ids = torch.cat([past_key_values.ids, input_ids], dim=-1)
        assert attention_mask.shape == input_ids.shape
        probs = [
            torch.stack([self._probs(ids[:end], mask[:end]) for end in range(1, len(ids) + 1)])
            for ids, mask in zip(input_ids, attention_mask, strict=True)
        ]
        logits = torch.stack(probs).log()[:, -fresh:][:, -logits_to_keep:]
        return SimpleNamespace(logits=logits, past_key_values=FakeCache(input_ids))

    def _probs(self, ids: Tensor, mask: Tensor) -> Tensor:
        real = ids[mask.bool()].tolist()
        return self.next_probs(real) if real else torch.full((self.vocab_size,), torch.nan)


@pytest.fixture(scope="session")
def tokenizer() -> transformers.PreTrainedTokenizerFast:
    return make_byte_tokenizer()


@pytest.fixture(scope="session")
def llama() -> transformers.LlamaForCausalLM:
    return make_tiny_llama()


@pytest.fixture(scope="session")
def make_llama() -> Callable[..., transformers.LlamaForCausalLM]:
    """Build a random Llama of another shape."""
    return make_tiny_llama


@pytest.fixture(scope="session")
def gpt2() -> transformers.GPT2LMHeadModel:
    return make_tiny_gpt2()


@pytest.fixture(params=["llama", "gpt2"])
def tiny_model(request: pytest.FixtureRequest) -> transformers.PreTrainedModel:
    """Each of the two random models in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def uniform_model() -> FunctionModel:
    """A model that finds every token equally probable."""
    return FunctionModel(lambda ids: torch.full((VOCAB_SIZE,), 1 / VOCAB_SIZE))


@pytest.fixture(scope="session")
def function_model() -> type[FunctionModel]:
    """Build a model from a function of the tokens so far."""
    return FunctionModel


@pytest.fixture(scope="session")
def scripted_model() -> Callable[..., FunctionModel]:
    """Build a model that, after a prompt of `prompt_tokens`, writes the bytes of a text."""

    def build(text: str | bytes, prompt_tokens: int = 1, *, end: bool = True) -> FunctionModel:
        data = text.encode() if isinstance(text, str) else text
        script = [FIRST_BYTE + byte for byte in data] + ([EOS] if end else [])

        def next_probs(ids: list[int]) -> Tensor:
            probs = torch.zeros(VOCAB_SIZE)
            probs[script[max(0, len(ids) - prompt_tokens) % len(script)]] = 1
            return probs

        return FunctionModel(next_probs)

    return build


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, llama, tokenizer) -> Path:
    """A tiny float16 checkpoint as `save_pretrained` writes it. Read only."""
    folder = tmp_path_factory.mktemp("tiny")
    model = transformers.LlamaForCausalLM(llama.config)
    model.load_state_dict(llama.state_dict())
    model.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def embedding_files(tmp_path: Path) -> Path:
    """A copy of the bundled embedding model's small files; the weights are a link."""
    from companion.models.embedding import SHA256, embedding_folder

    source = embedding_folder()
    for name in SHA256:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        if name == "model.safetensors":
            (tmp_path / name).symlink_to(source / name)
        else:
            shutil.copy(source / name, tmp_path / name)
    return tmp_path


@pytest.fixture(scope="session")
def chat() -> object:
    """The model pocket-chat and its tokenizer."""
    from companion.models import load

    return load("chat", source="pocket")


@pytest.fixture(scope="session")
def pocket(chat) -> object:
    """pocket-chat as a backend."""
    from companion.backends.local import LocalBackend

    return LocalBackend(*chat)


@pytest.fixture
def toolbox() -> object:
    """The calculator and the weather."""
    from companion.tools import Toolbox
    from companion.tools.calculator import calculator
    from companion.tools.weather import get_weather

    return Toolbox([calculator, get_weather])
