/* The random numbers of torch: Mersenne Twister (Matsumoto and Nishimura 1998, MT19937). With the same
   seed, a text drawn on this page is the text drawn in Python. */

const SIZE = 624, SHIFT = 397;

/* Like `torch.Generator().manual_seed(seed)`; `next()` is one number of `torch.rand(..., float64)`. */
export class Random {
  constructor(seed) {
    this.state = new Uint32Array(SIZE);
    this.state[0] = seed;
    for (let i = 1; i < SIZE; i++) {
      const last = this.state[i - 1] ^ (this.state[i - 1] >>> 30);
      this.state[i] = Math.imul(1812433253, last) + i;
    }
    this.used = SIZE;
  }

  /* A number from 0 to 1, without 1: the last 53 of 64 random bits. */
  next() {
    const high = this.bits(), low = this.bits();
    return ((high & 0x1fffff) * 2 ** 32 + low) * 2 ** -53;
  }

  /* 32 random bits. */
  bits() {
    if (this.used === SIZE) this.renew();
    let y = this.state[this.used++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  renew() {
    const s = this.state;
    for (let i = 0; i < SIZE; i++) {
      const y = (s[i] & 0x80000000) | (s[(i + 1) % SIZE] & 0x7fffffff);
      s[i] = s[(i + SHIFT) % SIZE] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.used = 0;
  }
}
