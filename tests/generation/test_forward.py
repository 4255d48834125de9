"""Models of other architectures: the tokens of transformers, alone and in a batch, or a refusal."""

from collections.abc import Callable

import pytest
import torch
import transformers
from transformers import PreTrainedModel

from companion.generation.batching import left_pad
from companion.generation.beam_search import beam_search
from companion.generation.decoding import generate
from companion.generation.forward import cache_of, traits
from companion.generation.params import SamplingParams
from companion.generation.scoring import sequence_logprob
from companion.training.silence import silence

IDS = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1}
STATE = {"vocab_size": 259, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 8, **IDS}
DECODER = {"d_model": 32, "decoder_layers": 2, "encoder_layers": 2, "decoder_ffn_dim": 64}
HEADS = {"num_attention_heads": 4, "num_key_value_heads": 1, "intermediate_size": 64}
ENCODER = {
    "vocab_size": 259,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
    "bos_token_id": 0,
    "pad_token_id": 1,
}
PROMPTS = ["Once upon a time", "Hi"]
GREEDY = SamplingParams(temperature=0, max_new_tokens=8)
MODELS: dict[str, Callable[[], PreTrainedModel]] = {
    "Mamba": lambda: transformers.MambaForCausalLM(transformers.MambaConfig(**STATE)),
    "Mamba2": lambda: transformers.Mamba2ForCausalLM(
        transformers.Mamba2Config(**STATE, num_heads=8, head_dim=8, n_groups=1)
    ),
    "RWKV": lambda: transformers.RwkvForCausalLM(
        transformers.RwkvConfig(
            vocab_size=259, hidden_size=32, num_hidden_layers=2, context_length=64, **IDS
        )
    ),
    "RecurrentGemma": lambda: transformers.RecurrentGemmaForCausalLM(
        transformers.RecurrentGemmaConfig(
            vocab_size=259,
            hidden_size=32,
            num_hidden_layers=3,
            lru_width=32,
            attention_window_size=32,
            **HEADS,
            **IDS,
        )
    ),
    "GPT-1": lambda: transformers.OpenAIGPTLMHeadModel(
        transformers.OpenAIGPTConfig(vocab_size=259, n_embd=32, n_layer=2, n_head=4, n_positions=64)
    ),
    "BART's decoder": lambda: transformers.BartForCausalLM(
        transformers.BartConfig(
            vocab_size=259,
            decoder_attention_heads=4,
            encoder_attention_heads=4,
            forced_eos_token_id=None,
            is_decoder=True,
            **DECODER,
            **IDS,
        )
    ),
    "BERT's decoder": lambda: transformers.BertLMHeadModel(
        transformers.BertConfig(**ENCODER, is_decoder=True)
    ),
    "BLOOM": lambda: transformers.BloomForCausalLM(
        transformers.BloomConfig(vocab_size=259, hidden_size=32, n_layer=2, n_head=4, **IDS)
    ),
    "attention and state (LFM2)": lambda: transformers.Lfm2ForCausalLM(
        transformers.Lfm2Config(
            vocab_size=259,
            hidden_size=32,
            num_hidden_layers=2,
            layer_types=["conv", "full_attention"],
            **HEADS,
            **IDS,
        )
    ),
}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    """A random model whose greedy texts are not all the same token."""
    transformers.set_seed(0)
    with silence():  # kernels that are not installed
        model = MODELS[request.param]().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(3)
    model.generation_config.eos_token_id = None
    return model


def theirs(model: PreTrainedModel, ids: list[int]) -> list[int]:
    row = torch.tensor([ids])
    with silence():
        written = model.generate(
            input_ids=row,
            attention_mask=torch.ones_like(row),
            do_sample=False,
            max_new_tokens=8,
            pad_token_id=1,
        )
    return written[0, len(ids) :].tolist()


def test_each_row_of_a_batch_gets_the_tokens_of_transformers(model, tokenizer) -> None:
    tokenizer_ids = [tokenizer(prompt)["input_ids"] for prompt in PROMPTS]

    with silence():
        found = [one.token_ids for one in generate(model, tokenizer, PROMPTS, GREEDY)]
        whole = [
            one.token_ids for one in generate(model, tokenizer, PROMPTS, GREEDY, use_cache=False)
        ]

    expected = [theirs(model, ids) for ids in tokenizer_ids]
    assert found == whole == [row[: len(one)] for row, one in zip(expected, found, strict=True)]


