import type { HubFetchOptions, HubFile, HubRepository } from '../hub/index.js';
import { HEADER_PREFIX_BYTES, parseHeaderLength, parseSafetensorsHeader, type HeaderTensor } from './parse-safetensors-header.js';

/** Read with the first request: most headers are shorter, and a second request costs more than these bytes. */
const FIRST_READ_BYTES = 128 * 1024;

/**
 * Reads and checks the header of a safetensors file of a Hub repository; nothing else of the file is transferred.
 *
 * @returns the tensors in order of offset
 * @throws MalformedCheckpointError as `parseSafetensorsHeader`; HubError as `HubRepository.readRange`
 */
export const readHubHeader = async (
  repository: Pick<HubRepository, 'readRange'>,
  { path, bytes }: HubFile,
  options: HubFetchOptions,
): Promise<HeaderTensor[]> => {
  const first = await repository.readRange(path, 0, Math.min(bytes, FIRST_READ_BYTES), options);
  const end = HEADER_PREFIX_BYTES + parseHeaderLength(path, first.subarray(0, HEADER_PREFIX_BYTES), bytes);
  const rest = end > first.byteLength ? await repository.readRange(path, first.byteLength, end, options) : new Uint8Array(0);
  return parseSafetensorsHeader(path, Buffer.concat([first, rest]).subarray(HEADER_PREFIX_BYTES, end), bytes);
};
