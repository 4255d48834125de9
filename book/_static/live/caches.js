/* What a key-value cache takes in published models, by the kind of their attention. */

/* Layers, and numbers that a layer keeps for a token: 2 * key-value heads * size of a head, or for MLA
   the latent and the rotated key. `window`: tokens that `windowed` of the layers keep at most. */
export const MODELS = {
  "GPT-2 124M (MHA)": { layers: 12, kept: 2 * 12 * 64 },
  "GPT-3 (MHA)": { layers: 96, kept: 2 * 96 * 128 },
  "Llama 2 7B (MHA)": { layers: 32, kept: 2 * 32 * 128 },
  "Llama 3.1 70B (GQA)": { layers: 80, kept: 2 * 8 * 128 },
  "Mistral 7B (GQA, window)": { layers: 32, kept: 2 * 8 * 128, window: 4096, windowed: 32 },
  "gpt-oss-120b (GQA, windows)": { layers: 36, kept: 2 * 8 * 64, window: 128, windowed: 18 },
  "DeepSeek-V3 (MLA)": { layers: 61, kept: 512 + 64 },
};

/* Bytes for one more token. */
export const tokenBytes = ({ layers, kept }, bytes = 2) => layers * kept * bytes;

/* Bytes for a text, as far as windows let a layer forget. */
export function textBytes({ layers, kept, window = Infinity, windowed = 0 }, tokens, bytes = 2) {
  return kept * bytes * ((layers - windowed) * tokens + windowed * Math.min(tokens, window));
}
