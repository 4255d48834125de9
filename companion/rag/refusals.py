"""Refusals: answers by which a model says that the answer is not in what it has read.

An answer refuses as a whole or not at all: words of a refusal stand in answers, too. "The documents
do not say that dogs are forbidden" denies something, "I do not see a problem" is about the world,
and "The text does not say when, but it was in May" goes on. Left out: languages other than English,
and refusals in words that no rule here knows. Both are taken for answers.
"""

import re

from companion.rag.sentences import sentences

_MARKUP = " \t\n*_#>`\"'\u201c\u201d\u2018\u2019"
"""What may stand around words without changing them."""

_LEAD = re.compile(
    r"(?:(?:(?:unfortunately|regrettably|sorry|apologies|well|hmm?|but|answer(?=:)|"
    r"(?:i am|i'm|we are|we're) (?:so |very )?(?:sorry|afraid)(?: that)?|i apologi[sz]e|"
    r"it (?:seems|appears|looks like)(?: that)?)\b"
    r"|(?:as far as i|based on|according to|from|in) [\w' ]{3,60}(?=[,:]))[\s,.:!-]+)+"
)
"""Words before a refusal that say nothing."""

_NOUN = (
    r"(?:contexts?|documents?|documentation|passages?|texts?|notes?|sources?|rules|guide(?:line)?s?|"
    r"manuals?|pages?|handbooks?|articles?|books?|websites?|brochures?|polic(?:y|ies)|files?|"
    r"excerpts?|snippets?|information|materials?|records?|menus?|reports?|letters?|lists?|tables?|"
    r"sections?|paragraphs?|contents?|faqs?|descriptions?|instructions?|papers?|stor(?:y|ies)|"
    r"chapters?|schedules?|contracts?|data|results)"
)
_PAPER = rf"(?:the|this|that|these|those|your|any of the) (?:[\w'-]+ ){{0,3}}{_NOUN}"
_NOT = r"(?:do|does|did)(?: not|n't)(?: \w+ly)?"
_SAY = r"(?:say|state|tell|answer|mention|specify|describe|indicate|explain|clarify)"
_ANSWER = r"(?:[\w'-]+ ){0,4}(?:information|info|answers?|details?|mention|data)"
_ABOUT = (
    r"(?: (?:about|on|of|for|regarding|concerning|in|within|to|from|whether|as to|available|"
    r"provided|given)\b.*)?"
)
_CANNOT = (
    r"(?:i|we) (?:could not|couldn't|can not|cannot|can't|do not|don't|did not|didn't|"
    r"(?:am|was|are|were) (?:not able|unable) to)"
)
_ASKED = r"(?:who|whom|whose|what|when|where|which|why|how|whether|if)"

REFUSAL = re.compile(
    rf"{_PAPER} {_NOT} {_SAY}\b.*"
    rf"|none of the (?:[\w'-]+ ){{0,3}}{_NOUN} {_SAY}s?\b.*"
    rf"|{_PAPER} {_NOT} (?:cover|address|discuss) (?:it|this|that|(?:the|your) (?:topic|question))"
    rf"|{_PAPER} {_NOT} (?:contain|provide|include|give|have|offer) {_ANSWER}{_ABOUT}"
    rf"|there (?:is|was|are|were)(?: no|n't any| not any| not enough) {_ANSWER}{_ABOUT}"
    rf"|{_CANNOT} (?:know|tell|say|find|answer)"
    rf"(?: (?:{_ASKED}|that|this|it|(?:the|your) question)\b.*)?"
    rf"|{_CANNOT} (?:find|see|locate|have|give|provide|know) (?:it|this|that|{_ANSWER})"
    rf"(?:{_ABOUT}| {_ASKED}\b.*)"
    rf"|(?:i|we) have no {_ANSWER}{_ABOUT}"
    rf"|(?:no|not enough|insufficient) {_ANSWER}{_ABOUT}"
    rf"|(?:(?:it's|(?:it|this|that) (?:is|was)) )?not (?:mentioned|stated|specified)"
    rf"(?: (?:in|by) {_PAPER})?"
    rf"|[^,;:]{{1,60}} (?:is|are|was|were) not (?:mentioned|stated|specified) (?:in|by) {_PAPER}"
)
"""A sentence in lower case, without its period, by which models say that the answer is not there.

Another sentence with such words is an answer: about the world ("I do not see a problem"), or with
more to it; see `_MORE`.
"""

_MORE = re.compile(
    r"[,;:]|\b(?:but|although|though|however|only)\b"
    r"|\bthat (?!(?:kind|sort|type|piece|part|information|info|answer|detail|question|"
    r"in|from|within|would)\b)[\w'-]+ [\w'-]"
)
"""Signs of something else in a sentence that begins like a refusal: "... say that it is forbidden"
denies something."""

_ASIDE = re.compile(r",? ?\b(?:unfortunately|regrettably)\b,?")

_COURTESY = re.compile(
    r"(?:please|if you|let me know|feel free|you (?:may|might|can|could|should)|thank|"
    r"i (?:recommend|suggest)|would you|do you|is there|can you|could you)\b"
)
"""What a refusal may go on with."""


def is_refusal(text: str) -> bool:
    """Tell whether an answer that cites nothing says, as a whole, that the documents do not say.

    Its first sentence has to be a `REFUSAL`, with words such as "Unfortunately" in front or
    without, and what follows another one, or no more than politeness.

    Example:
        >>> is_refusal("Unfortunately, the documents do not say."), is_refusal("I see no problem.")
        (True, False)
    """
    said = [plain(sentence) for line in text.splitlines() for sentence in sentences(line)]
    said = [sentence for sentence in said if sentence]
    while said and _LEAD.fullmatch(f"{said[0]}."):
        del said[0]
    rest = (_refuses(sentence) or _COURTESY.match(sentence) for sentence in said[1:])
    return bool(said) and _refuses(said[0]) and all(rest)


def _refuses(sentence: str) -> bool:
    lead = _LEAD.match(sentence)
    bare = _ASIDE.sub("", sentence[lead.end() :] if lead else sentence)
    return bool(REFUSAL.fullmatch(bare)) and not _MORE.search(bare)


def plain(text: str) -> str:
    """Return words without markup around them, their period and upper case."""
    bare = text.replace("\u2019", "'").strip(_MARKUP).rstrip(".!").strip(_MARKUP)
    return " ".join(bare.casefold().split())
