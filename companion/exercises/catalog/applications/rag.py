"""An exercise: a whole RAG system."""

import collections.abc
import re
from random import Random

import numpy as np

from companion.exercises.catalog._draws import some_words
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("rag", __name__)

exercise = page.exercise(
    id="rag-system",
    title="A RAG system from scratch",
    difficulty="hard",
    minutes=45,
    keep=("__init__",),
    statement="""
    Write a whole system that answers from your own documents: a store, a search, a prompt, the
    model's answer, its sources, and a way to say that the documents do not say. The embedding model
    and the language model are handed in as functions, so it works with any. To try it, write two
    small functions that stand in for them.
    """,
    hints=(
        "Go method by method. `add` keeps the documents and their vectors; `search` is the nearest "
        "vectors by cosine, without those below the threshold.",
        "In `answer`, stop early if nothing was found. Otherwise number the passages from 1, build "
        "the prompt line by line, and *call the model*.",
        r"Sources: `re.findall(r'\[(\d+)\]', text)` gives the numbers that the text cites. Keep "
        "the ids of the passages with these numbers.",
    ),
)


@exercise.solution
class RagSystem:
    """Answers questions from documents, and says which ones it used.

    Args:
        embed: ``embed(texts)`` returns vectors, shape (N, d), of any length,
        for a list of texts.
        generate: ``generate(prompt)`` returns what a model writes after the
        prompt.
        k: Passages to show to the model, at most.
        threshold: Smallest cosine of a passage that is shown.
    """

    def __init__(
        self,
        embed: collections.abc.Callable,
        generate: collections.abc.Callable,
        k: int,
        threshold: float,
    ) -> None:
        """Begin without documents."""
        self.embed, self.generate = embed, generate
        self.k, self.threshold = k, threshold
        self.documents = []
        self.vectors = []

    def add(self, documents: list[dict[str, str]]) -> None:
        """Embed documents, each {"id": ..., "text": ...}, and keep them.

        Those from before stay.
        """
        self.documents += documents
        self.vectors += list(self.embed([document["text"] for document in documents]))

    def search(self, question: str) -> list[tuple[float, dict[str, str]]]:
        """Return (cosine, document) of what to show, the largest cosine first.

        A vector of zeros has the cosine 0 with everything.
        """
        if not self.documents:
            return []
        vectors = np.array(self.vectors)
        query = self.embed([question])[0]
        lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query)
        cosines = vectors @ query / np.where(lengths == 0, 1, lengths)
        order = np.argsort(-cosines, kind="stable")[: self.k]
        hits = [(float(cosines[i]), self.documents[i]) for i in order]
        return [(cosine, document) for cosine, document in hits if cosine >= self.threshold]

    def answer(self, question: str) -> dict[str, str | list[str]]:
        """Answer a question.

        The model's prompt has these lines, joined by newlines: "Answer the
        question with the context only.", "Context:", then "[1] TEXT", "[2]
        TEXT" and so on for the passages, and "Question: QUESTION". If there is
        no passage to show, the model is not asked.

        Returns:
            "text": what the model wrote, or "The documents do not say.";
            "sources": ids of the documents whose numbers stand in the text,
            such as [2], in the order of the passages.
        """
        passages = [document for _, document in self.search(question)]
        if not passages:
            return {"text": "The documents do not say.", "sources": []}
        lines = [f"[{number}] {passage['text']}" for number, passage in enumerate(passages, 1)]
        head = ["Answer the question with the context only.", "Context:"]
        text = self.generate("\n".join([*head, *lines, f"Question: {question}"]))
        numbers = {int(number) for number in re.findall(r"\[(\d+)\]", text)}
        sources = [passage["id"] for number, passage in enumerate(passages, 1) if number in numbers]
        return {"text": text, "sources": sources}


@exercise.run
def _run_rag(
    answer: type, batches: list, questions: list[str], k: int, threshold: float
) -> dict[str, list]:
    import re

    import numpy as np

    vocabulary, prompts = {}, []
    ignored = {"the", "a", "of", "in", "who", "where", "what", "is", "does"}

    def words(text: str) -> list[str]:
        return [word for word in re.findall(r"\w+", text.lower()) if word not in ignored]

    def embed(texts: list[str]) -> np.ndarray:  # counts of words
        vectors = np.zeros((len(texts), 60))
        for row, text in zip(vectors, texts, strict=True):
            for word in words(text):
                row[vocabulary.setdefault(word, len(vocabulary))] += 1
        return vectors

    def generate(prompt: str) -> str:  # repeats the passage most like the question; cites it,
        # and the third before it
        prompts.append(prompt)
        *lines, asked = prompt.split("\n")
        shown = [line for line in lines if line.startswith("[")] or ["[0] Nobody knows."]
        best = max(shown, key=lambda line: len(set(words(line)) & set(words(asked))))
        number, text = best.split(" ", 1)
        return f"{text} {shown[2].split()[0]} {number}" if shown[2:] else f"{text} {number}"

    system = answer(embed, generate, k, threshold)
    for documents in batches:
        system.add([{"id": key, "text": text} for key, text in documents])
    ids = [[document["id"] for _, document in system.search(question)] for question in questions]
    answers = [system.answer(question) for question in questions]
    return {"found": ids, "prompts": prompts, "answers": answers}


