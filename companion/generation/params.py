"""The settings of a generation: how to choose tokens, and when to stop."""

from dataclasses import dataclass

from companion._checks import check_fields, is_whole


@dataclass(frozen=True)
class SamplingParams:
    r"""How to choose tokens, and when to stop.

    The filters run in the order of `transformers`: repetition penalty and no-repeat n-gram on the
    raw logits, then temperature, top-k, top-p, min-p. Taught in :doc:`/book/gpt/decoding`.

    Attributes:
        max_new_tokens: Tokens to generate at most, at least 1.
        temperature: Divides the logits. 0 means greedy: always the most probable token, the lowest
            id on a tie; top-k, top-p and min-p then have nothing to do.
        top_k: Keep the k most probable tokens, from 1 to the vocabulary size. None keeps all.
        top_p: Keep the smallest set with this probability mass, in (0, 1]. 1 keeps all.
        min_p: Keep tokens with at least this fraction of the top probability, in [0, 1].
        repetition_penalty: Above 1 discourages tokens that already occurred, prompt included.
        no_repeat_ngram_size: Never write an n-gram of this many tokens twice. 0 is off.
        n: Continuations per prompt. With temperature 0 they are all the same.
        stop: Strings that end the text; a single string is accepted too. The text is cut where
            the first of them begins.

    Raises:
        ValueError: If a field is outside the range given above.

    Example:
        >>> SamplingParams(temperature=0, stop="\n").stop
        ('\n',)
    """

    max_new_tokens: int = 64
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    n: int = 1
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check every field, so that a mistake shows before the model runs."""
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)
        object.__setattr__(self, "stop", stop)  # the way to set a field of a frozen dataclass
        rules = {
            "max_new_tokens": (is_whole(self.max_new_tokens), "a whole number from 1"),
            "temperature": (0 <= self.temperature < float("inf"), "0 (greedy) or above"),
            "top_k": (
                self.top_k is None or is_whole(self.top_k),
                "None (off) or a whole number from 1",
            ),
            "top_p": (0 < self.top_p <= 1, "above 0 and at most 1 (off)"),
            "min_p": (0 <= self.min_p <= 1, "from 0 (off) to 1"),
            "repetition_penalty": (self.repetition_penalty > 0, "above 0 (1 is off)"),
            "no_repeat_ngram_size": (
                is_whole(self.no_repeat_ngram_size, 0),
                "a whole number from 0 (off)",
            ),
            "n": (is_whole(self.n), "a whole number from 1"),
            "stop": (all(isinstance(s, str) and s for s in stop), "strings that are not empty"),
        }
        check_fields(self, rules)
