/** A value of a fingerprint: cloneable JSON. */
export type FingerprintValue =
  string | number | boolean | null | readonly FingerprintValue[] | { readonly [name: string]: FingerprintValue };

/**
 * What decides the bytes that a run writes, by a name that a user understands: model, text, options, versions. How many workers there
 * are is no part of it.
 */
export type RunFingerprint = Readonly<Record<string, FingerprintValue>>;

/** JSON with sorted keys, so that equal values give equal text. */
const textOf = (value: FingerprintValue | undefined): string => {
  if (value === undefined) return 'nothing';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(textOf).join(',')}]`;
  return `{${Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, item]) => `${JSON.stringify(name)}:${textOf(item)}`)
    .join(',')}}`;
};

/** Longer texts, hashes for the most part, say nothing to a reader. */
const MOST_SHOWN = 60;

const shown = (value: FingerprintValue | undefined): string => {
  const text = typeof value === 'string' ? value : textOf(value);
  return text.length > MOST_SHOWN ? `${text.slice(0, 12)}…` : text;
};

const isObject = (value: FingerprintValue): value is Readonly<Record<string, FingerprintValue>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The fields of objects beside the others, under their own names. */
const flat = (fingerprint: RunFingerprint): RunFingerprint =>
  Object.fromEntries(Object.entries(fingerprint).flatMap(([name, value]) => (isObject(value) ? Object.entries(value) : [[name, value]])));

/**
 * Says in what two fingerprints differ, for instance `rank: 64 there, 32 now`.
 *
 * @returns nothing where they are equal
 */
export const fingerprintDifferences = (thereWhole: RunFingerprint, nowWhole: RunFingerprint): string[] => {
  const [there, now] = [flat(thereWhole), flat(nowWhole)];
  const names = [...new Set([...Object.keys(there), ...Object.keys(now)])];
  return names
    .filter((name) => textOf(there[name]) !== textOf(now[name]))
    .map((name) => `${name}: ${shown(there[name])} there, ${shown(now[name])} now`);
};
