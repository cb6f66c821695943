import t from 'tap';
import { MAX_HEADER_BYTES, parseHeaderLength, parseSafetensorsHeader } from '../../src/checkpoint/parse-safetensors-header.js';
import { shardBytes, type Entry } from './tiny-shard.js';

const shard = 'model-00001-of-00002.safetensors';

const parse = (header: Entry | string, dataBytes: number) => {
  const file = shardBytes(header, dataBytes);
  return parseSafetensorsHeader(shard, file.subarray(8, file.length - dataBytes), file.length);
};

const tensor = (dtype: unknown, shape: unknown, begin: unknown, end: unknown): Entry => ({ dtype, shape, data_offsets: [begin, end] });

t.test('tensors come in order of offset, with positions in the file', async (t) => {
  const header = {
    __metadata__: { format: 'pt' },
    late: { ...tensor('BF16', [2, 3], 16, 28), extra: true },
    early: tensor('F32', [4], 0, 16),
    scalar: tensor('U8', [], 28, 29),
    nothing: tensor('F32', [0, 7], 16, 16),
  };
  const dataOffset = 8 + JSON.stringify(header).length;
  t.same(
    parse(header, 29).map(({ name, offset, length }) => [name, offset - dataOffset, length]),
    [
      ['early', 0, 16],
      ['nothing', 16, 0],
      ['late', 16, 12],
      ['scalar', 28, 1],
    ],
  );
  t.same(parse('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}   ', 1)[0]?.shape, [1], 'padded with spaces');
  t.same(parse({}, 0), [], 'a file without tensors');
});

const bad: readonly (readonly [what: string, code: string, header: Entry | string, dataBytes: number, message: RegExp])[] = [
  ['no brace first', 'QL_SHARD_HEADER', ' {}', 0, /does not begin with/],
  ['broken JSON', 'QL_SHARD_HEADER', '{"a":', 0, /not valid JSON/],
  [
    'a duplicate name',
    'QL_SHARD_HEADER',
    '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
    1,
    /"a" twice/,
  ],
  ['nested metadata', 'QL_SHARD_HEADER', { __metadata__: { a: { b: 1 } } }, 0, /strings to strings/],
  ['an entry that is no object', 'QL_SHARD_HEADER', { a: [1] }, 0, /"a" is described by \[1\]/],
  ['a negative size', 'QL_SHARD_HEADER', { a: tensor('U8', [-1], 0, 1) }, 1, /shape \[-1\]/],
  ['a fractional size', 'QL_SHARD_HEADER', { a: tensor('U8', [1.5], 0, 1) }, 1, /shape \[1.5\]/],
  ['an unknown dtype', 'QL_DTYPE', { a: tensor('F8_E4M3', [4], 0, 4) }, 4, /"F8_E4M3".*BF16, F16 or F32/],
  ['a dtype named like a method', 'QL_DTYPE', { a: tensor('toString', [4], 0, 4) }, 4, /"toString"/],
  ['no dtype', 'QL_DTYPE', { a: { shape: [4], data_offsets: [0, 4] } }, 4, /undefined/],
  ['offsets backwards', 'QL_SHARD_RANGE', { a: tensor('U8', [4], 4, 0) }, 4, /\[4,0\]/],
  ['negative offsets', 'QL_SHARD_RANGE', { a: tensor('U8', [4], -4, 0) }, 4, /0 ≤ begin ≤ end/],
  ['one offset', 'QL_SHARD_RANGE', { a: { dtype: 'U8', shape: [4], data_offsets: [4] } }, 4, /\[4\]/],
  [
    'a range that is not the shape',
    'QL_SHARD_SIZE',
    { a: tensor('F32', [2, 2], 0, 12) },
    12,
    /12 bytes \(0–12\), but F32 of shape \[2, 2\] takes 16/,
  ],
  ['a shape past all numbers', 'QL_SHARD_SIZE', { a: tensor('U8', [2 ** 52, 2 ** 52], 0, 4) }, 4, /takes/],
  [
    'overlap',
    'QL_SHARD_OVERLAP',
    { a: tensor('U8', [4], 0, 4), b: tensor('U8', [4], 3, 7) },
    7,
    /"b" claims bytes 3–7, but "a" reaches to byte 4/,
  ],
  [
    'a gap between tensors',
    'QL_SHARD_GAP',
    { a: tensor('U8', [4], 0, 4), b: tensor('U8', [4], 5, 9) },
    9,
    /"b" claims bytes 5–9, but "a" ends at byte 4/,
  ],
  ['a gap before the first', 'QL_SHARD_GAP', { a: tensor('U8', [4], 8, 12) }, 12, /the header ends at byte 0/],
  ['bytes after the last', 'QL_SHARD_GAP', { a: tensor('U8', [4], 0, 4) }, 6, /but the file has/],
  [
    'a truncated file',
    'QL_SHARD_RANGE',
    { a: tensor('U8', [4], 0, 4), b: tensor('U8', [2000], 4, 2004) },
    1000,
    /"b" claims bytes 4–2,004, but the file holds 1,000 after its header.*expected 2,123 bytes/,
  ],
];

for (const [what, code, header, dataBytes, message] of bad)
  t.test(`refuses ${what}`, async (t) => {
    t.throws(() => parse(header, dataBytes), { name: 'MalformedCheckpointError', code, message, retryable: false });
    t.throws(() => parse(header, dataBytes), { message: /^model-00001-of-00002\.safetensors: / }, 'the message begins with the shard');
  });

t.test('refuses text that is not UTF-8', async (t) => {
  const header = Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d);
  t.throws(() => parseSafetensorsHeader(shard, header, 8 + header.length), { code: 'QL_SHARD_HEADER' });
});

t.test('the header length is bounded by the format and by the file', async (t) => {
  t.equal(parseHeaderLength(shard, shardBytes('{}', 0).subarray(0, 8), 10), 2);
  t.throws(() => parseHeaderLength(shard, new Uint8Array(5), 5), { code: 'QL_SHARD_HEADER', message: /only 5 bytes/ });
  t.throws(() => parseHeaderLength(shard, shardBytes('{}', 0).subarray(0, 8), 9), {
    code: 'QL_SHARD_HEADER',
    message: /2 bytes, but has 9/,
  });
  const huge = shardBytes('', 0, BigInt(MAX_HEADER_BYTES) + 1n);
  t.throws(() => parseHeaderLength(shard, huge, 2 ** 40), { code: 'QL_SHARD_HEADER', message: /100,000,001/ });
  const most = shardBytes('', 0, 2n ** 64n - 1n);
  t.throws(() => parseHeaderLength(shard, most, 2 ** 40), { code: 'QL_SHARD_HEADER', message: /18,446,744,073,709,551,615/ });
});