@exercise.cases
def _rag_cases(rng: Random) -> Cases:
    keeper, baker = rng.sample(["Tavira", "Dorgel", "Zembor", "Ulmina", "Pavel"], 2)
    goods, place = ", ".join(some_words(rng, 6)), some_words(rng, 1)[0]
    notes = [
        ("tower", f"{keeper} keeps the tower."),
        ("bakery", f"{baker} runs the bakery."),
        (place, f"The {place}pond freezes in winter."),
        ("guide", f"The tower, the tower, the tower: {keeper} sells {goods} there."),
    ]
    yield Case(
        "one question",
        ([notes], ["Who keeps the tower?"], 2, 0.3),
        "The guide names the tower three times. Which passage points the same way as the question?",
    )
    yield Case(
        "not in the documents",
        ([notes], ["Where does the whale sleep?", f"Has Ann, at sea, seen {keeper}?"], 2, 0.3),
        "A search returns something for every question. When is it not good enough?",
    )
    yield Case(
        "two additions",
        ([notes[:2], notes[2:]], ["Who runs the bakery?", "What freezes in winter?"], 3, 0.2),
        "Are the documents of the first addition still there?",
    )
    home = [("home", f"{keeper} lives beside mountains."), notes[1]]
    yield Case(
        "a cosine of exactly the threshold",
        ([home], [f"Where is {keeper}?"], 2, 0.5),
        "One word of four is shared, so the cosine is 1 / 2. Is that below the threshold?",
    )
    rng.shuffle(notes)
    yield Case(
        "two passages, one used",
        ([notes], [f"What does {keeper} keep in the tower?"], 3, 0.1),
        "Which of the passages that were shown does the text cite?",
    )
    yield Case(
        "three passages, two used",
        ([notes], [f"Is {keeper} at the tower in winter?"], 3, 0.05),
        "In which order are the sources asked for?",
    )
    yield Case(
        "a question without a word",
        ([notes[:1]], ["Who is where?"], 2, 0.0),
        "The question is a vector of zeros. What is its cosine, and is that below 0?",
    )
    yield Case("no documents", ([], ["Who keeps the tower?"], 2, 0.3), "Is there anything to show?")


@exercise.mistake(
    "The threshold is not used: the model is asked even where no passage has anything to do with "
    "the question, and it will make something up."
)
class _Always(RagSystem):
    def search(self, question: str) -> list[tuple[float, dict[str, str]]]:
        self.threshold = -2
        return super().search(question)


@exercise.mistake(
    "You return the prompt. That is only half of RAG: the model has to be called with it, and what "
    "it writes is the answer."
)
class _PromptOnly(RagSystem):
    def answer(self, question: str) -> dict[str, str | list[str]]:
        keep, self.generate = self.generate, str
        result = super().answer(question)
        self.generate = keep
        if result["text"].startswith("Answer"):
            result["sources"] = [document["id"] for _, document in self.search(question)]
        return result


@exercise.mistake(
    "Sources are all passages that were shown. Name only those that the text cites; the others "
    "were not used."
)
class _AllShown(RagSystem):
    def answer(self, question: str) -> dict[str, str | list[str]]:
        shown = [document["id"] for _, document in self.search(question)]
        return {**super().answer(question), "sources": shown}


@exercise.mistake(
    "The search ranks by the inner product, without dividing by the lengths. Long texts win, and "
    "the threshold is no cosine any more."
)
class _LongWins(RagSystem):
    def search(self, question: str) -> list[tuple[float, dict[str, str]]]:
        query = self.embed([question])[0]
        products = np.array(self.vectors) @ query
        order = np.argsort(-products, kind="stable")[: self.k]
        hits = [(float(products[i]), self.documents[i]) for i in order]
        return [pair for pair in hits if pair[0] >= self.threshold]


@exercise.mistake(
    "A passage whose cosine is the threshold itself gets lost. The threshold is the smallest "
    "cosine that is shown: compare with `>=`, and add nothing to the lengths."
)
class _AboveThreshold(RagSystem):
    def search(self, question: str) -> list[tuple[float, dict[str, str]]]:
        return [pair for pair in super().search(question) if pair[0] > self.threshold]


@exercise.mistake(
    "A second call of `add` throws the earlier documents away. It should add to them."
)
class _Forgets(RagSystem):
    def add(self, documents: list[dict[str, str]]) -> None:
        self.documents, self.vectors = [], []
        super().add(documents)


@exercise.mistake(
    "The passages were found and not put into the prompt, so the model answers from memory."
)
class _ClosedBook(RagSystem):
    def answer(self, question: str) -> dict[str, str | list[str]]:
        if not self.search(question):
            return super().answer(question)
        return {"text": self.generate(f"Question: {question}"), "sources": []}


@exercise.mistake(
    "The sources are in the order in which the text cites them. They were asked for in the order "
    "of the passages."
)
class _AsCited(RagSystem):
    def answer(self, question: str) -> dict[str, str | list[str]]:
        result, shown = super().answer(question), [one["id"] for _, one in self.search(question)]
        numbers = dict.fromkeys(map(int, re.findall(r"\[(\d+)\]", result["text"])))
        return {**result, "sources": [shown[n - 1] for n in numbers if 0 < n <= len(shown)]}


@exercise.mistake(
    "A question that is a vector of zeros finds nothing: 0 / 0 is not a number, and that is not "
    "above any threshold. Its cosine is 0 with everything."
)
class _NanOfZeros(RagSystem):
    def search(self, question: str) -> list[tuple[float, dict[str, str]]]:
        return super().search(question) if np.any(self.embed([question])[0]) else []


@exercise.mistake(
    "Without documents your system stops with an error. It has no passage to show, so it says that "
    "the documents do not say."
)
class _NeedsDocuments(RagSystem):
    def search(self, question: str) -> list[tuple[float, dict[str, str]]]:
        return super().search(question) if self.documents else [np.stack(self.vectors)]
