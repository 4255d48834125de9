"""Exercises on the pipeline as a whole: RLHF, its models and its order; two traps of Python."""

from companion.exercises.exercise import (
    ChoiceExercise,
    Option,
    OutputExercise,
    WordsExercise,
    Wrong,
)

# -- networks of PPO ------------------------------------------------------------------------------

PPO_NETWORKS = ChoiceExercise(
    id="ppo-networks",
    title="The networks of PPO",
    section="training",
    page="training/ppo",
    difficulty="easy",
    minutes=5,
    statement=(
        "Which of these networks take part in a step of PPO, as InstructGPT did it? "
        "Choose all that hold."
    ),
    hints=(
        "Go through one step: an answer is written, scored, compared with an anchor and with what "
        "was expected.",
        "Writing, scoring, anchor, expectation: each is the work of one network.",
        "InstructGPT also mixed text of the pre-training into the loss (PPO-ptx). Whose loss?",
    ),
    options=(
        Option(
            "The policy, which writes the answers and is trained.",
            right=True,
            why="The policy is what is trained, and it must be the one that wrote the answers.",
        ),
        Option(
            "The base model, as it was before instruction tuning.",
            right=False,
            why=(
                "The base model has done its part. The anchor of the divergence is the model "
                "after instruction tuning."
            ),
        ),
        Option(
            "The reference, a frozen copy of the model after instruction tuning.",
            right=True,
            why="The reference gives the log-probabilities for the KL penalty.",
        ),
        Option(
            "The reward model, frozen.",
            right=True,
            why="The reward model scores each finished answer.",
        ),
        Option(
            "A second reward model, for the rejected answers.",
            right=False,
            why=(
                "One reward model scores both sides of a pair, and pairs occur only in its "
                "training. PPO scores single answers."
            ),
        ),
        Option(
            "A second policy, which goes on learning from the text of the pre-training.",
            right=False,
            why="That text enters the loss of the one policy (PPO-ptx). No network is added.",
        ),
        Option(
            "The value model, which is trained too.",
            right=True,
            why=(
                "The value model says what was to be expected before each token; without it "
                "there is no GAE. It may be a small head on the policy, as in the companion."
            ),
        ),
    ),
)

# -- the order ------------------------------------------------------------------------------------

RLHF_ORDER = ChoiceExercise(
    id="rlhf-order",
    title="The order of the three steps",
    section="training",
    page="training/pipeline",
    difficulty="medium",
    minutes=10,
    statement=(
        "InstructGPT went from instruction tuning (SFT) to a reward model to PPO. Which statements "
        "about this order are right? Choose all that hold."
    ),
    hints=(
        "What does each step need, and which of the earlier steps can supply it?",
        "For every 'must', think of a method that does without: DPO, a reward by a program, "
        "R1-Zero.",
        "Follow the weights: from which model do the reward model and the policy start, and which "
        "copy stays frozen as the anchor?",
    ),
    options=(
        Option(
            "SFT comes first because it supplies the later steps: the policy to start from, the "
            "answers that people compare, and the anchor of the KL penalty.",
            right=True,
            why="SFT supplies all of these, and the reward model starts from its weights too.",
        ),
        Option(
            "Reinforcement learning is impossible without SFT before it.",
            right=False,
            why=(
                "DeepSeek-R1-Zero went from a base model straight to reinforcement learning. It is "
                "harder to begin there, and it works for tasks that a program can check."
            ),
        ),
        Option(
            "Reward model and PPO can be repeated in turn, with answers of the newest model.",
            right=True,
            why=(
                "New comparisons of the newest model's answers keep the reward model reliable "
                "where the policy has gone."
            ),
        ),
        Option(
            "The KL penalty of PPO is measured from the base model, to keep what it knows.",
            right=False,
            why=(
                "The anchor is the SFT model. Held near the base model, the policy would unlearn "
                "to follow instructions."
            ),
        ),
        Option(
            "Where a program can check answers, the step with the reward model can be left out.",
            right=True,
            why="Reinforcement learning needs a reward; it need not be a learned one.",
        ),
        Option(
            "SFT needs the reward model, because its loss is the reward of the demonstrations.",
            right=False,
            why="The loss of SFT is the cross-entropy of the answers. No reward occurs in it.",
        ),
    ),
)

# -- the three steps in words ---------------------------------------------------------------------

