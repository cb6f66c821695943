import { DTYPE_BYTES, parseJson, type DType } from '../foundation/index.js';
import { MalformedCheckpointError } from './errors.js';
import { findDuplicateKey } from './find-duplicate-key.js';

/** Longest header the format allows, in bytes. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Bytes before the header: its length as a little-endian 64-bit integer. */
export const HEADER_PREFIX_BYTES = 8;

/** One tensor as a shard's header describes it. */
export interface HeaderTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Bytes from the start of the file (header included). */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

const grouped = new Intl.NumberFormat('en-US');
const count = (n: number): string => grouped.format(n);

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const isDType = (value: unknown): value is DType => typeof value === 'string' && Object.hasOwn(DTYPE_BYTES, value);

const parseHeaderText = (shard: string, header: Uint8Array): Record<string, unknown> => {
  if (header[0] !== 0x7b)
    throw new MalformedCheckpointError(
      'QL_SHARD_HEADER',
      `${shard}: the header does not begin with "{", so this is no safetensors file. Fetch it again.`,
    );
  let text: string;
  let parsed: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header);
    parsed = parseJson(text);
  } catch (cause) {
    throw new MalformedCheckpointError(
      'QL_SHARD_HEADER',
      `${shard}: the header is not valid JSON in UTF-8 (${String(cause)}). Fetch the shard again.`,
      cause,
    );
  }
  const duplicate = findDuplicateKey(text);
  if (duplicate !== undefined)
    throw new MalformedCheckpointError(
      'QL_SHARD_HEADER',
      `${shard}: the header holds the key "${duplicate}" twice, so its meaning is open. Write the file anew.`,
    );
  return parsed as Record<string, unknown>;
};

const checkMetadata = (shard: string, metadata: unknown): void => {
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === 'string'))
    throw new MalformedCheckpointError(
      'QL_SHARD_HEADER',
      `${shard}: __metadata__ must map strings to strings, nothing else. Write the file anew.`,
    );
};

const parseTensor = (shard: string, name: string, entry: unknown, dataOffset: number): HeaderTensor => {
  const where = `${shard}: "${name}"`;
  if (!isRecord(entry))
    throw new MalformedCheckpointError(
      'QL_SHARD_HEADER',
      `${where} is described by ${JSON.stringify(entry)}, not by an object. Fetch the shard again.`,
    );
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!isDType(dtype))
    throw new MalformedCheckpointError(
      'QL_DTYPE',
      `${where} has dtype ${JSON.stringify(dtype)}, which quailora can't read. It reads ${Object.keys(DTYPE_BYTES).join(', ')}: convert the checkpoint to BF16, F16 or F32.`,
    );
  if (!Array.isArray(shape) || !shape.every(isCount))
    throw new MalformedCheckpointError(
      'QL_SHARD_HEADER',
      `${where} has shape ${JSON.stringify(shape)}; only lists of whole numbers from 0 are allowed. Fetch the shard again.`,
    );
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount) || offsets[1]! < offsets[0]!)
    throw new MalformedCheckpointError(
      'QL_SHARD_RANGE',
      `${where} has data_offsets ${JSON.stringify(offsets)}; they must be [begin, end] with 0 ≤ begin ≤ end. Fetch the shard again.`,
    );
  const [begin, end] = offsets as [number, number];
  const needed = shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype]);
  if (end - begin !== needed)
    throw new MalformedCheckpointError(
      'QL_SHARD_SIZE',
      `${where} claims ${count(end - begin)} bytes (${count(begin)}–${count(end)}), but ${dtype} of shape [${shape.join(', ')}] takes ${count(needed)}. The shard is damaged: fetch it again.`,
    );
  return { name, dtype, shape, offset: dataOffset + begin, length: end - begin };
};

