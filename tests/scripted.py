"""A backend whose words are written beforehand, and a question that it works on with notes."""

from companion.backends.backend import Ending, Written
from companion.pocket.corpus import chains
from companion.pocket.studies.agents import Episode, notes_tool, run_together
from companion.rag.documents import Document
from companion.tools import Toolbox, ToolCall


class Scripted:
    """A backend that says the texts of each question, by how many turns it has had."""

    context_length = 500

    def __init__(self, *texts: str) -> None:
        self.texts, self.shown = texts, []

    def bind_tools(self, toolbox):
        return self

    def clean(self, text: str) -> str:
        return text

    def count_tokens(self, messages) -> int:
        return sum(len(message["content"]) for message in messages)

    def write_all(self, conversations, params):
        self.shown.append([list(messages) for messages in conversations])
        turn = len(self.shown) - 1
        return [Written(self.texts[turn], ending=Ending("stop", tokens=7)) for _ in conversations]


def call(query: str) -> str:
    return f"I search.\n<tool_call>{ToolCall('search', {'query': query}).text()}</tool_call>"


ASKED = chains.Chain(
    "Where was the boss of Zorin born?",
    ("Who does Zorin work for?", "Where was Bupos born?"),
    ("Zorin works for Bupos.", "Bupos was born in Tarpa."),
    ("Zorin", "Bupos", "Tarpa"),
    (0, 1),
)
GOOD = [call("Zorin works for"), call("Where was Bupos born?"), "Bupos was born in Tarpa."]


def notes() -> Toolbox:
    """A search through the two notes of the question and another, one note a search."""
    other = Document("Felk sells Horno.")
    return Toolbox([notes_tool([other, *map(Document, ASKED.notes)], 1)])


def run(toolbox, *texts, **settings) -> Episode:
    """Let the backend say some texts to the question."""
    (one,) = run_together(Scripted(*texts), [ASKED], toolbox, **settings)
    return one
