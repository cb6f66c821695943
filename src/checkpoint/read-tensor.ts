import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import type { TensorLocation } from './contract.js';
import { readFileRange } from '../foundation/index.js';
import { CheckpointReadError, MalformedCheckpointError } from './errors.js';

/** Rows whose gap is no larger are read in one piece: a read call costs as much as copying this many bytes. */
const COALESCE_GAP_BYTES = 32 * 1024;

/** Largest piece read at once while gathering rows; bounds the scratch memory. */
const GATHER_PIECE_BYTES = 4 * 1024 * 1024;

/** Reads one range of a tensor; `begin` counts from the start of the tensor. */
type RangeReader = (target: Uint8Array, begin: number) => Promise<void>;

const withRangeReader = async <T>(location: TensorLocation, use: (read: RangeReader) => Promise<T>): Promise<T> => {
  const shard = basename(location.file);
  const unreadable = (cause: unknown): never => {
    throw new CheckpointReadError(
      `${shard}: "${location.name}" can't be read (${String(cause)}). Check that the file is still there and readable.`,
      cause,
    );
  };
  const file = await open(location.file).catch(unreadable);
  try {
    return await use(async (target, begin) => {
      const position = location.offset + begin;
      const bytes = await readFileRange(file, target, position).catch(unreadable);
      if (bytes < target.byteLength)
        throw new MalformedCheckpointError(
          'QL_SHARD_RANGE',
          `${shard}: "${location.name}" ends at byte ${location.offset + location.length} of the file, but the file ends at ${position + bytes}. It changed after it was opened: fetch this shard again.`,
        );
    });
  } finally {
    await file.close();
  }
};

/**
 * Reads one tensor; also from worker threads, because a location is plain data.
 *
 * @returns little-endian, row-major bytes in a buffer of their own (offset 0), safe to transfer or to view as any type
 * @throws CheckpointReadError QL_SHARD_READ when the system refuses; a retry may help
 * @throws MalformedCheckpointError QL_SHARD_RANGE when the file has become shorter; retrying does not help
 */
export const readTensor = async (location: TensorLocation): Promise<Uint8Array> =>
  withRangeReader(location, async (read) => {
    const bytes = new Uint8Array(location.length);
    await read(bytes, 0);
    return bytes;
  });

const checkRows = (location: TensorLocation, rows: ArrayLike<number>): number => {
  const [height] = location.shape;
  if (height === undefined)
    throw new MalformedCheckpointError('QL_TENSOR_SHAPE', `"${location.name}" is a scalar: it has no rows to read.`);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    if (!Number.isInteger(row) || row < 0 || row >= height)
      throw new MalformedCheckpointError(
        'QL_TENSOR_ROW',
        `Row ${row} of "${location.name}" was asked for, but it has ${height} rows. Where rows are token ids, tokenizer and model do not belong together.`,
      );
  }
  return height ? location.length / height : 0;
};

/**
 * Gathers rows of a tensor, for instance the embeddings of a window's tokens, without reading the whole table.
 *
 * Each distinct row is read once; neighbours are read in one piece.
 *
 * @param rows indices along the first dimension, in any order, repeated at will
 * @returns the rows in the order asked for, in a buffer of their own
 * @throws MalformedCheckpointError QL_TENSOR_ROW for a row outside the tensor; retrying does not help
 * @throws as `readTensor`
 *
 * Cost: sorting the indices; at most 4 MiB of scratch memory (or one row) beside the result.
 */
export const readTensorRows = async (location: TensorLocation, rows: ArrayLike<number>): Promise<Uint8Array> => {
  const rowBytes = checkRows(location, rows);
  const out = new Uint8Array(rows.length * rowBytes);
  if (out.byteLength === 0) return out;
  const keys = Float64Array.from({ length: rows.length }, (_, i) => rows[i]! * rows.length + i).sort();
  const rowAt = (i: number): number => Math.floor(keys[i]! / rows.length);
  return withRangeReader(location, async (read) => {
    let scratch = new Uint8Array(0);
    for (let i = 0; i < keys.length;) {
      const first = rowAt(i);
      let last = first;
      let next = i + 1;
      for (; next < keys.length; next++) {
        const row = rowAt(next);
        if ((row - last - 1) * rowBytes > COALESCE_GAP_BYTES || (row + 1 - first) * rowBytes > GATHER_PIECE_BYTES) break;
        last = row;
      }
      const pieceBytes = (last + 1 - first) * rowBytes;
      if (scratch.byteLength < pieceBytes) scratch = new Uint8Array(pieceBytes);
      await read(scratch.subarray(0, pieceBytes), first * rowBytes);
      for (; i < next; i++) {
        const begin = (rowAt(i) - first) * rowBytes;
        out.set(scratch.subarray(begin, begin + rowBytes), (keys[i]! % rows.length) * rowBytes);
      }
    }
    return out;
  });
};
