"""Forms: what a message is by its words, where likeness to examples says nothing.

"continue" and "as a table please" are like no question and like no greeting. They ask nothing of
the documents, so nothing can be missing there. "What is my cat called?" is a question, but about
what the user has told. Forms are a list of what people often write, in English and a little of
other languages, and not a grammar: what they do not know is taken for a question if it looks like
one. Used by `companion.chatbot.evidence`.
"""

import re
from collections.abc import Sequence

from companion.rag.close import stems

# fmt: off
COURTESIES = frozenset({
    "hello", "hi", "hey", "howdy", "greetings", "good", "morning", "evening", "afternoon", "night",
    "day", "everybody", "everyone", "there", "dear", "welcome", "thank", "thanks", "thx", "you",
    "so", "very", "much", "a", "lot", "many", "for", "that", "this", "all", "cheers", "bye",
    "goodbye", "ok", "okay", "alright", "fine", "great", "nice", "cool", "perfect", "wow",
    "wonderful", "excellent", "awesome", "yes", "yeah", "yep", "no", "nope", "sure", "maybe",
    "perhaps", "please", "sorry", "oh", "ah", "aha", "haha", "hm", "hmm", "lol", "well", "right",
    "exactly", "true", "i", "see", "later", "soon", "tomorrow",
    "hallo", "guten", "morgen", "tag", "abend", "danke", "sch\u00f6n", "sehr", "vielen", "dank",
    "bitte", "tsch\u00fcss", "ja", "nein", "bonjour", "bonsoir", "salut", "merci", "beaucoup",
    "oui", "non", "hola", "buenos", "d\u00edas", "buenas", "tardes", "noches", "gracias", "muchas",
    "adi\u00f3s", "s\u00ed", "ciao", "buongiorno", "buonasera", "grazie", "mille",
})
# fmt: on
"""A message of nothing but these words asks for nothing, though they can be names in a document."""

ASKING = re.compile(
    r"^\W*(?:(?:hello|hi|hey|thanks|thank you|okay|ok|please|and|but|so|well|good \w+)\W+)*(?:"
    r"who|whom|whose|what(?:s)?|when|where|which|why|how|"
    r"(?:is|are|was|were|do|does|did|has|have|can|could|will|would|should|may|must|am)\s+"
    r"(?:i|you|he|she|it|we|they|the|there|this|that|these|those|an?|my|your|any|some|\w+s)|"
    r"tell|explain|list|give|show|describe|define|name|summari[sz]e|translate|compare|find|"
    r"wer|was|wann|wo|wie|warum|welche\w*|qui|que|quoi|quand|o\u00f9|comment|pourquoi|quel\w*|"
    r"combien|qui\u00e9n|qu\u00e9|cu\u00e1ndo|d\u00f3nde|c\u00f3mo|cu\u00e1nt\w+|"
    r"cosa|quando|dove|come mai|perch\u00e9|quanto"
    r")\b",
    re.IGNORECASE,
)
"""What begins as questions and requests for a fact do."""

SEARCHING = re.compile(r"\W*(?:[^\W\d_]+\s+){1,2}of\s+(?:the\s+)?[\w'\u2019-]+\W*", re.IGNORECASE)
"""What is typed into a search: "capital of Peru"."""

