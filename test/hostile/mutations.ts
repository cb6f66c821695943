import fc from 'fast-check';
import { placesOf, toTree, valueAt, writeTree, type JsonPlace, type JsonTree } from './json-tree.js';

const DEEP = 200_000;
const LONG = 1_000_000;

/** JSON texts that readers are likely to trip over; some are no JSON. */
const HOSTILE_VALUES: readonly string[] = [
  ...['0', '-0', '-1', '1', '2', '3', '7', '0.5', '-2.5', '1e308', '-1e308', '1e999', '1e-320', '1e9', '1e12', '1000000', '65536'],
  ...['2147483647', '2147483648', '4294967295', '4294967296', '9007199254740991', '9007199254740992', '9007199254740993'],
  ...['true', 'false', 'null', '""', '"x"', '"0"', '[]', '{}', '[[]]', '[1,2]', '[null]', '{"a":1}', '{"toString":1}', '{"toJSON":1}'],
  ...['{"__proto__":{"a":1}}', '{"length":1000000000}', '"constructor"', '"__proto__"', '"toString"', '"hasOwnProperty"'],
  ...['"../x.safetensors"', '"/etc/passwd"', '"..\\\\x"', '"a/../../model.safetensors"', '".safetensors"', '"\\u0000.safetensors"'],
  ...['"\\ud800"', '"\\udfff\\u0000"', '"\\u202e"', '"ſK"', '"F64"', '"I64"', '"BOOL"', '"F8_E4M3"', '"silu"', '"gelu"', '"BF16"'],
  ...['"(a+)+$"', '"(?:a|a)*b"', '"(?:.|\\\\s)*x"', '"("', '"[a"', '"(?:a{1,1000}){1000}"', '"\\\\p{Nope}"', '"(?<=a*)b"'],
  ...['"yarn"', '"longrope"', '"llama3"', '"dynamic"', '"linear"', '"BPE"', '"Unigram"', '"WordPiece"', '"Sequence"', '"FixedLength"'],
  ...['NaN', 'Infinity', '01', "'x'", '', '{"a":1,"a":2}', '[1,]', '"\\x"', '"\t"'],
];

const HOSTILE_KEYS: readonly string[] = ['__proto__', 'constructor', 'toString', '', '\u0000', '__metadata__', 'length', 'x'.repeat(5000)];

const hostileText = fc.oneof(
  { weight: 40, arbitrary: fc.constantFrom(...HOSTILE_VALUES) },
  { weight: 6, arbitrary: fc.double().map(String) },
  { weight: 6, arbitrary: fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }).map(String) },
  { weight: 6, arbitrary: fc.json({ maxDepth: 3 }) },
  { weight: 4, arbitrary: fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)) },
  { weight: 1, arbitrary: fc.constant('['.repeat(DEEP) + ']'.repeat(DEEP)) },
  { weight: 1, arbitrary: fc.constant('{"a":'.repeat(DEEP) + '0' + '}'.repeat(DEEP)) },
  { weight: 1, arbitrary: fc.constant(JSON.stringify('x'.repeat(LONG))) },
  { weight: 1, arbitrary: fc.constant(JSON.stringify('"'.repeat(LONG))) },
  { weight: 1, arbitrary: fc.constant(`[${'0,'.repeat(LONG / 10)}0]`) },
);

/** One change of a tree: where it is made, what is written there, and a second place for changes that need one. */
interface TreeEdit {
  readonly where: number;
  readonly how: 'replace' | 'drop' | 'repeat' | 'rename' | 'rekey' | 'copy' | 'scale' | 'wrap';
  readonly text: string;
  readonly other: number;
}

const treeEdit: fc.Arbitrary<TreeEdit> = fc.record({
  where: fc.nat(),
  how: fc.constantFrom(
    'replace',
    'replace',
    'replace',
    'replace',
    'drop',
    'repeat',
    'rename',
    'rekey',
    'copy',
    'copy',
    'scale',
    'scale',
    'wrap',
  ),
  text: hostileText,
  other: fc.nat(),
});

const put = ({ holder, index }: JsonPlace, value: JsonTree): void => {
  if (holder.kind === 'list') holder.items[index] = value;
  else holder.entries[index]![1] = value;
};

const rename = ({ holder, index }: JsonPlace, key: string): void => {
  if (holder.kind === 'object') holder.entries[index]![0] = key;
};

const scaled = (tree: JsonTree, other: number): JsonTree => {
  const number = tree.kind === 'leaf' ? Number(tree.text) : NaN;
  const changed = [number + 1, number - 1, number * 2, number / 2, number * 1e9, -number, number + 0.5][other % 7]!;
  return Number.isFinite(changed) ? { kind: 'leaf', text: String(changed) } : tree;
};

