"""Exercises on the whole book, by the pages of the section."""
