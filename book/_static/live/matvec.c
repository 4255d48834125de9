/* y = W x in WebAssembly with SIMD: one instruction multiplies or adds four floats.

   W  row-major, rows x columns; columns is a multiple of 16
   x  columns numbers
   y  rows numbers

   Compiled by book/_tools/live_kernel.py with clang 14 and lld, without any library. */

#include <wasm_simd128.h>

/* Adds to `sum` the products of four numbers of a row with four of x. */
static inline v128_t add_products(v128_t sum, const float *row, const float *x) {
  return wasm_f32x4_add(sum, wasm_f32x4_mul(wasm_v128_load(row), wasm_v128_load(x)));
}

__attribute__((export_name("multiply")))
void multiply(const float *matrix, const float *x, float *y, int rows, int columns) {
  for (int i = 0; i < rows; i++) {
    const float *row = matrix + (long)i * columns;
    /* Four sums of four: the processor adds to one while it waits for another. */
    v128_t a = wasm_f32x4_splat(0), b = a, c = a, d = a;
    for (int j = 0; j < columns; j += 16) {
      a = add_products(a, row + j, x + j);
      b = add_products(b, row + j + 4, x + j + 4);
      c = add_products(c, row + j + 8, x + j + 8);
      d = add_products(d, row + j + 12, x + j + 12);
    }
    v128_t sum = wasm_f32x4_add(wasm_f32x4_add(a, b), wasm_f32x4_add(c, d));
    y[i] = wasm_f32x4_extract_lane(sum, 0) + wasm_f32x4_extract_lane(sum, 1)
         + wasm_f32x4_extract_lane(sum, 2) + wasm_f32x4_extract_lane(sum, 3);
  }
}
