/* The models and the tokenizer, loaded when first asked for, and no sooner. */

import { plainKernel, simdKernel } from "./kernel.js";
import { Llama } from "./llama.js";
import { readTensors } from "./safetensors.js";
import { Tokenizer } from "./tokenizer.js";

export class Engine {
  /* Args: files, an object with
       manifest() -> Promise of the manifest
       read(entry) -> Promise of an ArrayBuffer with a file of the manifest
       program(entry) -> Promise of the bytes of matvec.wasm, or of null: then JavaScript multiplies;
                         entry is what the manifest says of it. */
  constructor(files) {
    this.files = files;
    this.loading = new Map();
  }

  /* What was asked for before is there, or on its way; what failed is tried again. */
  once(name, load) {
    if (!this.loading.has(name)) {
      const promise = load();
      promise.catch(() => this.loading.delete(name));
      this.loading.set(name, promise);
    }
    return this.loading.get(name);
  }

  manifest() {
    return this.once("manifest", () => this.files.manifest());
  }

  tokenizer() {
    return this.once("tokenizer", async () => {
      const { tokenizer } = await this.manifest();
      const text = new TextDecoder().decode(await this.files.read(tokenizer));
      return new Tokenizer(JSON.parse(text));
    });
  }

  /* The weights: a Map of {shape, data}. They are not kept; a model that is loaded has its own copy. */
  async tensors(name, precision) {
    const { models } = await this.manifest();
    return readTensors(await this.files.read(models[name][precision]));
  }

  /* Args: name, "base" or "chat"; precision, "int8" or "float16".
     Returns: a Promise of {llama, tokenizer, eos}. */
  model(name = "base", precision = "int8") {
    return this.once(`model ${name} ${precision}`, async () => {
      const { models, program } = await this.manifest();
      const { config, eos } = models[name];
      const tokenizer = await this.tokenizer();
      const tensors = await this.tensors(name, precision);
      let room = 0;
      for (const { data } of tensors.values()) room += data.length;
      const kernel = await bestKernel(await this.files.program(program), room);
      return { llama: new Llama(config, tensors, kernel), tokenizer, eos };
    });
  }
}

/* The program if it works here, else JavaScript. */
export async function bestKernel(program, room) {
  if (program === null) return plainKernel();
  try {
    return await simdKernel(program, room);
  } catch {
    return plainKernel();
  }
}
