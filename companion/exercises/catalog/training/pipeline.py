"""Exercises: the three steps of RLHF and their order."""

from companion.exercises.page import Page

page = Page("pipeline", __name__)

exercise = page.exercise(
    id="rlhf-order",
    title="The order of the three steps",
    difficulty="medium",
    minutes=10,
    statement="""
    InstructGPT went from instruction tuning (SFT) to a reward model to PPO. Which statements about
    this order are right? Choose all that hold.
    """,
    hints=(
        "What does each step need, and which of the earlier steps can supply it?",
        "For every 'must', think of a method that does without: DPO, a reward by a program, "
        "R1-Zero.",
        "Follow the weights: from which model do the reward model and the policy start, and which "
        "copy stays frozen as the anchor?",
    ),
)

exercise.choice(
    """
    - [x] SFT comes first because it supplies the later steps: the policy to start from, the answers
      that people compare, and the anchor of the KL penalty.

      SFT supplies all of these, and the reward model starts from its weights too.
    - [ ] Reinforcement learning is impossible without SFT before it.

      DeepSeek-R1-Zero went from a base model straight to reinforcement learning. It is harder to
      begin there, and it works for tasks that a program can check.
    - [x] Reward model and PPO can be repeated in turn, with answers of the newest model.

      New comparisons of the newest model's answers keep the reward model reliable where the policy
      has gone.
    - [ ] The KL penalty of PPO is measured from the base model, to keep what it knows.

      The anchor is the SFT model. Held near the base model, the policy would unlearn to follow
      instructions.
    - [x] Where a program can check answers, the step with the reward model can be left out.

      Reinforcement learning needs a reward; it need not be a learned one.
    - [ ] SFT needs the reward model, because its loss is the reward of the demonstrations.

      The loss of SFT is the cross-entropy of the answers. No reward occurs in it.
    """
)


exercise = page.exercise(
    id="rlhf-steps",
    title="The three steps of RLHF",
    difficulty="hard",
    minutes=25,
    statement="""
    Explain the three steps of RLHF: what each learns from, what it is for, and why they come in
    this order. Give the loss of the reward model and the objective of the third step. Say also
    whether the order is necessary.
    """,
    hints=(
        "Three kinds of data: answers that people wrote, comparisons, prompts alone. Which step "
        "reads which?",
        "The loss has two rewards and a sigmoid. The objective has a reward and a price for "
        "leaving a certain model: which one?",
        "What does the first step hand on to the second and third? And which methods do without "
        "one of the steps?",
    ),
)

exercise.words(
    key_points=(
        "Step 1, instruction tuning (SFT): cross-entropy on answers that people wrote. The model "
        "learns to follow instructions.",
        "Step 2, reward model: people compare answers to the same prompt, and the model learns "
        r"$-\log \sigma(r_\phi(x, y_w) - r_\phi(x, y_l))$, averaged over the comparisons.",
        r"Step 3, reinforcement learning, for example with PPO: maximize $\mathbb{E}[r_\phi(x, y)] "
        r"- \beta\, D_{\mathrm{KL}}(\pi_\theta \| \pi_{\mathrm{SFT}})$ over answers that the "
        "policy itself writes.",
        "The KL penalty keeps the policy near the SFT model, because the reward model is reliable "
        "only there; without it, the policy exploits the reward model's weaknesses.",
        "The order: SFT gives the policy to start from, the answers to compare, the reward model's "
        "first weights and the anchor; PPO needs a reward.",
        "The order is practical and not necessary: steps 2 and 3 can be repeated, DPO needs no "
        "reward model, and a program can give the reward.",
    ),
    sample="""
    First, instruction tuning: cross-entropy on answers written by people gives a model that follows
    instructions. Second, a reward model: people compare several of its answers, and a model learns
    the loss -log sigmoid(r(x, y_w) - r(x, y_l)). Third, reinforcement learning: the policy writes
    answers and maximizes E[r(x, y)] - beta KL(policy || SFT model), usually with PPO. The penalty
    keeps it where the reward model can be trusted. The order is practical. SFT gives the policy to
    start from, the answers to compare and the anchor, and PPO needs a reward. It is not necessary:
    steps 2 and 3 can be repeated, and DPO needs neither a reward model nor sampling.
    """,
    least_words=50,
)
