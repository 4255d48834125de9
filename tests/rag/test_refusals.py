"""Answers that say as a whole that the documents do not say, and answers that do not."""

import pytest

from companion.rag.refusals import is_refusal

REFUSALS = [
    "The context does not say.",
    "the context does not say",
    "The context does not contain the answer to the question.",
    "The provided passages don\u2019t mention where Bo lives.",
    "The text doesn't specify this",
    "I'm sorry, but the given context does not provide that information.",
    "I cannot find this in the documents.",
    "I don't know.",
    "There is no information about Bo in the context.",
    "Unfortunately, the documents do not say.",
    "Sorry, the text does not say that.",
    "**The documents do not say.**",
    "> The documents do not say.",
    "The house rules do not say.",
    "No information on cats.",
    "Not mentioned.",
    "Based on the context, it is not mentioned.",
    "I'm sorry, but the provided documents do not contain this information.",
    "The provided context does not contain information about cats.",
    "I can't find it in the documents.",
    "The documents do not say whether cats are allowed.",
    "The documents, unfortunately, do not say.",
    "I'm sorry. The text does not say that.",
    "There is no mention of a pool.",
    "None of the passages mention cats.",
    "I could not find any information about parking.",
    "I do not have enough information to answer that.",
    "I do not know who founded the village.",
    "Dogs are not mentioned in the house rules.",
    "The documents do not say. Please ask at the desk.",
    "Unfortunately, the text does not mention it. If you have another question, ask.",
    "I am unable to answer that question from the documents.",
    "I don't see that in the documents.",
    "There is no answer to that in the book.",
    "It seems that the documents do not mention it.",
    "The rules do not cover this.",
    "I was not able to find an answer to your question.",
    "It's not mentioned in the documents.",
    "I don't know.\n\nPlease ask the manager.",
]

ANSWERS = [
    "Ann lives in Oslo.",
    "The context does not say when, but Ann lives in Oslo.",
    "The text does not say it outright. Ann lives in Oslo.",
    "The document says that she does not live there.",
    "I know that she lives in Oslo.",
    "There is no bus on Sundays.",
    "No.",
    "I do not see a problem with dogs.",
    "The documents do not say that dogs are forbidden.",
    "The documents don't mention cats. Dogs pay 12 euros.",
    "There is no information desk on the first floor.",
    "The policy does not cover water damage.",
    "Damage by water is not covered by the policy.",
    "The list does not include peanuts.",
    "The menu does not include wine.",
    "I do not know of any problem with dogs.",
    "You cannot find it in shops.",
    "I cannot find a reason against it.",
    "The manual does not say so, although the drawing shows it.",
    "The manager does not know the guest.",
    "No details are stored.",
    "Unfortunately, dogs are not allowed.",
    "Sorry, the pool is closed.",
    "The rules do not allow dogs.",
    "The context does not say when but Ann lives in Oslo.",
    "In the documents, dogs are welcome.",
    "The house rules say that no dogs are allowed.",
    "The text states that it is not mentioned in the will.",
    "Guests do not say goodbye.",
    "Unfortunately",
    "I do not have a dog.",
    "I did not see the manager.",
    "The text does not say\nAnn lives in Oslo.",
    "",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_in_other_words_is_no_answer(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize("text", ANSWERS)
def test_words_of_a_refusal_make_no_refusal(text: str) -> None:
    assert not is_refusal(text)
