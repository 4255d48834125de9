"""Small studies that pages make with the pocket models: their items, set-ups and scores.

====================  ====================================================================
`_items`              written items, as JSON
`agents`              questions that need several notes, and many agents run together
`open_agent`          the open model as an agent, held to a grammar
`bookings`            messages of guests, the bookings they mean, and their schema
`crawl`               a corpus spoiled as a crawl is, and its cleaning
`held_out`            text that training never sees, and a model's loss on it
`images`              drawn shapes, and pocket-base made to see them
`judging`             pairs of answers of which the better one is known
`leaks`               problems of a test that get into the training text
`memory`              conversations in which a name is said and asked for
`pipeline`            the tasks on which the stages of training are compared
`reranking`           passages judged by the likelihood of a question; follow-up questions
`scaling`             six sizes of a model, and recipes that spend a budget on them
`short_instructions`  instructions with short answers, and how right an answer is
`speed`               one thread, and the bytes that a step reads
`sums`                sums asked in a conversation, and a model shown how to answer
`thinking`            reasoning between marks: problems, rewards, budgets
====================  ====================================================================

The long runs whose records pages show are experiments of the repository, in ``book/_experiments``;
they build on these modules.
"""
