import { join } from 'node:path';
import { readSafetensorsHeader, writeSafetensors, type TensorLocation } from '../../src/checkpoint/index.js';
import type { RawTensor } from '../../src/foundation/index.js';

let stored = 0;

/** Puts tensors into a file of their own, where a writer finds them. */
export const storeTensors = async (directory: string, tensors: Readonly<Record<string, RawTensor>>): Promise<TensorLocation[]> => {
  const file = join(directory, `stored-${stored++}`);
  await writeSafetensors(file, tensors);
  return (await readSafetensorsHeader(file, file)).map((tensor) => ({ ...tensor, file }));
};
