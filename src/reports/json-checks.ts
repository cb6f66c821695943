/** Returns what is wrong with a value, as `path must be …`, or undefined. */
export type Check = (value: unknown, path: string) => string | undefined;

/** Path of the whole document; its fields go by their names alone. */
export const WHOLE = 'the file';

const show = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 80));

/** Makes a check of one value from what it must be, in words. */
export const must =
  (what: string, holds: (value: unknown) => boolean): Check =>
  (value, path) =>
    holds(value) ? undefined : `${path} must be ${what}, not ${show(value)}`;

/** True for a JSON object. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A text that is not empty. */
export const text = must('a non-empty string', (value) => typeof value === 'string' && value !== '');
/** A number that is not negative. */
export const amount = must('a number of at least 0', (value) => typeof value === 'number' && value >= 0 && value < Infinity);
/** A number above zero. */
export const positive = must('a number above 0', (value) => typeof value === 'number' && value > 0 && value < Infinity);
/** A whole number that is not negative. */
export const count = must('a whole number of at least 0', (value) => Number.isSafeInteger(value) && Number(value) >= 0);
/** Any number. */
export const fraction = must('a number', (value) => Number.isFinite(value));
/** A SHA-256 in hexadecimal. */
export const sha256 = must('64 hexadecimal digits', (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value));
/** A Git commit in hexadecimal. */
export const commit = must('40 hexadecimal digits', (value) => typeof value === 'string' && /^[0-9a-f]{40}$/.test(value));
/** A whole number above zero. */
export const extent = must('a whole number of at least 1', (value) => Number.isSafeInteger(value) && Number(value) >= 1);

/** The check, or null. */
export const orNull =
  (check: Check): Check =>
  (value, path) =>
    value === null ? undefined : check(value, path);

/** The check, or nothing. */
export const optional =
  (check: Check): Check =>
  (value, path) =>
    value === undefined ? undefined : check(value, path);

/** The check for every entry; of so many entries where told. */
export const list =
  (check: Check, length?: number): Check =>
  (value, path) => {
    if (!Array.isArray(value)) return `${path} must be a list, not ${show(value)}`;
    if (length !== undefined && value.length !== length) return `${path} must have ${length} entries, not ${value.length}`;
    for (const [i, entry] of value.entries()) {
      const wrong = check(entry, `${path}[${i}]`);
      if (wrong) return wrong;
    }
    return undefined;
  };

/** A check for each named field of an object; other fields are let pass. */
export const fields =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value, path) => {
    if (!isRecord(value)) return `${path} must be an object, not ${show(value)}`;
    for (const [name, check] of Object.entries(checks)) {
      const wrong = check(value[name], path === WHOLE ? name : `${path}.${name}`);
      if (wrong) return wrong;
    }
    return undefined;
  };

/** The same check for every value of an object; `names` must be among them. */
export const each =
  (check: Check, ...names: string[]): Check =>
  (value, path) => {
    const keys = [...names, ...Object.keys(isRecord(value) ? value : {})];
    return fields(Object.fromEntries(keys.map((key) => [key, check])))(value, path);
  };

/** One of some words. */
export const oneOf = (...words: readonly string[]): Check =>
  must(`one of ${words.join(', ')}`, (value) => typeof value === 'string' && words.includes(value));
/** True or false. */
export const flag = must('true or false', (value) => typeof value === 'boolean');
