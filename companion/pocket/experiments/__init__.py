"""Recorded runs: experiments that take too long for a page, one command each to redo them."""
