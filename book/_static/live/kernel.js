/* Matrix times vector, where a model spends nearly all of its time: 10 million multiplications and
   additions for each token of a pocket model.

   There are two ways to do it, with the same two functions:
     place(numbers)                   puts a matrix where `multiply` reads it
     multiply(matrix, x, rows)        y[i] = sum over j of matrix[i, j] * x[j]
   `plainKernel` is JavaScript. `simdKernel` is matvec.c, compiled to WebAssembly: its processor
   instructions work on four numbers at once. A browser without WebAssembly takes the plain one. */

/* In JavaScript. Four sums at a time, since the processor can add to one while it waits for another. */
export function plainKernel() {
  return {
    name: "JavaScript",
    place: (numbers) => numbers,
    multiply(matrix, x, rows) {
      const columns = x.length;
      const y = new Float32Array(rows);
      for (let row = 0, at = 0; row < rows; row++, at += columns) {
        let a = 0, b = 0, c = 0, d = 0;
        for (let j = 0; j < columns; j += 4) {
          a += matrix[at + j] * x[j];
          b += matrix[at + j + 1] * x[j + 1];
          c += matrix[at + j + 2] * x[j + 2];
          d += matrix[at + j + 3] * x[j + 3];
        }
        y[row] = a + b + (c + d);
      }
      return y;
    },
  };
}

const PAGE = 65536; // bytes; WebAssembly hands out memory in pages
const BESIDE = 65536; // bytes for one x and one y

/* In WebAssembly. Its program sees one block of memory only, so matrices are copied into it once.

   Args: program, the bytes of matvec.wasm, and room, how many numbers will be placed.
   Returns: a Promise of the kernel. It fails where WebAssembly or its SIMD is missing, and where the
   program does not compute what JavaScript does. */
export async function simdKernel(program, room) {
  const pages = Math.ceil((4 * room + 2 * BESIDE) / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const { instance } = await WebAssembly.instantiate(program, { env: { memory } });
  const xAt = 0, yAt = BESIDE; // the first two pages: one vector in, one vector out
  let free = 2 * BESIDE;
  const kernel = {
    name: "WebAssembly SIMD",
    place(numbers) {
      const placed = new Float32Array(memory.buffer, free, numbers.length);
      placed.set(numbers);
      free += 4 * numbers.length;
      return placed;
    },
    multiply(matrix, x, rows) {
      new Float32Array(memory.buffer, xAt, x.length).set(x);
      instance.exports.multiply(matrix.byteOffset, xAt, yAt, rows, x.length);
      return new Float32Array(memory.buffer, yAt, rows).slice();
    },
  };
  tryOut(kernel);
  free = 2 * BESIDE; // the matrix of the trial is not needed any more
  return kernel;
}

/* Multiplies two rows of small whole numbers, whose sums are exact in every order. */
function tryOut(kernel) {
  const plain = plainKernel();
  const matrix = Float32Array.from({ length: 64 }, (_, at) => (at * 5) % 7 - 3);
  const x = Float32Array.from({ length: 32 }, (_, at) => at % 5 - 2);
  const [found, right] = [kernel, plain].map((one) => one.multiply(one.place(matrix), x, 2));
  if (!right.every((sum, row) => sum === found[row])) throw new Error("The program multiplies wrong.");
}
