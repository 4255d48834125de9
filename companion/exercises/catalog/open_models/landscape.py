"""An exercise: what fits on a card."""

from companion.exercises.page import Page

page = Page("landscape", __name__)

exercise = page.exercise(
    id="what-fits",
    title="Which model can you use?",
    difficulty="medium",
    minutes=8,
    statement=r"""
    A firm wants to sell a product that chats with customers. It has one card with 24 GB ($24 \cdot
    10^9$ bytes) and needs 4 GB of them for the cache and the rest. NF4 costs 4.127 bits per weight;
    take it for all weights. Which of these models can it use as they are? Choose all that hold.
    """,
    hints=(
        "There are 20 GB for the weights. Compute the GB of each model first.",
        "In a mixture of experts every token may need other experts. So which weights have to be "
        "in memory?",
        "Two of the models are small enough and still unsuitable: look at the license and at what "
        "they were trained to do.",
    ),
)

exercise.choice(
    """
    - [x] 32 billion weights, instruct, NF4, Apache-2.0

      32 x 4.127 / 8 = 16.5 GB, and the license allows a product.
    - [ ] mixture of experts, 47 billion weights, 13 billion active, instruct, NF4, Apache-2.0

      All 47 billion have to be in memory, 24.2 GB. The active weights decide the computing per
      token, not the memory.
    - [ ] 14 billion weights, instruct, BF16, MIT

      Two bytes per weight make 28 GB, more than the card has. In 8 bits it would fit.
    - [x] 8 billion weights, instruct, BF16, MIT

      Two bytes per weight make 16 GB, which leaves 8 GB for the cache.
    - [ ] 13 billion weights, instruct, 8 bits, for non-commercial use only

      13 GB fit, but a product is commercial use. Memory is not the only limit.
    - [ ] 8 billion weights, base, NF4, Apache-2.0

      It fits and is free to use, but a base model continues text. It was not trained to answer; it
      would have to be tuned first.
    """
)
