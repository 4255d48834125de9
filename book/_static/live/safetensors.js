/* Reads a .safetensors file: a table of contents in JSON, and then numbers, nothing else.

   8 bytes   length of the table, as an unsigned integer with the lowest byte first
   table     {"model.norm.weight": {"dtype": "F16", "shape": [256], "data_offsets": [0, 512]}, ...}
   numbers   one tensor after the other

   Three kinds of numbers are read: F32, F16, and I8. An I8 matrix has a partner with the ending
   ".scale", one float per row: weight = scale * integer. book/_tools/live_weights.py writes it.
   Left out: every other kind. */

const READERS = { F32: float32, F16: float16, I8: int8 };
const BYTES = { F32: 4, F16: 2, I8: 1 };

/* Args: buffer, an ArrayBuffer with the whole file.
   Returns: a Map from a tensor's name to {shape, data}, with data as Float32Array.
   Throws: Error when the file is cut short or holds a kind of number that is not read here. */
export function readTensors(buffer) {
  const { table, start } = readTable(buffer);
  const stored = new Map();
  delete table.__metadata__; // words about the file
  for (const [name, { dtype, shape, data_offsets: [first, end] }] of Object.entries(table)) {
    const count = shape.reduce((product, size) => product * size, 1);
    if (!READERS[dtype]) throw new Error(`${name} has the type ${dtype}; known: F32, F16, I8`);
    if (start + end > buffer.byteLength || end - first !== count * BYTES[dtype]) {
      throw new Error(`${name} is cut short: the file of weights is not whole`);
    }
    const bytes = buffer.slice(start + first, start + end); // a copy, so that it is aligned
    stored.set(name, { shape, data: READERS[dtype](bytes), isScaled: dtype === "I8" });
  }
  return scaled(stored);
}

function readTable(buffer) {
  if (buffer.byteLength < 8) throw new Error("the file of weights is empty");
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  if (8 + length > buffer.byteLength) throw new Error("the file of weights is cut short");
  const text = new TextDecoder().decode(new Uint8Array(buffer, 8, length));
  return { table: JSON.parse(text), start: 8 + length };
}

function float32(bytes) {
  return new Float32Array(bytes);
}

/* All 65,536 half-precision numbers: 1 bit of sign, 5 of exponent, 10 of fraction. */
const HALVES = Float32Array.from({ length: 65536 }, (_, bits) => {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
});

export function float16(bytes) {
  return Float32Array.from(new Uint16Array(bytes), (half) => HALVES[half]);
}

function int8(bytes) {
  return Float32Array.from(new Int8Array(bytes));
}

/* Multiplies each row of an I8 matrix (rows, columns) with its scale. */
function scaled(stored) {
  const tensors = new Map();
  for (const [name, { shape, data, isScaled }] of stored) {
    if (name.endsWith(".scale")) continue;
    if (isScaled) {
      const columns = shape[1];
      stored.get(name + ".scale").data.forEach((scale, row) => {
        for (let i = row * columns; i < (row + 1) * columns; i++) data[i] *= scale;
      });
    }
    tensors.set(name, { shape, data });
  }
  return tensors;
}
