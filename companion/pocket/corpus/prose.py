"""Plain prose about language models, in the words of this book."""

import random

from .grammar import expand
from .holdout import Split

_RULES: dict[str, list[str]] = {
    "model": ["a language model", "the model", "a neural network", "a transformer", "a decoder"],
    "Model": ["A language model", "The model", "A neural network", "A transformer", "A decoder"],
    "text": ["text", "a sentence", "a long document", "a story", "a program", "a conversation"],
    "data": ["books", "web pages", "code", "dialogues", "articles", "letters", "lecture notes"],
    "better": ["better", "faster", "cheaper", "easier to train", "more stable"],
    "often": ["often", "usually", "sometimes", "in most cases", "as a rule"],
}
_TOPICS: dict[str, list[str]] = {
    "tokens": [
        "A token is a piece of {text}.",
        "A tokenizer cuts {text} into tokens.",
        "A common word is {often} one token, and a rare word is several.",
        "Every token has a number.",
        "{Model} never sees letters, it sees numbers.",
        "A byte-level tokenizer can write any {text}.",
        "The vocabulary is the list of all tokens.",
        "Short vocabularies make long sequences.",
        "Numbers are easier when each digit is a token.",
        "Byte-pair encoding merges the pair that is seen most {often}.",
    ],
    "prediction": [
        "{Model} predicts the next token.",
        "Its output is a probability for every token of the vocabulary.",
        "The probabilities add up to one.",
        "To write {text}, it repeats this step again and again.",
        "Decoding is the choice of one token from the distribution.",
        "Greedy decoding takes the most likely token.",
        "Sampling draws a token at random.",
        "A low temperature makes the choice safe, a high one makes it wild.",
        "The probability of {text} is the product of the probabilities of its tokens.",
        "A good model is rarely surprised by {text}.",
    ],
    "attention": [
        "Attention lets each position look at earlier positions.",
        "A causal mask hides the future.",
        "Each head computes queries, keys and values.",
        "The query of a token is compared with the keys of the tokens before it.",
        "The weights of attention add up to one.",
        "Several heads look for several things.",
        "Attention over long {text} is expensive.",
        "A cache keeps the keys and values, so that decoding is {better}.",
        "Without positions, attention would see a bag of tokens.",
    ],
    "training": [
        "{Model} learns from {data} and {data}.",
        "Training lowers the loss on the next token.",
        "The loss is measured in nats.",
        "The gradient tells how each weight should change.",
        "The learning rate is small at first, then large, then small again.",
        "A batch holds many pieces of {text}.",
        "Too high a learning rate makes training fail.",
        "Clean data makes {model} {better}.",
        "Test data must never be part of the training data.",
        "A model that only repeats its training data has learned little.",
    ],
    "alignment": [
        "A base model continues {text}, it does not follow instructions.",
        "Instruction tuning shows {model} how to answer.",
        "A reward model scores answers.",
        "People compare two answers and choose the better one.",
        "Reinforcement learning moves {model} toward answers with a high reward.",
        "A penalty keeps the policy close to where it started.",
        "A reward can be fooled by long answers.",
        "Preferences of people are {often} inconsistent.",
    ],
    "adaptation": [
        "Low-rank adaptation trains two small matrices and leaves the rest as it is.",
        "The product of the two matrices is the change of the weight.",
        "One matrix starts at zero, so nothing changes at first.",
        "Adapters are small layers between the large ones.",
        "A quantized model needs less memory.",
        "Eight bits are {often} enough, and four bits can be.",
        "Rounding the weights costs a little quality.",
        "Small models are {better} on small machines.",
    ],
    "retrieval": [
        "Retrieval finds passages that fit the question.",
        "The passages go into the prompt.",
        "{Model} then answers from what it reads.",
        "An embedding turns {text} into a list of numbers.",
        "Two texts with a similar meaning have similar embeddings.",
        "If nothing fits, the honest answer is that the documents do not say.",
        "An index makes the search {better}.",
        "The sources should be named with the answer.",
    ],
    "tools": [
        "A tool is a function that a program offers to {model}.",
        "{Model} writes the name of the tool and its arguments.",
        "The program checks the arguments and runs the tool.",
        "The result goes back to {model}, which writes the answer.",
        "A calculator does not guess.",
        "A model must not run code that it was given by a stranger.",
        "Every call should be written to a log.",
    ],
    "prompts": [
        "A prompt is the {text} that {model} continues.",
        "A clear prompt says what to do and in which form to answer.",
        "A few examples {often} help more than a long explanation.",
        "Reasoning step by step gives {model} room to compute.",
        "The order of the examples can change the answer.",
        "A prompt should be tested on many questions, not on one.",
    ],
}


def document(rng: random.Random, split: Split) -> str:
    """Return a paragraph of four to eight sentences on one topic, sometimes with a second one."""
    topics = rng.sample(list(_TOPICS), rng.choice((1, 1, 2)))
    paragraphs = [
        " ".join(expand(rng, s, _RULES) for s in rng.sample(_TOPICS[t], rng.randint(4, 6)))
        for t in topics
    ]
    return "\n\n".join(paragraphs)