const applyTreeEdit = (root: JsonTree, { where, how, text, other }: TreeEdit): void => {
  const places = placesOf(root);
  const place = places[where % places.length];
  const second = places[other % places.length];
  if (!place || !second) return;
  const { holder, index } = place;
  const value = valueAt(place);
  if (how === 'replace') put(place, { kind: 'leaf', text });
  else if (how === 'drop') (holder.kind === 'list' ? holder.items : holder.entries).splice(index, 1);
  else if (how === 'copy') put(place, structuredClone(valueAt(second)));
  else if (how === 'scale') put(place, scaled(value, other));
  else if (how === 'wrap') put(place, other % 2 ? { kind: 'list', items: [value] } : { kind: 'object', entries: [['a', value]] });
  else if (how === 'rename') rename(place, HOSTILE_KEYS[other % HOSTILE_KEYS.length]!);
  else if (how === 'rekey') rename(place, second.holder.kind === 'object' ? second.holder.entries[second.index]![0] : 'a');
  else if (holder.kind === 'list') holder.items.splice(index, 0, value);
  else holder.entries.splice(other % (holder.entries.length + 1), 0, [holder.entries[index]![0], { kind: 'leaf', text }]);
};

/** One change of bytes, whatever they mean. */
interface ByteEdit {
  readonly at: number;
  readonly how: 'flip' | 'word' | 'cut' | 'insert' | 'remove' | 'repeat' | 'append';
  readonly width: number;
  readonly value: bigint;
}

const EXTREMES = [
  0n,
  1n,
  2n,
  8n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  2n ** 40n,
  2n ** 53n,
  2n ** 63n,
];

const byteEdit: fc.Arbitrary<ByteEdit> = fc.record({
  at: fc.nat(),
  how: fc.constantFrom('flip', 'word', 'word', 'cut', 'insert', 'remove', 'repeat', 'append'),
  width: fc.constantFrom(1, 2, 4, 8),
  value: fc.oneof(fc.constantFrom(...EXTREMES), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
});

const littleEndian = (value: bigint, width: number): Uint8Array =>
  Uint8Array.from({ length: width }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));

const applyByteEdit = (bytes: Uint8Array, { at, how, width, value }: ByteEdit): Uint8Array => {
  const place = at % (bytes.length + 1);
  const aligned = place - (place % width);
  const word = littleEndian(value, width);
  const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
  switch (how) {
    case 'flip':
      return joined(bytes.subarray(0, place), Uint8Array.of((bytes[place] ?? 0) ^ Number(value & 0xffn || 1n)), bytes.subarray(place + 1));
    case 'word':
      return joined(bytes.subarray(0, aligned), word, bytes.subarray(aligned + width));
    case 'cut':
      return bytes.slice(0, place);
    case 'insert':
      return joined(bytes.subarray(0, place), word, bytes.subarray(place));
    case 'remove':
      return joined(bytes.subarray(0, place), bytes.subarray(place + width));
    case 'repeat':
      return joined(bytes.subarray(0, place), bytes.subarray(Math.max(0, place - 64)));
    case 'append':
      return joined(bytes, word);
  }
};

/** Changes that make hostile bytes of valid ones; drawing them again with the same seed gives the same. */
export interface Mutation {
  readonly trees: readonly TreeEdit[];
  readonly bytes: readonly ByteEdit[];
}

/** Draws changes of a JSON document: mostly of its structure, now and then of its bytes. */
export const jsonMutations: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 9, arbitrary: fc.record({ trees: fc.array(treeEdit, { minLength: 1, maxLength: 4 }), bytes: fc.constant([]) }) },
  { weight: 1, arbitrary: fc.record({ trees: fc.constant([]), bytes: fc.array(byteEdit, { minLength: 1, maxLength: 4 }) }) },
);

/** Draws changes of bytes. */
export const byteMutations: fc.Arbitrary<Mutation> = fc.record({
  trees: fc.constant([]),
  bytes: fc.array(byteEdit, { minLength: 1, maxLength: 4 }),
});

/** Applies changes to the text of a JSON document. */
export const mutateJson = (text: string, { trees, bytes }: Mutation): Uint8Array => {
  const root: JsonTree = toTree(JSON.parse(text));
  for (const edit of trees) applyTreeEdit(root, edit);
  return mutateBytes(new TextEncoder().encode(writeTree(root)), { trees: [], bytes });
};

/** Applies changes to bytes. */
export const mutateBytes = (valid: Uint8Array, { bytes }: Mutation): Uint8Array =>
  bytes.reduce((result, edit) => applyByteEdit(result, edit), valid);
