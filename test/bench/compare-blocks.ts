import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { canonicalCheckpoint, openModel, type CausalModel, type LinearForm } from '../../src/models/index.js';
import { openCheckpoint } from '../../src/checkpoint/index.js';
import type { Window } from '../../src/corpus/index.js';
import { startWorkerPool } from '../../src/runtime/index.js';
import { layOutWorkers, Propagation } from '../../src/stages/index.js';
import { readHiddenStates } from '../../src/transport/index.js';

/** ‖a − b‖² and ‖a‖² of what left a block, all tokens together. */
interface Squares {
  difference: number;
  whole: number;
}

const addSquares = (sums: Squares, a: Float32Array, b: Float32Array): void => {
  for (let i = 0; i < a.length; i++) {
    sums.difference += (a[i]! - b[i]!) ** 2;
    sums.whole += a[i]! ** 2;
  }
};

/**
 * Sends windows through a model in float32 and by int8 slices, as `init` does, each on its own hidden states.
 *
 * @param scratch directory for the hidden states
 * @returns relative difference of what leaves each block, ‖split − float32‖ ÷ ‖float32‖
 */
export const compareBlocks = async (directory: string, windows: readonly Window[], scratch: string): Promise<number[]> => {
  const { checkpoint } = canonicalCheckpoint(await openCheckpoint(directory));
  const model: CausalModel = openModel(checkpoint);
  const pool = startWorkerPool(layOutWorkers({}));
  const open = async (form: LinearForm): Promise<Propagation> => {
    const place = { bytes: 0, directory: join(scratch, form) };
    await mkdir(place.directory, { recursive: true });
    const propagation = new Propagation(model, { calibration: windows, heldOut: [] }, pool, place, undefined, undefined, form);
    await lastValueFrom(propagation.embed(), { defaultValue: undefined });
    return propagation;
  };
  try {
    const [float32, split] = [await open('stored'), await open('split')];
    const differences: number[] = [];
    for (let block = 0; block < model.blocks; block++) {
      for (const propagation of [float32, split]) await lastValueFrom(propagation.through(block));
      const sums: Squares = { difference: 0, whole: 0 };
      for (const [i, segment] of float32.segments.entries()) {
        const files = [float32.fileAfter(segment, block)!, split.fileAfter(split.segments[i]!, block)!] as const;
        addSquares(sums, await readHiddenStates(files[0]), await readHiddenStates(files[1]));
      }
      differences.push(Math.sqrt(sums.difference / sums.whole));
    }
    return differences;
  } finally {
    await pool.close();
  }
};
