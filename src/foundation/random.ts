/** A seeded stream of random numbers; the same seed gives the same stream on every machine. */
export interface Random {
  /** Next 32 random bits, 0 … 2³² − 1. */
  readonly bits: () => number;
  /** Uniform in [0, 1) with 24 bits. */
  readonly uniform: () => number;
  /** Standard normal (Box–Muller). */
  readonly normal: () => number;
  /** Uniform integer in [0, bound), without modulo bias. */
  readonly below: (bound: number) => number;
}

/**
 * Makes a seeded stream (sfc32, Chris Doty-Humphrey's PractRand; its seed is spread by splitmix32).
 *
 * @param seed any finite number; taken as its 32 low bits
 */
export const random = (seed: number): Random => {
  let state = seed >>> 0;
  const splitmix = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  let a = splitmix();
  let b = splitmix();
  let c = splitmix();
  let counter = 1;
  let spare: number | undefined;
  const bits = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    return t >>> 0;
  };
  const uniform = (): number => (bits() >>> 8) * 2 ** -24;
  for (let i = 0; i < 12; i++) bits();
  return {
    bits,
    uniform,
    normal: () => {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      const angle = 2 * Math.PI * uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
    below: (bound) => {
      const limit = 2 ** 32 - (2 ** 32 % bound);
      for (;;) {
        const value = bits();
        if (value < limit) return value % bound;
      }
    },
  };
};
