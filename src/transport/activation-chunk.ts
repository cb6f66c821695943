import { Field, FixedSizeList, Float32, Int32, makeData, RecordBatch, RecordBatchStreamWriter, Schema, Struct } from 'apache-arrow';
import { floatListColumn } from './float-list-column.js';
import { MalformedChunkError, readFirstBatch } from './read-first-batch.js';

/** Which activations a chunk holds. */
export interface ActivationChunkHeader {
  /** Position of the chunk in the token stream of its block, from 0; folds go by it. */
  readonly sequence: number;
  readonly block: number;
  /** Name of the activation, as in `CausalModel.inputs`. */
  readonly input: string;
  /** `calibration` or `heldOut`. */
  readonly split: string;
}

/** One chunk of activations: an Arrow record batch with one row for each token. */
export interface ActivationChunk extends ActivationChunkHeader {
  /** Columns `window` (int32) and `values` (fixed-size list of float32, one entry for each feature). */
  readonly batch: RecordBatch;
}

const schemaOf = (header: ActivationChunkHeader, width: number): Schema =>
  new Schema(
    [
      new Field('window', new Int32(), false),
      new Field('values', new FixedSizeList(width, new Field('feature', new Float32(), false)), false),
    ],
    new Map([
      ['quailora', 'activation-chunk'],
      ['sequence', String(header.sequence)],
      ['block', String(header.block)],
      ['input', header.input],
      ['split', header.split],
    ]),
  );

/**
 * Wraps activations as a record batch over the same bytes; no copy.
 *
 * @param values [tokens, width], row-major
 * @param windowOf window number of each token
 */
export const makeActivationChunk = (
  header: ActivationChunkHeader,
  values: Float32Array,
  width: number,
  windowOf: Int32Array,
): ActivationChunk => {
  const tokens = values.length / width;
  const schema = schemaOf(header, width);
  const listType = schema.fields[1]!.type as FixedSizeList<Float32>;
  const features = makeData({ type: new Float32(), length: values.length, nullCount: 0, data: values });
  const children = [
    makeData({ type: new Int32(), length: tokens, nullCount: 0, data: windowOf }),
    makeData({ type: listType, length: tokens, nullCount: 0, child: features }),
  ];
  return {
    ...header,
    batch: new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: tokens, nullCount: 0, children })),
  };
};

/** Number of tokens of a chunk. */
export const chunkTokens = ({ batch }: ActivationChunk): number => batch.numRows;

/** Features of one token. */
export const chunkWidth = ({ batch }: ActivationChunk): number => (batch.schema.fields[1]!.type as FixedSizeList).listSize;

/** The values of a chunk, [tokens, width], row-major: a view of the record batch's bytes, without Arrow's padding. */
export const chunkValues = (chunk: ActivationChunk): Float32Array =>
  (chunk.batch.data.children[1]!.children[0]!.values as Float32Array).subarray(0, chunkTokens(chunk) * chunkWidth(chunk));

/** Serializes a chunk as an Arrow IPC stream, which any Arrow library reads. */
export const encodeActivationChunk = ({ batch }: ActivationChunk): Uint8Array => {
  const writer = new RecordBatchStreamWriter();
  writer.write(batch);
  return writer.finish().toUint8Array(true);
};

/**
 * Reads a chunk back; its values are a view of `bytes` where they are aligned.
 *
 * @throws MalformedChunkError QL_CHUNK when the bytes are something else
 */
export const decodeActivationChunk = (bytes: Uint8Array): ActivationChunk => {
  const where = `A stream of ${bytes.length} bytes`;
  const batch = readFirstBatch(bytes, 'activation-chunk', where);
  const { metadata } = batch.schema;
  floatListColumn(batch, 1, where);
  const place = (key: 'sequence' | 'block'): number => {
    const text = metadata.get(key) ?? '';
    const value = /^\d+$/u.test(text) ? Number(text) : NaN;
    if (!Number.isSafeInteger(value)) throw new MalformedChunkError(`${where} says ${key} "${text}", which is no whole number.`);
    return value;
  };
  return {
    sequence: place('sequence'),
    block: place('block'),
    input: metadata.get('input') ?? '',
    split: metadata.get('split') ?? '',
    batch,
  };
};
