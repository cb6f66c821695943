import { matrix, toFloat32, type Matrix } from '../foundation/index.js';
import type { TensorLocation } from './contract.js';
import { readTensor } from './read-tensor.js';

/**
 * Reads one weight matrix as float32.
 *
 * @param location of a tensor [out, in] in a float type
 * @throws as `readTensor`
 */
export const readMatrix = async (location: TensorLocation): Promise<Matrix> =>
  matrix(location.shape[0]!, location.shape[1]!, toFloat32(await readTensor(location), location.dtype));