/** Checks that the tensors, in order of offset, cover the data of the file without gap or overlap. */
const checkTiling = (shard: string, tensors: readonly HeaderTensor[], dataOffset: number, fileBytes: number): void => {
  const dataBytes = fileBytes - dataOffset;
  const expected = tensors.reduce((end, tensor) => Math.max(end, tensor.offset + tensor.length), dataOffset);
  let end = dataOffset;
  let previous = 'the header';
  for (const { name, offset, length } of tensors) {
    const range = `bytes ${count(offset - dataOffset)}–${count(offset - dataOffset + length)}`;
    if (offset < end)
      throw new MalformedCheckpointError(
        'QL_SHARD_OVERLAP',
        `${shard}: "${name}" claims ${range}, but ${previous} reaches to byte ${count(end - dataOffset)}; tensors may not share bytes. Write or fetch the shard again.`,
      );
    if (offset > end)
      throw new MalformedCheckpointError(
        'QL_SHARD_GAP',
        `${shard}: "${name}" claims ${range}, but ${previous} ends at byte ${count(end - dataOffset)}; no byte may lie between tensors. Write or fetch the shard again.`,
      );
    if (offset + length > fileBytes)
      throw new MalformedCheckpointError(
        'QL_SHARD_RANGE',
        `${shard}: "${name}" claims ${range}, but the file holds ${count(dataBytes)} after its header. The download is probably incomplete: fetch this shard again (expected ${count(expected)} bytes).`,
      );
    end = offset + length;
    previous = `"${name}"`;
  }
  if (end !== fileBytes)
    throw new MalformedCheckpointError(
      'QL_SHARD_GAP',
      `${shard}: ${previous} ends at byte ${count(end)} of the file, but the file has ${count(fileBytes)} bytes. Fetch this shard again (expected ${count(end)} bytes).`,
    );
};

/**
 * Reads the length of a shard's header.
 *
 * @param shard file name, for messages
 * @param prefix the first 8 bytes of the file, or fewer where the file is shorter
 * @throws MalformedCheckpointError QL_SHARD_HEADER; retrying does not help
 */
export const parseHeaderLength = (shard: string, prefix: Uint8Array, fileBytes: number): number => {
  if (prefix.byteLength < HEADER_PREFIX_BYTES)
    throw new MalformedCheckpointError(
      'QL_SHARD_HEADER',
      `${shard}: the file has only ${count(fileBytes)} bytes, so it holds no safetensors header. Fetch it again.`,
    );
  const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES))
    throw new MalformedCheckpointError(
      'QL_SHARD_HEADER',
      `${shard}: the file claims a header of ${length.toLocaleString('en-US')} bytes; safetensors allows ${count(MAX_HEADER_BYTES)}. This is no safetensors file: fetch it again.`,
    );
  const headerBytes = Number(length);
  if (HEADER_PREFIX_BYTES + headerBytes > fileBytes)
    throw new MalformedCheckpointError(
      'QL_SHARD_HEADER',
      `${shard}: the file claims a header of ${count(headerBytes)} bytes, but has ${count(fileBytes)} bytes in all. The download is probably incomplete: fetch this shard again.`,
    );
  return headerBytes;
};

/**
 * Parses the header of one safetensors file and checks everything that can be checked without the data.
 *
 * Entries may hold keys besides dtype, shape and data_offsets; they are passed over, as the reference reader does.
 *
 * @param shard file name, for messages
 * @param header the JSON text as bytes, after the 8-byte length; spaces at its end are allowed
 * @param fileBytes length of the whole file
 * @returns the tensors in order of offset
 * @throws MalformedCheckpointError QL_SHARD_HEADER, QL_DTYPE, QL_SHARD_SIZE, QL_SHARD_RANGE, QL_SHARD_OVERLAP or
 *   QL_SHARD_GAP; retrying does not help
 *
 * Source: the safetensors format description (README of huggingface/safetensors, section Format).
 */
export const parseSafetensorsHeader = (shard: string, header: Uint8Array, fileBytes: number): HeaderTensor[] => {
  const dataOffset = HEADER_PREFIX_BYTES + header.byteLength;
  const tensors: HeaderTensor[] = [];
  for (const [name, entry] of Object.entries(parseHeaderText(shard, header))) {
    if (name === '__metadata__') checkMetadata(shard, entry);
    else tensors.push(parseTensor(shard, name, entry, dataOffset));
  }
  tensors.sort((a, b) => a.offset - b.offset || a.length - b.length);
  checkTiling(shard, tensors, dataOffset, fileBytes);
  return tensors;
};
