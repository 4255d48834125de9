/* Bytes of a model: companion.quantization.footprint, .memory and kv_cache_bytes in JavaScript. */

/* Bits of a weight in a linear layer; "nf4" with double quantization, whose scales are counted. */
export const BITS = { float32: 32, bfloat16: 16, int8: 8, nf4: 4 + 8 / 64 + 32 / (64 * 256) };

/* Shapes of models of Llama's kind: vocabulary, width, width of the MLP, layers, heads, key-value
   heads, size of a head, whether the embedding is the output layer, too, and whether each head of queries
   and keys has a norm. */
export const SHAPES = {
  "pocket-base": [2048, 256, 688, 6, 4, 4, 64, true],
  "Qwen3 0.6B": [151936, 1024, 3072, 28, 16, 8, 128, true, true],
  "Llama 2 7B": [32000, 4096, 11008, 32, 32, 32, 128, false],
  "Llama 3 8B": [128256, 4096, 14336, 32, 32, 8, 128, false],
  "Llama 2 13B": [32000, 5120, 13824, 40, 40, 40, 128, false],
  "Llama 3 70B": [128256, 8192, 28672, 80, 64, 8, 128, false],
};

/* The linear layers of one block as [inputs, outputs], by the names of transformers. */
export function linearLayers(name) {
  const [, width, hidden, , heads, shared, size] = SHAPES[name];
  return {
    q_proj: [width, heads * size], k_proj: [width, shared * size], v_proj: [width, shared * size],
    o_proj: [heads * size, width],
    gate_proj: [width, hidden], up_proj: [width, hidden], down_proj: [hidden, width],
  };
}

/* {linear, rows, other}: weights that are quantized, their rows, and everything else. */
export function countWeights(name) {
  const [vocabulary, width, , layers, , , size, tied, hasNorms = false] = SHAPES[name];
  const shapes = Object.values(linearLayers(name));
  const sum = (numbers) => numbers.reduce((total, x) => total + x, 0);
  return {
    linear: layers * sum(shapes.map(([inputs, outputs]) => inputs * outputs)),
    rows: layers * sum(shapes.map(([, outputs]) => outputs)),
    other: vocabulary * width * (tied ? 1 : 2) + width * (2 * layers + 1) + (hasNorms ? 2 * size * layers : 0),
  };
}

/* Bytes of the weights: linear layers in `format`, the rest in 16 bits, or 32 for float32. */
export function weightBytes(name, format) {
  const { linear, rows, other } = countWeights(name);
  const rest = format === "float32" ? 32 : 16;
  return (linear * BITS[format] + other * rest) / 8 + (format === "int8" ? 4 * rows : 0);
}

/* 2 (keys and values) * layers * key-value heads * head size * tokens * sequences * bytes. */
export function cacheBytes(name, { tokens, batch = 1, bytes = 2 }) {
  const [, , , layers, , shared, size] = SHAPES[name];
  return 2 * layers * shared * size * tokens * batch * bytes;
}

/* Largest tensors at one time while a prompt is read, as the package estimates them. */
export function activationBytes(name, { tokens, batch = 1, bytes = 2 }) {
  const [vocabulary, width, hidden] = SHAPES[name];
  return batch * (tokens * 2 * (hidden + width) * bytes + 4 * vocabulary);
}