def test_beams_and_scores_of_a_batch_are_those_of_single_texts(model, tokenizer) -> None:
    with silence():
        together = beam_search(model, tokenizer, PROMPTS, num_beams=2, max_new_tokens=5)
        alone = [
            beam_search(model, tokenizer, prompt, num_beams=2, max_new_tokens=5)[0]
            for prompt in PROMPTS
        ]
        rows = [tokenizer(one.prompt)["input_ids"] + one.token_ids for one in alone]
        scores = sequence_logprob(model, *left_pad(rows, 1))
        expected = [sequence_logprob(model, torch.tensor([row])) for row in rows]

    assert [one.token_ids for one in together] == [one.token_ids for one in alone]
    torch.testing.assert_close(scores, torch.cat(expected), rtol=1e-4, atol=1e-4)


def test_the_cache_is_found_under_either_name() -> None:
    class Old:
        past_key_values = "kept"

    class New:
        cache = "kept"

    class Model:
        def __call__(self, input_ids, attention_mask, position_ids, cache=None, use_cache=True):
            """Take the cache as transformers does since 5.24."""

    assert cache_of(Old()) == cache_of(New()) == "kept"
    assert cache_of(object()) is None
    assert traits(Model()).cache == "cache"


@pytest.mark.parametrize("name", ["XLNet", "XLM"])
def test_models_that_predict_at_a_mask_are_refused(tokenizer, name: str) -> None:
    if name == "XLNet":
        config = transformers.XLNetConfig(
            vocab_size=259, d_model=32, n_layer=1, n_head=4, d_inner=8
        )
        model = transformers.XLNetLMHeadModel(config).eval()
    else:
        config = transformers.XLMConfig(vocab_size=259, emb_dim=32, n_layers=1, n_heads=4)
        model = transformers.XLMWithLMHeadModel(config).eval()

    with pytest.raises(ValueError, match=f"{name}.* predicts what a mask hides"):
        generate(model, tokenizer, PROMPTS, GREEDY)


T5 = {"vocab_size": 259, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 1, "num_heads": 4}
BART = {"vocab_size": 259, "decoder_attention_heads": 4, "encoder_attention_heads": 4}
BOTH_SIDES = "reads on both sides of a token"
MASK, LABELS, NO_HEAD = (
    "predicts what a mask hides",
    "gives labels or scores",
    "gives no logits",
)
REFUSED: dict[str, tuple[str, str, dict]] = {
    "T5ForConditionalGeneration": ("T5Config", "has an encoder that reads a text", T5),
    "MT5ForConditionalGeneration": ("MT5Config", "has an encoder that reads a text", T5),
    "BartForConditionalGeneration": ("BartConfig", "has an encoder", BART | DECODER),
    "MarianMTModel": ("MarianConfig", "has an encoder", BART | DECODER | {"pad_token_id": 1}),
    "BertForMaskedLM": ("BertConfig", MASK, ENCODER),
    "RobertaForMaskedLM": ("RobertaConfig", MASK, ENCODER),
    "ModernBertForMaskedLM": ("ModernBertConfig", MASK, ENCODER),
    "ElectraForMaskedLM": ("ElectraConfig", MASK, ENCODER),
    "BertLMHeadModel": ("BertConfig", BOTH_SIDES, ENCODER),
    "RobertaForCausalLM": ("RobertaConfig", BOTH_SIDES, ENCODER),
    "ElectraForCausalLM": ("ElectraConfig", BOTH_SIDES, ENCODER),
    "LlamaForSequenceClassification": ("LlamaConfig", LABELS, ENCODER),
    "LlamaForTokenClassification": ("LlamaConfig", LABELS, ENCODER),
    "BertForQuestionAnswering": ("BertConfig", LABELS, ENCODER),
    "BertForPreTraining": ("BertConfig", NO_HEAD, ENCODER),
    "BertModel": ("BertConfig", NO_HEAD, ENCODER),
    "LlamaModel": ("LlamaConfig", NO_HEAD, ENCODER),
}


@pytest.mark.parametrize("name", REFUSED)
def test_models_that_do_not_continue_a_text_are_refused_in_words(tokenizer, name: str) -> None:
    config, message, settings = REFUSED[name]
    with silence():
        model = getattr(transformers, name)(getattr(transformers, config)(**settings)).eval()

    with pytest.raises(ValueError, match=f"{name} {message}"):
        generate(model, tokenizer, PROMPTS, GREEDY)
    with pytest.raises(ValueError, match=f"{name} {message}"):
        beam_search(model, tokenizer, PROMPTS, num_beams=2, max_new_tokens=2)
    with pytest.raises(ValueError, match=f"{name} {message}"):
        sequence_logprob(model, torch.tensor([[5, 6, 7]]))
