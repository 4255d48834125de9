"""Recorded runs: experiments that take too long for a page, one command each to redo them.

``python -m companion.pocket.experiments`` lists them. They come with the package, and not in a
folder of the book beside it, because pages import parts of eight of them and name the command of
each: readers on Colab have the package and no checkout. What several share is in
modules whose names begin with an underscore; no experiment imports another.
"""
