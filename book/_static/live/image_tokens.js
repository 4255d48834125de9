/* How many tokens an image takes: a fixed number, tiles, or one token for each square. */

import { roundEven } from "./quantization.js";

export const FIXED = 576; // LLaVA: (336 / 14) squared
const TILE = 512, TILE_TOKENS = 64, SQUARE = 28;
const FEWEST = 4 * SQUARE ** 2, MOST = 16384 * SQUARE ** 2; // pixels, of Qwen2-VL
const LONGEST_SHAPE = 200; // long side by short side

/* Tokens of all tiles, and of a small copy if there are several. */
export function tileTokens(width, height) {
  const tiles = Math.ceil(width / TILE) * Math.ceil(height / TILE);
  return TILE_TOKENS * (tiles + (tiles > 1 ? 1 : 0));
}

/* The size in pixels to which Qwen2-VL brings an image: `smart_resize` of transformers.
   Throws: Error in words if the image is too long for it. */
export function resized(width, height) {
  if (Math.max(width, height) / Math.min(width, height) > LONGEST_SHAPE) {
    throw new Error(`One side is more than ${LONGEST_SHAPE} times the other. Such an image is refused.`);
  }
  const to = (round, factor) => [width, height].map((side) => Math.max(SQUARE, round(side * factor / SQUARE) * SQUARE));
  const [across, down] = [width, height].map((side) => roundEven(side / SQUARE) * SQUARE);
  if (across * down > MOST) return to(Math.floor, 1 / Math.sqrt(width * height / MOST));
  if (across * down < FEWEST) return to(Math.ceil, Math.sqrt(FEWEST / (width * height)));
  return [across, down];
}

/* One token for each square of 28 pixels. */
export function squareTokens(width, height) {
  const [across, down] = resized(width, height);
  return across * down / SQUARE ** 2;
}
