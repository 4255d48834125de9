"""Recorded runs: experiments that take too long for a page, one command each to redo them.

``python book/_experiments`` lists them. They need a checkout; what a page uses of them is in
`companion.pocket.studies`, which readers on Colab have. What several share is in modules whose
names begin with an underscore; no experiment imports another.
"""
