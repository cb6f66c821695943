import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** A stream kept as a file, for readers that have to go back and forth. */
export interface Spooled {
  readonly path: string;
  readonly remove: () => Promise<void>;
}

/** Writes a stream to a file in the system's temporary directory. Disk: its bytes, until `remove`. */
export const spool = async (chunks: AsyncIterable<Uint8Array>): Promise<Spooled> => {
  const directory = await mkdtemp(join(tmpdir(), 'quailora-text-'));
  const path = join(directory, 'spooled');
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    await pipeline(Readable.from(chunks, { objectMode: false }), createWriteStream(path));
    return { path, remove };
  } catch (error) {
    await remove();
    throw error;
  }
};
