import { RecordBatchFileWriter } from 'apache-arrow';

/** Arrow's writer with its bytes taken out after each batch; by itself it holds them all to the end. */
export class TakenFileWriter extends RecordBatchFileWriter {
  #made: Uint8Array[] = [];

  protected override _write(chunk: ArrayBufferView): this {
    this.#made.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    this._position += chunk.byteLength;
    return this;
  }

  /** The bytes since the last call. */
  take(): Uint8Array[] {
    const made = this.#made;
    this.#made = [];
    return made;
  }
}
