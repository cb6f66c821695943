import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { assembleSafetensors, readSafetensorsHeader, readTensor, safetensorsContent, type TensorLocation } from '../checkpoint/index.js';
import { syncDirectory, writeFileAtomically, writing, type RawTensor } from '../foundation/index.js';
import { hashFile } from './hash-file.js';

/** A finished piece of an output that waits for the others. */
export interface Part {
  readonly tensors: readonly TensorLocation[];
  /** What was said of it when it was written, as JSON; null where nothing was. */
  readonly note: unknown;
}

/** Name of the tensor that holds the note. */
const NOTE = 'quailora.note';

const SHA256_DIGITS = 64;

const noteTensor = (note: unknown): RawTensor => {
  const bytes = new Uint8Array(Buffer.from(JSON.stringify(note)));
  return { dtype: 'U8', shape: [bytes.length], bytes };
};

const inTurn = async function* (chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
};

/**
 * The pieces of an output that are finished, one safetensors file each, until the files they belong to are written.
 *
 * A part's file name ends with the SHA-256 of its bytes, so that a part can be checked with nothing beside it: `KIND/NAME.SHA256`.
 */
export class PartStore {
  private constructor(
    private readonly directory: string,
    private readonly onDamaged: (file: string) => void,
    private readonly files: Map<string, string>,
  ) {}

  /**
   * Opens the parts that lie in a directory; none is read.
   *
   * @param directory made when absent
   * @param onDamaged told of each file whose bytes are not what was written; it is removed, and counts as never written
   */
  static async open(directory: string, kinds: readonly string[], onDamaged: (file: string) => void): Promise<PartStore> {
    const files = new Map<string, string>();
    for (const kind of kinds) {
      await writing(directory, () => mkdir(join(directory, kind), { recursive: true }));
      for (const name of await readdir(join(directory, kind))) {
        // A partial file is what a kill left; writing the part anew writes over it.
        const match = /^(.+)\.[0-9a-f]{64}$/.exec(name);
        if (match) files.set(join(kind, match[1]!), join(kind, name));
      }
    }
    return new PartStore(directory, onDamaged, files);
  }

  /** True where a part was written, by this run or an earlier one. */
  has(kind: string, name: string): boolean {
    return this.files.has(join(kind, name));
  }

  /**
   * Writes one part; its tensors can be read at once, from where the returned locations say.
   *
   * @throws FileWriteError
   */
  async write(kind: string, name: string, tensors: Readonly<Record<string, RawTensor>>, note: unknown): Promise<readonly TensorLocation[]> {
    const content = safetensorsContent({ ...tensors, [NOTE]: noteTensor(note) });
    const hash = createHash('sha256');
    for (const chunk of content) hash.update(chunk);
    const file = join(kind, `${name}.${hash.digest('hex')}`);
    const path = join(this.directory, file);
    await writeFileAtomically(path, inTurn(content));
    this.files.set(join(kind, name), file);
    return (await this.tensorsOf(path)).tensors;
  }

  /**
   * Copies a tensor from another file into a part, a few MiB at a time; such a part has no note.
   *
   * @throws as `assembleSafetensors`
   */
  async copy(kind: string, name: string, location: TensorLocation): Promise<TensorLocation> {
    const growing = join(this.directory, kind, `${name}.copy`);
    const { sha256 } = await assembleSafetensors(growing, [location]);
    const file = join(kind, `${name}.${sha256}`);
    const path = join(this.directory, file);
    await writing(path, async () => {
      await rename(growing, path);
      await syncDirectory(join(this.directory, kind));
    });
    this.files.set(join(kind, name), file);
    return (await this.tensorsOf(path)).tensors[0]!;
  }

  /**
   * Reads a part that an earlier run wrote, and checks its bytes.
   *
   * @returns undefined where there is none, or none any more because it was damaged
   * @throws JournalError QL_JOURNAL_READ
   */
  async read(kind: string, name: string): Promise<Part | undefined> {
    const file = this.files.get(join(kind, name));
    if (file === undefined) return undefined;
    const path = join(this.directory, file);
    if ((await hashFile(path)) !== file.slice(-SHA256_DIGITS)) {
      await this.remove(kind, name);
      this.onDamaged(path);
      return undefined;
    }
    const { tensors, note } = await this.tensorsOf(path);
    return { tensors, note: note ? (JSON.parse(Buffer.from(await readTensor(note)).toString()) as unknown) : null };
  }

  /** Removes a part; one that is not there is no error. @throws FileWriteError */
  async remove(kind: string, name: string): Promise<void> {
    const key = join(kind, name);
    const file = this.files.get(key);
    if (file === undefined) return;
    this.files.delete(key);
    await writing(file, () => rm(join(this.directory, file), { force: true }));
  }

  private async tensorsOf(path: string): Promise<{ readonly tensors: TensorLocation[]; readonly note: TensorLocation | undefined }> {
    const all = (await readSafetensorsHeader(path, path)).map((tensor) => ({ ...tensor, file: path }));
    return { note: all.find(({ name }) => name === NOTE), tensors: all.filter(({ name }) => name !== NOTE) };
  }
}
