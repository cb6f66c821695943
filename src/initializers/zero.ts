import { columnsOf, matrix, random, rowsOf } from '../foundation/index.js';
import { checkRank } from '../linalg/index.js';
import type { Initializer } from './contract.js';

/** FNV-1a, so that every module draws its own numbers whatever the order of work. */
const hashOf = (text: string): number => {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
};

/** What the baseline may be told. */
export interface ZeroOptions {
  /** Mixed with the module's name; 0 unless told. */
  readonly seed?: number;
  /**
   * What peft multiplies the product by; 1 unless told. The adapter's writer divides each factor by its root, and
   * `lora_A` must be peft's draw after that.
   */
  readonly scaling?: number;
}

/**
 * The baseline ("QLoRA initialization"): no correction. A = 0, and B uniform within ±1/√n as peft draws `lora_A`
 * (Kaiming, a = √5), so that training can start.
 */
export const zero = ({ seed = 0, scaling = 1 }: ZeroOptions = {}): Initializer => ({
  name: 'zero',
  projectsResidual: true,
  requantizes: false,
  usesStatistic: false,
  usesWeights: false,
  initialize: async ({ module, E, rank }) => {
    checkRank(rank, module);
    const stream = random(hashOf(`${seed} ${module}`));
    const bound = Math.sqrt(scaling / columnsOf(E));
    const B = matrix(columnsOf(E), rank);
    for (let i = 0; i < B.data.length; i++) B.data[i] = (2 * stream.uniform() - 1) * bound;
    return { A: matrix(rowsOf(E), rank), B };
  },
});
