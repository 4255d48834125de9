"""Word problems as a person writes them: what a pocket model can do outside of its own grammar.

All other figures about the pocket models are *in distribution*: their items have new numbers and
names, but the sentences come from the grammar that wrote the training text. These problems do not.
They were written before any model had been asked, by hand, for readers of ordinary English.
"""

import re

from transformers import PreTrainedTokenizerBase

from companion.messages import prompt_text
from companion.prompts import step_by_step, zero_shot

from .tasks import Item, Task

PROBLEMS: tuple[tuple[str, int], ...] = (
    ("A train leaves at 9:40 and takes 85 minutes. How many minutes after 11 o'clock is that?", 5),
    ("Tickets cost 12 euros for adults and 7 for children. What do two adults and three children "
     "pay together?", 45),
    ("A recipe for 4 people needs 300 grams of rice. How many grams do 10 people need?", 750),
    ("Lena reads 18 pages a day. How many days does she need for a book of 252 pages?", 14),
    ("A bus has 46 seats, and 9 of them are empty. Then 4 people get off. How many people are "
     "still on the bus?", 33),
    ("Half of the 64 children in an orchestra play strings, and a quarter of the others play the "
     "flute. How many children play the flute?", 8),
    ("A shirt that used to cost 40 euros is now 25 percent cheaper. What does it cost?", 30),
    ("Tom is 8 years old. His sister is three times as old as he was two years ago. How old is "
     "she?", 18),
    ("A rope of 20 meters is cut into pieces of 3 meters. How many meters are left over?", 2),
    ("The pool opens at 7 in the morning and closes at 9 in the evening, with a break of two hours "
     "at noon. For how many hours is it open?", 12),
    ("Five friends share a bill of 90 euros, but one of them pays only 10. How much does each of "
     "the others pay?", 20),
    ("A farmer has 15 hens, and each lays 5 eggs a week. How many eggs are that in 4 weeks?", 300),
    ("A car needs 6 liters for 100 kilometers. How many liters does it need for 350?", 21),
    ("There are 28 chairs in 4 equal rows. Two rows are carried away. How many chairs remain?", 14),
    ("Ms. Okafor earns 2400 a month and spends 1950. How much has she saved after half a year?",
     2700),
    ("The sun rose at 6:15 and set at 18:45. How many minutes of daylight were there?", 750),
    ("Two parcels weigh 11 kilograms together. One weighs 3 kilograms more than the other. How "
     "many kilograms does the heavier one weigh?", 7),
    ("A garden is 9 meters wide and 14 meters long. How many meters of fence go around it?", 46),
    ("Nina has 3 packs with 12 pens each. She gives 5 pens to her brother. How many pens does she "
     "have left?", 31),
    ("A baker made 120 rolls. By noon, three quarters of them were sold. How many were left?", 30),
)  # fmt: skip
"""Question and answer."""


def last_integer(text: str, answer: str) -> bool:
    """Tell whether the last whole number of the first line is the answer, however it is said.

    That is more generous than the measure of the other tasks.
    """
    numbers = re.findall(r"-?\d+", text.strip().split("\n")[0].replace(",", ""))
    return bool(numbers) and numbers[-1] == answer


def ordinary_tasks(tokenizer: PreTrainedTokenizerBase, role: str = "base") -> list[Task]:
    """Return the problems as tasks.

    Args:
        tokenizer: Of the model that is asked.
        role: "base" gets them as text, answered directly and step by step; "chat" gets them as
            messages.
    """

    def task(name: str, prompts: list[str], max_new_tokens: int = 128) -> Task:
        answers = [str(answer) for _, answer in PROBLEMS]
        items: list[Item] = list(zip(prompts, answers, strict=True))
        return Task(name, items, last_integer, max_new_tokens)

    questions = [question for question, _ in PROBLEMS]
    if role == "chat":
        asked = [prompt_text(tokenizer, [{"role": "user", "content": q}]) for q in questions]
        return [task("word problems", asked)]
    return [
        task("word problems, with nothing said", [zero_shot(q) for q in questions]),
        task("word problems, step by step", [step_by_step(q) for q in questions]),
    ]
