"""Exercises: which lever for which problem."""

from companion.exercises.page import Page

page = Page("decisions", __name__)

exercise = page.exercise(
    id="which-lever",
    title="Which lever first?",
    difficulty="medium",
    minutes=8,
    statement="""
    Six teams have a problem and a plan. Each has a test set and a good prompt already. Which plans
    pull the lever that fits the problem? Choose all that hold.
    """,
    hints=(
        "Ask of each problem: is it missing knowledge, an action or a calculation, the form of the "
        "answers, or room in memory?",
        "Prompts name tasks, retrieval brings facts, tools act, training changes behavior, "
        "quantization makes room. None does the work of another.",
        "Three plans fit. One of the others wants to train facts, one expects quality from "
        "quantization, one lets a model do what a tool can do exactly.",
    ),
)

exercise.choice(
    """
    - [x] Prices change every day and answers need a source: retrieval from the price list.

      Facts that change and need a source belong in documents. A new price is one new entry in the
      index.
    - [ ] The model knows too little of a handbook that changes every month: fine-tune on it.

      Training teaches the form quickly and facts slowly, and it would be due again every month.
      Retrieve from the handbook.
    - [x] The model works well but does not fit on the card: load it in 4 bits.

      Quantization makes room at a small loss. Run the test again afterward.
    - [ ] Answers are wrong in 4 bits: quantize to 3 bits and write a longer prompt.

      Fewer bits never make a model better. Try it in 8 or 16 bits, or take another model.
    - [x] Reports need a house style that no prompt with examples has brought about, and there are
      2,000 good reports: fine-tune with LoRA.

      Form and tone are what training changes well, and there are enough examples.
    - [ ] Invoices are added up wrongly: ask for step-by-step reasoning and accept the sum.

      Steps help, but a sum can be computed exactly. Give the model a calculator and take the sum
      from its result.
    """
)


exercise = page.exercise(
    id="explain-the-decision",
    title="A colleague wants to fine-tune",
    difficulty="medium",
    minutes=15,
    statement="""
    A colleague says: *Our model does not know our product manuals. Let us fine-tune it on them.*
    Answer in 60 to 120 words. What would you do first, what instead, how would you know whether it
    worked, and what could fine-tuning still be good for?
    """,
    hints=(
        "Before any change: how will the two of you see whether it has helped?",
        "Compare what it takes to change one sentence of a manual: with retrieval, and with a "
        "model that was trained on the manuals.",
        "End with what training does change well, and with questions to which the manuals have no "
        "answer.",
    ),
)

exercise.words(
    key_points=(
        "First comes a test set: questions with right answers, kept aside, and measured before and "
        "after each change.",
        "The missing thing is knowledge that stands in documents, so retrieval comes first; it can "
        "name its source, and a changed manual is only indexed again.",
        "Fine-tuning teaches form quickly and facts unreliably: the model may say wrong facts in "
        "the right form, and has to be trained again when the manuals change.",
        "Fine-tuning remains useful for tone, form or a narrow skill, if prompts with examples are "
        "not enough.",
        "Retrieval is measured apart from the answers, with questions that the manuals do not "
        "answer among the test.",
    ),
    sample="""
    Before we change anything, let us write a hundred questions with right answers from the manuals,
    some of which the manuals do not answer, and measure where we stand. What is missing is
    knowledge, and it stands in documents. So I would retrieve: find the passages, show them to the
    model, let it cite them. When a manual changes, we index it again. A fine-tuned model learns the
    tone of the manuals and only some of the facts, says wrong ones just as fluently, and is out of
    date with the next edition. We measure retrieval and answers apart. If the style is still wrong
    then, a LoRA on good answers can help.
    """,
)
