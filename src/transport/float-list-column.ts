import { DataType, Precision, type RecordBatch } from 'apache-arrow';
import { MalformedChunkError } from './read-first-batch.js';

/** A column of lists, one for each row, all equally long. */
export interface FloatListColumn {
  /** [rows, width], row-major; a view of the batch's bytes, without Arrow's padding. */
  readonly values: Float32Array;
  readonly width: number;
}

/**
 * Takes a column of fixed-size lists of float32 out of a record batch.
 *
 * @param where names the bytes for messages
 * @throws MalformedChunkError QL_CHUNK when the column is missing, of another type, or shorter than the batch
 */
export const floatListColumn = (batch: RecordBatch, column: number, where: string): FloatListColumn => {
  const type = batch.schema.fields[column]?.type as DataType | undefined;
  const data = batch.data.children[column];
  const child = data?.children[0];
  const wrong = (what: string): MalformedChunkError =>
    new MalformedChunkError(`${where}: column ${column} ${what}. The bytes are damaged.`);
  if (!DataType.isFixedSizeList(type) || !data || !child) throw wrong('is no list');
  const feature = type.children[0]?.type as DataType | undefined;
  if (!DataType.isFloat(feature) || feature.precision !== Precision.SINGLE) throw wrong('holds no float32');
  const { listSize: width } = type;
  const values: unknown = child.values;
  const needed = batch.numRows * width;
  if (width < 1 || data.length !== batch.numRows || child.length < needed || data.nullCount > 0 || child.nullCount > 0)
    throw wrong(`does not hold ${batch.numRows} lists of ${width} values`);
  if (!(values instanceof Float32Array) || values.length < needed) throw wrong(`holds fewer than ${needed} values`);
  return { values: values.subarray(0, needed), width };
};
