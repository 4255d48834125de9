/* A Llama, written out: token in, logits of the next token out. The same numbers as
   companion.generation.llama and transformers, checked by tests/live.

   One token is read at a time. What earlier tokens left behind is in the key-value cache.
   Left out: batches, padding, training.

   Shape letters: W width (hidden_size), H heads, K heads of keys and values, D size of a head,
   M width of the MLP, T tokens read so far with the newest, V vocabulary size, L layers. */

/* Keys and values of the tokens that were read: for each layer T x (K * D) numbers. */
export class Cache {
  constructor(config) {
    const size = config.num_key_value_heads * config.head_dim;
    const layers = { length: config.num_hidden_layers };
    const room = config.max_position_embeddings * size;
    this.size = size;
    this.length = 0; // tokens
    this.keys = Array.from(layers, () => new Float32Array(room));
    this.values = Array.from(layers, () => new Float32Array(room));
  }

  /* The same past, to go on from in another way: a beam search needs it. */
  copy() {
    const twin = Object.assign(Object.create(Cache.prototype), this);
    twin.keys = this.keys.map((layer) => layer.slice());
    twin.values = this.values.map((layer) => layer.slice());
    return twin;
  }

  /* Bytes in use: keys and values, float32. */
  get bytes() {
    return 2 * this.keys.length * this.size * this.length * 4;
  }
}

export class Llama {
  /* Args: config, what config.json says; tensors, a Map from readTensors; kernel, see kernel.js. */
  constructor(config, tensors, kernel) {
    const weight = (name) => kernel.place(tensors.get(name + ".weight").data);
    this.config = config;
    this.kernel = kernel;
    this.embedding = weight("model.embed_tokens"); // (V, W)
    this.unembedding = config.tie_word_embeddings ? this.embedding : weight("lm_head");
    this.lastNorm = weight("model.norm");
    this.layers = Array.from({ length: config.num_hidden_layers }, (_, index) => {
      const at = `model.layers.${index}.`;
      return {
        attentionNorm: weight(at + "input_layernorm"),
        query: weight(at + "self_attn.q_proj"), // (H * D, W)
        key: weight(at + "self_attn.k_proj"), // (K * D, W)
        value: weight(at + "self_attn.v_proj"), // (K * D, W)
        output: weight(at + "self_attn.o_proj"), // (W, H * D)
        mlpNorm: weight(at + "post_attention_layernorm"),
        gate: weight(at + "mlp.gate_proj"), // (M, W)
        up: weight(at + "mlp.up_proj"), // (M, W)
        down: weight(at + "mlp.down_proj"), // (W, M)
      };
    });
    const { rope_theta: theta } = config.rope_parameters;
    this.frequencies = Float64Array.from(
      { length: config.head_dim / 2 }, (_, i) => theta ** (-2 * i / config.head_dim));
  }

  newCache() {
    return new Cache(this.config);
  }

  /* Reads one token and predicts the next.

     Args:
       token: its id.
       cache: what was read before; the token is added to it.
       watch: true to get the inside as well.
       off: heads that are switched off, a Set of names such as "2.0": layer 2, head 0.
     Returns: {logits (V,)}, and with `watch`
       attentions: for each layer and head T weights, how much this token looks at each token;
       hidden: W numbers before the first layer and after each of the L layers;
       added: for each layer what attention and MLP add, {attention, MLP}, W numbers each.
     Throws: Error when the context is full. */
  read(token, cache, { watch = false, off = new Set() } = {}) {
    const { max_position_embeddings: context, hidden_size: width } = this.config;
    if (cache.length >= context) throw new Error(`the context of ${context} tokens is full`);
    const attentions = [], hidden = [], added = [];

    // 1. The token's row of the embedding is what the layers work on.
    const x = this.embedding.slice(token * width, (token + 1) * width); // (W,)
    if (watch) hidden.push(x.slice());

    // 2. Each layer adds to it twice: what attention collects, and what the MLP makes of it.
    cache.length += 1;
    this.layers.forEach((layer, index) => {
      const { mixed, weights } = this.attend(x, layer, index, cache, off);
      const fromAttention = this.multiply(layer.output, mixed); // (W,)
      add(x, fromAttention);
      const fromMlp = this.mlp(x, layer); // (W,)
      add(x, fromMlp);
      if (watch) {
        attentions.push(weights);
        added.push({ attention: fromAttention, MLP: fromMlp });
        hidden.push(x.slice());
      }
    });

    // 3. What comes next is asked of the last vector.
    return { logits: this.logitsOf(x), attentions, hidden, added };
  }