_IT = r"(?:it|that|this|your \w+|yourself)"
_FORM = (
    r"(?:(?:as|in|into|to|with)\s+(?:an?\s+|one\s+|two\s+|the\s+)?(?:form\s+of\s+an?\s+)?"
    r"(?:table|list|bullets?|bullet points?|json|markdown|code|sentences?|words?|steps|"
    r"(?:other|simpler|simple|easier|plain|fewer|your own|more|less)\s+\w+|short|brief|detail|"
    r"english|german|french|spanish|italian|dutch|swedish|polish|russian|chinese|japanese)|"
    r"again|once more|shorter|longer|simpler|simply|briefly|differently|please)"
)
OF_THE_TALK = re.compile(
    r"\b(?:your|the)\s+(?:last|first|previous|earlier)\s+(?:answer|reply|response|message)\b|"
    r"\byour\s+(?:answer|reply|response)s?\b|"
    r"\bmy\s+(?:(?:very|last|first|second|previous|earlier)\s+)+(?:question|message|words)\b|"
    r"\b(?:our|this)\s+(?:conversation|chat|talk)\b|"
    r"\b(?:did|have)\s+(?:i|we)\s+(?:just\s+|already\s+)?"
    r"(?:say|said|ask|asked|tell|told|talked?|discuss(?:ed)?|write|written|mentioned)\b|"
    r"\bwhat\s+(?:do|did)\s+you\s+(?:just\s+)?(?:mean|say)\b|"
    r"\bhow\s+do\s+you\s+know\b|\bwhere\s+(?:do|did)\s+you\s+(?:get|have|know|read)\s+(?:it|that)\b|"
    r"\b(?:the|your|a)\s+sources?(?:\s+(?:of|for)\s+(?:it|that|this))?\W*$|"
    r"\b(?:say|repeat|rephrase|explain|translate|shorten|summari[sz]e|write|put|make|give me|show)"
    r"\s+"
    rf"{_IT}(?:[\s,]+{_FORM})*\W*$|"
    rf"^\W*(?:and\s+|now\s+)?{_FORM}(?:[\s,]+please)?\W*$|"
    r"\b(?:what(?:\s+is|['\u2019]s)|(?:know|remember|say|tell me))\s+(?:my|your)\s+name\W*$|"
    r"\btell\s+(?:me\s+|us\s+)?a(?:nother)?\s+joke\W*$|\bhave\s+a(?:nother)?\s+question\W*$|"
    r"\bwho\s+am\s+i\W*$",
    re.IGNORECASE,
)
"""What asks of the conversation, of an answer in it, or for that answer in another form; and
questions that documents have words of, but that everybody asks of a chat."""

YOU = re.compile(r"^(?!.*\b(?:where|when|which)\b).*\byou(?:r|rs|rself)?\b", re.I | re.S)
"""Who is spoken to may be the chat itself, but nobody asks a chat where or when it is."""

OF_ONESELF = re.compile(
    r"\b(?:what|who|where|when|which|how\s+old|how\s+many)\b.*\b(?:is|are|was|were|['\u2019]s)\s+my\b|"
    r"\b(?:what|who|where|when|which|how)\b.*\bmy\s+[\w\s]+\s+(?:is|are)\s+(?:called|named)\b|"
    r"\b(?:what|who|where|when|which|how\s+old)\b.*\b(?:do|did|am|was)\s+i\b"
    r"(?!\s+(?:have|need|get|find|pay|go|allowed|supposed)\b)|"
    r"\b(?:know|remember)\b.*\b(?:i|my)\b",
    re.IGNORECASE,
)
"""What asks for something that only the user can have said."""

TELLING = re.compile(
    r"^\W*(?:(?:and|but|well|by the way)\W+)?(?:"
    r"my\s+(?:[\w'\u2019-]+\s+){1,3}(?:is|are)\s+(?:called|named)\s+\S+|"
    r"my\s+fav(?:ou)?rite\s+(?:[\w'\u2019-]+\s+){1,3}(?:is|are)\s+\S+|"
    r"i\s+(?:live|work|like|love|prefer|hate)\s+\S+|"
    r"i(?:\s+am|['\u2019]m)\s+\d+\s+years\s+old"
    r")(?:\s+[^?]*)?$",
    re.IGNORECASE,
)
"""Somebody tells of himself what no document would answer."""


def is_courtesy(message: str) -> bool:
    """Tell whether a message is polite words only, or no words at all.

    Example:
        >>> [is_courtesy(text) for text in ("Okay, thanks!", ":-)", "Otto Danke")]
        [True, True, False]
    """
    words = set(re.findall(r"\w+", message.casefold()))
    return not words or (words <= COURTESIES and "?" not in message)


def asks(message: str) -> bool:
    """Tell whether a message asks for something, so that an answer to it can be missing.

    Example:
        >>> [asks(text) for text in ("capital of Peru", "Wo ist er?", "go on", "My cat is ill.")]
        [True, True, False, False]
    """
    marked = re.search(r"[?\uff1f\u061f]", message)
    return bool(marked or ASKING.search(message) or SEARCHING.fullmatch(message))


def is_of_the_talk(message: str, before: Sequence[str]) -> bool:
    """Tell whether a message is about the conversation, or about what the user said of himself.

    Args:
        message: The user's words.
        before: What the user said earlier.

    Example:
        >>> is_of_the_talk("Say that again, please.", [])
        True
        >>> [is_of_the_talk("What is my cat called?", [said]) for said in ("Hi", "My cat is Tom.")]
        [False, True]
    """
    if OF_THE_TALK.search(message) or TELLING.match(message):
        return True
    if not OF_ONESELF.search(message):
        return False
    told = [said for said in before if not asks(said) and re.search(r"\b(?:I|my)\b", said, re.I)]
    return any(stems(message) & stems(said) for said in told)
