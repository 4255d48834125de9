"""The pocket models that the book runs on: corpus, tokenizer, training, evaluation, weights.

==============  =====================================================================
`tokenizer`     byte-level BPE, trained on the corpus
`pretrain`      pocket-base from nothing, by a `recipe`; `checkpoint` exports it
`distributed`   the same trainings on several processes; `distributed_tasks` in each
`post_train`    pocket-chat and pocket-reward
`agent`         pocket-agent: an adapter of pocket-chat for searching step by step
`draft`         pocket-draft, a small one that guesses for pocket-chat
`tasks`         what they are measured by; `ordinary`: problems in other words
`evaluate`      the measurement
`publish`       weights, `records` and cards into the package
`vectors`       those of sentences, as many as a measured search needs
==============  =====================================================================

`companion.pocket.corpus` writes what they learn from; `companion.pocket.studies` has what pages
measure with them.
"""