  /* The logits (V,) that a hidden vector (W,) stands for. On a vector from between two layers this
     is the logit lens. */
  logitsOf(hidden) {
    return this.multiply(this.unembedding, this.norm(hidden, this.lastNorm));
  }

  /* Returns what the heads collect, (H * D,), and how each weighed the tokens, H lists of T. */
  attend(x, layer, index, cache, off) {
    const { num_attention_heads: heads, num_key_value_heads: shared, head_dim: size } = this.config;
    const keys = cache.keys[index], values = cache.values[index]; // (T, K * D)
    const last = cache.length - 1;

    // 1. Query, key and value of the new token; queries and keys are turned by its position.
    const normed = this.norm(x, layer.attentionNorm);
    const query = this.rotate(this.multiply(layer.query, normed), last); // (H * D,)
    keys.set(this.rotate(this.multiply(layer.key, normed), last), last * cache.size);
    values.set(this.multiply(layer.value, normed), last * cache.size);

    const mixed = new Float32Array(heads * size), weights = [];
    for (let head = 0; head < heads; head++) {
      const from = Math.floor(head * shared / heads) * size; // heads of a group share keys
      const own = query.subarray(head * size, (head + 1) * size); // (D,)
      const sum = mixed.subarray(head * size, (head + 1) * size); // (D,)

      // 2. How well does the query fit the key of each token so far?
      const scores = new Float32Array(cache.length); // (T,)
      for (let t = 0; t <= last; t++) {
        const key = t * cache.size + from;
        let even = 0, odd = 0; // two sums, for the reason that kernel.js gives
        for (let i = 0; i < size; i += 2) {
          even += own[i] * keys[key + i];
          odd += own[i + 1] * keys[key + i + 1];
        }
        scores[t] = (even + odd) / Math.sqrt(size);
      }
      const share = softmax(scores);
      weights.push(share);
      if (off.has(`${index}.${head}`)) continue; // this head adds nothing

      // 3. The values, each as much as its key fits.
      for (let t = 0; t <= last; t++) {
        const value = t * cache.size + from;
        for (let i = 0; i < size; i++) sum[i] += share[t] * values[value + i];
      }
    }
    return { mixed, weights };
  }

  /* down(silu(gate(x)) * up(x)), of the normed x. */
  mlp(x, layer) {
    const normed = this.norm(x, layer.mlpNorm);
    const gate = this.multiply(layer.gate, normed), up = this.multiply(layer.up, normed); // (M,)
    for (let i = 0; i < gate.length; i++) gate[i] = gate[i] / (1 + Math.exp(-gate[i])) * up[i];
    return this.multiply(layer.down, gate);
  }

  /* RMSNorm: divide by the root mean square, multiply by a weight. */
  norm(x, weight) {
    let squares = 0;
    for (const value of x) squares += value * value;
    const meanSquare = squares / x.length;
    const factor = 1 / Math.sqrt(meanSquare + this.config.rms_norm_eps);
    return x.map((value, i) => value * factor * weight[i]);
  }

  /* Turns the pair (x[i], x[i + D/2]) of each head by an angle that grows
     with the position. */
  rotate(x, position) {
    const size = this.config.head_dim, half = size / 2;
    for (let i = 0; i < half; i++) {
      const angle = position * this.frequencies[i];
      const cosine = Math.cos(angle), sine = Math.sin(angle);
      for (let at = i; at < x.length; at += size) {
        const first = x[at], second = x[at + half];
        x[at] = first * cosine - second * sine;
        x[at + half] = second * cosine + first * sine;
      }
    }
    return x;
  }

  multiply(matrix, x) {
    return this.kernel.multiply(matrix, x, matrix.length / x.length);
  }
}

function add(x, change) {
  for (let i = 0; i < x.length; i++) x[i] += change[i];
}

/* Shares that add up to 1. The largest score is subtracted first, so that nothing overflows. */
export function softmax(scores) {
  let largest = -Infinity, total = 0;
  for (const score of scores) largest = Math.max(largest, score);
  const shares = new Float64Array(scores.length);
  for (let i = 0; i < shares.length; i++) total += shares[i] = Math.exp(scores[i] - largest);
  for (let i = 0; i < shares.length; i++) shares[i] /= total;
  return new Float32Array(shares);
}

/* log softmax, in nats. */
export function logSoftmax(scores) {
  let largest = -Infinity;
  for (const score of scores) largest = Math.max(largest, score);
  let total = 0;
  for (const score of scores) total += Math.exp(score - largest);
  const shift = largest + Math.log(total);
  return Float32Array.from(scores, (score) => score - shift);
}
