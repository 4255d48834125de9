"""Exercises on images in a language model: patches, tokens of an image."""

import math
from random import Random

import numpy as np

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("multimodal", __name__)

exercise = page.exercise(
    title="Cut images into patches",
    difficulty="medium",
    minutes=15,
    statement="""
    A vision transformer reads an image as a sequence of patches. Cut a batch of images into square
    patches, row by row from the top left, and write the numbers of each patch into one row: channel
    by channel, and within a channel line by line.
    """,
    hints=(
        "Split both sides: (B, C, rows, size, columns, size).",
        "Which axes have to be in front, so that one row is one patch?",
        "`transpose(0, 2, 4, 1, 3, 5)`, then `reshape`.",
    ),
)


@exercise.solution
def image_patches(images: np.ndarray, size: int) -> np.ndarray:
    """Cut images into patches.

    Args:
        images: Shape (B, C, H, W); H and W are multiples of ``size``.
        size: Side of a patch in pixels.

    Returns:
        Shape (B, P, C * size * size), the patches in reading order.
    """
    batch, channels, height, width = images.shape
    cut = images.reshape(batch, channels, height // size, size, width // size, size)
    return cut.transpose(0, 2, 4, 1, 3, 5).reshape(batch, -1, channels * size * size)


@exercise.cases
def _patch_cases(rng: Random) -> Cases:
    start = rng.randint(0, 50)

    def counted(*shape: int) -> np.ndarray:
        return start + np.arange(math.prod(shape), dtype=float).reshape(shape)

    yield Case("one channel", (counted(1, 1, 4, 4), 2), "Which four numbers are at the top left?")
    yield Case("three channels", (counted(1, 3, 4, 4), 2), "One row: first all of red.")
    yield Case("two images", (counted(2, 3, 4, 4), 2), "Do patches of the two images mix?")
    yield Case("wide images", (counted(2, 2, 4, 8), 2), "Four patches a line, two lines.")
    yield Case("large patches", (counted(2, 1, 6, 6), 3), "Four patches of nine numbers.")


@exercise.mistake(
    "The image is only reshaped. A row then holds lines of the image, not a square piece of it."
)
def _only_reshape(images: np.ndarray, size: int) -> np.ndarray:
    batch, channels = images.shape[:2]
    return images.reshape(batch, -1, channels * size * size)


@exercise.mistake("The channels of a pixel stand side by side. Each channel comes in one piece.")
def _channels_last(images: np.ndarray, size: int) -> np.ndarray:
    batch, channels, height, width = images.shape
    cut = images.reshape(batch, channels, height // size, size, width // size, size)
    return cut.transpose(0, 2, 4, 3, 5, 1).reshape(batch, -1, channels * size * size)


@exercise.mistake("The patches go down the columns. They are read like a text: line by line.")
def _by_columns(images: np.ndarray, size: int) -> np.ndarray:
    batch, channels, height, width = images.shape
    cut = images.reshape(batch, channels, height // size, size, width // size, size)
    return cut.transpose(0, 4, 2, 1, 3, 5).reshape(batch, -1, channels * size * size)


@exercise.mistake("The numbers inside a patch are turned: its columns are written as its lines.")
def _turned(images: np.ndarray, size: int) -> np.ndarray:
    batch, channels, height, width = images.shape
    cut = images.reshape(batch, channels, height // size, size, width // size, size)
    return cut.transpose(0, 2, 4, 1, 5, 3).reshape(batch, -1, channels * size * size)


exercise = page.exercise(
    title="What an image costs",
    difficulty="easy",
    minutes=10,
    statement="""
    A model cuts a large image into square tiles. A tile at the edge may be partly empty, and is
    filled up. Each tile costs the same number of tokens. If there is more than one tile, the model
    also gets the whole image made small, as one more tile. How many tokens does an image cost?
    """,
    hints=(
        "How many tiles stand side by side? A piece of a tile needs a whole one.",
        "`math.ceil(width / tile)` times the same for the height.",
        "One more if there are several.",
    ),
)


@exercise.solution
def tiled_image_tokens(width: int, height: int, tile: int, tokens: int) -> int:
    """Count the tokens of an image.

    Args:
        width: Of the image, in pixels.
        height: Of the image, in pixels.
        tile: Side of a tile, in pixels.
        tokens: Tokens of one tile.

    Returns:
        Tokens of all tiles, with the small copy if there is one.
    """
    tiles = math.ceil(width / tile) * math.ceil(height / tile)
    return tokens * (tiles + (tiles > 1))


@exercise.cases
def _tile_cases(rng: Random) -> Cases:
    yield Case(
        "a small image",
        (rng.randint(200, 500), 200, 512, 64),
        "One tile is enough. Is a copy needed?",
    )
    side = rng.randint(300, 600)
    yield Case("exactly one tile", (side, side, side, 64), "How many tiles are there?")
    yield Case("exactly four tiles", (1024, 1024, 512, 64), "Four tiles, and the copy?")
    yield Case("one pixel more", (1025, 1024, 512, 64), "Where does the last column go?")
    width, height = rng.randint(1100, 1500), rng.randint(600, 1000)
    yield Case("a photo", (width, height, 512, 64), "How many tiles in each direction?")
    yield Case("a long strip", (rng.randint(3600, 4600), 100, 512, 81), "One line of tiles.")


@exercise.mistake("The small copy of the whole image is missing where there are several tiles.")
def _no_copy(width: int, height: int, tile: int, tokens: int) -> int:
    return tokens * math.ceil(width / tile) * math.ceil(height / tile)


@exercise.mistake("An image of a single tile gets no copy: it is small already.")
def _always_copy(width: int, height: int, tile: int, tokens: int) -> int:
    return tokens * (1 + math.ceil(width / tile) * math.ceil(height / tile))


@exercise.mistake("Pieces at the edge were dropped. Part of the image would never be seen.")
def _floor(width: int, height: int, tile: int, tokens: int) -> int:
    tiles = max(1, width // tile) * max(1, height // tile)
    return tokens * (tiles + (tiles > 1))


@exercise.mistake("Tiles are counted by area. Two half tiles at an edge don't make a whole one.")
def _by_area(width: int, height: int, tile: int, tokens: int) -> int:
    tiles = math.ceil(width * height / tile**2)
    return tokens * (tiles + (tiles > 1))
