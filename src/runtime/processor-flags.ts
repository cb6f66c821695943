import { readFile } from 'node:fs/promises';

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

/**
 * Reads the features of the processor as Linux names them: `avx512_vnni`, `amx_int8`, …
 *
 * @returns none on systems without /proc/cpuinfo
 * @throws the system's error when the file is there and can't be read
 */
export const readProcessorFlags = async (file = '/proc/cpuinfo'): Promise<ReadonlySet<string>> => {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return '';
    throw error;
  });
  const line = /^flags\s*:(.*)$/m.exec(text)?.[1] ?? '';
  return new Set(line.split(/\s+/).filter((flag) => flag !== ''));
};