RLHF_STEPS = WordsExercise(
    id="rlhf-steps",
    title="The three steps of RLHF",
    section="training",
    page="training/pipeline",
    difficulty="hard",
    minutes=25,
    statement=(
        "Explain the three steps of RLHF: what each learns from, what it is for, and why they come "
        "in this order. Give the loss of the reward model and the objective of the third step. "
        "Say also whether the order is necessary."
    ),
    hints=(
        "Three kinds of data: answers that people wrote, comparisons, prompts alone. Which step "
        "reads which?",
        "The loss has two rewards and a sigmoid. The objective has a reward and a price for "
        "leaving a certain model: which one?",
        "What does the first step hand on to the second and third? And which methods do without "
        "one of the steps?",
    ),
    key_points=(
        "Step 1, instruction tuning (SFT): cross-entropy on answers that people wrote. The model "
        "learns to follow instructions.",
        "Step 2, reward model: people compare answers to the same prompt, and the model learns "
        "$-\\log \\sigma(r_\\phi(x, y_w) - r_\\phi(x, y_l))$, averaged over the comparisons.",
        "Step 3, reinforcement learning, for example with PPO: maximize "
        "$\\mathbb{E}[r_\\phi(x, y)] - "
        "\\beta\\, D_{\\mathrm{KL}}(\\pi_\\theta \\| \\pi_{\\mathrm{SFT}})$ over answers that the "
        "policy itself writes.",
        "The KL penalty keeps the policy near the SFT model, because the reward model is reliable "
        "only there; without it, the policy exploits the reward model's weaknesses.",
        "The order: SFT gives the policy to start from, the answers to compare, the reward model's "
        "first weights and the anchor; PPO needs a reward.",
        "The order is practical and not necessary: steps 2 and 3 can be repeated, DPO needs no "
        "reward model, and a program can give the reward.",
    ),
    sample=(
        "First, instruction tuning: cross-entropy on answers written by people gives a model that "
        "follows instructions. Second, a reward model: people compare several of its answers, and "
        "a model learns the loss -log sigmoid(r(x, y_w) - r(x, y_l)). Third, reinforcement "
        "learning: the policy writes answers and maximizes E[r(x, y)] - beta KL(policy || SFT "
        "model), usually with PPO. The penalty keeps it where the reward model can be trusted. "
        "The order is practical. SFT gives the policy to start from, the answers to compare and "
        "the anchor, and PPO needs a reward. It is not necessary: steps 2 and 3 can be repeated, "
        "and DPO needs neither a reward model nor sampling."
    ),
    least_words=50,
)

# -- two answers to compare -----------------------------------------------------------------------


def _two_answers() -> None:
    numbers = [1, 2, 3]
    first = numbers[::-1]
    second = numbers.reverse()
    print(first)
    print(second)
    print(numbers)


REVERSE_A_LIST = OutputExercise(
    id="reverse-a-list",
    title="Which answer is better?",
    section="training",
    page="training/reward-model",
    difficulty="easy",
    minutes=5,
    statement=(
        "You label preference data. The prompt is 'How do I get a reversed copy of a list in "
        "Python?' One answer uses `numbers[::-1]`, the other `numbers.reverse()`. A labeler who "
        "does not know the difference teaches the reward model a mistake. What does this print?"
    ),
    hints=(
        "One of the two makes a new list. What does the other do?",
        "A method that changes its object in place returns nothing, and nothing is `None`.",
        "By the time of the last line, `numbers` itself has been reversed.",
    ),
    program=_two_answers,
    why=(
        "`numbers[::-1]` is a reversed copy. `numbers.reverse()` reverses the list in place and "
        "returns None. So the first answer is the right one for this prompt, and the second would "
        "be right for another."
    ),
    wrong=(
        Wrong(
            "[3, 2, 1]\n[3, 2, 1]\n[1, 2, 3]",
            "`reverse` makes no copy. It changes `numbers` itself, and returns something else.",
        ),
        Wrong(
            "[3, 2, 1]\n[3, 2, 1]\n[3, 2, 1]",
            "`numbers` is reversed in place, that is right. But the method does not return it.",
        ),
        Wrong(
            "[3, 2, 1]\nNone\n[1, 2, 3]",
            "`reverse` returns None, that is right. It still did its work on `numbers`.",
        ),
        Wrong(
            "[1, 2, 3]\nNone\n[3, 2, 1]",
            "The slice makes a copy that is reversed; it is the first line that differs.",
        ),
    ),
)

# -- printing what was printed --------------------------------------------------------------------


def _print_twice() -> None:
    def print_trainable(trained: int, frozen: int) -> None:
        print(f"trainable: {trained / (trained + frozen):.1%}")

    print(print_trainable(1, 7))


PRINT_TRAINABLE = OutputExercise(
    id="print-trainable",
    title="A percentage, printed",
    section="training",
    page="training/lora",
    difficulty="easy",
    minutes=5,
    statement=(
        "Models wrapped by `peft` have a method `print_trainable_parameters`. Here is a small "
        "function in the same manner, and a call that is seen in many notebooks. What is printed?"
    ),
    hints=(
        "Evaluate the inner call first. What does it print, and what does it return?",
        "The trained parameters are part of the total: 1 of how many?",
        "The outer `print` prints what the function returned.",
    ),
    program=_print_twice,
    why=(
        "The function prints a line and returns None, and the outer print shows that None. Call "
        "such a function without print around it. The share is 1 of 8, since the total includes "
        "what is trained."
    ),
    wrong=(
        Wrong(
            "trainable: 12.5%",
            "There is a second print around the call. It prints what the function returned.",
        ),
        Wrong(
            "trainable: 12.5%\ntrainable: 12.5%",
            "The function prints its line and does not return it. What does a function without "
            "`return` give?",
        ),
        Wrong(
            "trainable: 14.3%\nNone",
            "That is 1 of 7. The total is all parameters, those that are trained included.",
        ),
        Wrong("None", "The inner call prints its line before the outer print does."),
    ),
)

EXERCISES = (PPO_NETWORKS, RLHF_ORDER, RLHF_STEPS, REVERSE_A_LIST, PRINT_TRAINABLE)
