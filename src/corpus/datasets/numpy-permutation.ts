const MASK_64 = (1n << 64n) - 1n;
const MASK_128 = (1n << 128n) - 1n;
const PCG_MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

/** NumPy's SeedSequence (bit_generator.pyx) of one 32-bit seed: eight words. */
const spreadSeed = (seed: number): number[] => {
  let constant = 0x43b0d7e5;
  const hash = (value: number): number => {
    let word = (value ^ constant) >>> 0;
    constant = Math.imul(constant, 0x931e8875) >>> 0;
    word = Math.imul(word, constant) >>> 0;
    return (word ^ (word >>> 16)) >>> 0;
  };
  const mix = (x: number, y: number): number => {
    const word = (Math.imul(x, 0xca01f9dd) - Math.imul(y, 0x4973f715)) >>> 0;
    return (word ^ (word >>> 16)) >>> 0;
  };
  const pool = [seed >>> 0, 0, 0, 0].map(hash);
  for (let from = 0; from < 4; from++) for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mix(pool[to]!, hash(pool[from]!));
  let out = 0x8b51f9dd;
  return Array.from({ length: 8 }, (_, i) => {
    let word = (pool[i % 4]! ^ out) >>> 0;
    out = Math.imul(out, 0x58f38ded) >>> 0;
    word = Math.imul(word, out) >>> 0;
    return (word ^ (word >>> 16)) >>> 0;
  });
};

/** 32-bit words of PCG64 (O'Neill's XSL-RR 128/64), the low half of each output first, as NumPy hands them out. */
const pcg64Words = (seed: number): (() => number) => {
  const words = spreadSeed(seed).map(BigInt);
  const at = (i: number): bigint => (words[2 * i + 1]! << 32n) | words[2 * i]!;
  const increment = ((((at(2) << 64n) | at(3)) << 1n) | 1n) & MASK_128;
  const step = (state: bigint): bigint => (state * PCG_MULTIPLIER + increment) & MASK_128;
  let state = step((step(0n) + ((at(0) << 64n) | at(1))) & MASK_128);
  let spare: number | undefined;
  return () => {
    if (spare !== undefined) {
      const word = spare;
      spare = undefined;
      return word;
    }
    state = step(state);
    const folded = (state >> 64n) ^ (state & MASK_64);
    const turn = state >> 122n;
    const output = ((folded >> turn) | (folded << (64n - turn))) & MASK_64;
    spare = Number(output >> 32n);
    return Number(output & 0xffffffffn);
  };
};

/**
 * The numbers below `length` as `numpy.random.default_rng(seed).permutation(length)` orders them.
 *
 * Fisher–Yates from the end over PCG64; each place is the low bits of a 32-bit word, drawn again while too large.
 *
 * @param seed below 2³²
 * @param length at most 2³² − 1
 *
 * Cost: about a microsecond a number; 4 bytes each.
 */
export const numpyPermutation = (seed: number, length: number): Uint32Array => {
  const next = pcg64Words(seed);
  const numbers = Uint32Array.from({ length }, (_, i) => i);
  const upTo = (most: number): number => {
    const mask = 2 ** (32 - Math.clz32(most)) - 1;
    for (;;) {
      const value = (next() & mask) >>> 0;
      if (value <= most) return value;
    }
  };
  for (let i = length - 1; i > 0; i--) {
    const j = upTo(i);
    const kept = numbers[i]!;
    numbers[i] = numbers[j]!;
    numbers[j] = kept;
  }
  return numbers;
};
