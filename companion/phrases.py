"""Words that the pocket models were trained on, and that a prompt has to repeat to the letter.

The training data of `companion.pocket` is written with them, and so are the prompts of the package.
After a change here the models have to be trained again.
"""

CHAT_ROLES = ("system", "user", "assistant", "tool")
"""Who may speak in a conversation, as in the OpenAI format."""

END_OF_TURN = "<|end|>"
"""The token with which pocket-chat ends a turn."""

CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n"
    "{{ message['content'] }}" + END_OF_TURN + "\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
"""How a conversation becomes a text. By its template a tokenizer of pocket-chat is known."""

RETRIEVAL_PROMPT = (
    "Answer the question with the context only.\nContext:\n{context}\nQuestion: {question}"
)
"""A question after passages, each on a line of its own with a number in front: ``[1] ...``."""

NOT_THERE = "The context does not say."
"""What pocket-chat says when no passage holds the answer."""

TRIGGER = "Let's think step by step."
"""The sentence of Kojima et al. 2022, https://arxiv.org/abs/2205.11916."""

CONCLUSION = "The answer is"
"""What comes before the result, after a chain of thought."""

TOOLS_PROMPT = "You can call these tools: "
"""Beginning of the system message from which pocket-chat learns of its tools."""
