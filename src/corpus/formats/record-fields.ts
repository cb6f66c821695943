import { CorpusError } from '../errors.js';

const describe = (value: unknown): string =>
  Array.isArray(value) ? 'a list' : value === null ? 'null' : `a value of type ${typeof value}`;

/** Names of fields as messages list them. */
export const listFields = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ') || '(none)';

/** The fields of one record, read with errors that name the record. */
export class RecordFields {
  private readonly fields: Readonly<Record<string, unknown>>;

  /**
   * Takes a parsed record.
   *
   * @throws CorpusError QL_TEXT_FIELD for one that is no object
   */
  constructor(
    value: unknown,
    readonly where: string,
  ) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new CorpusError(
        'QL_TEXT_FIELD',
        `${where} holds ${Array.isArray(value) ? 'a list' : JSON.stringify(value)}; each record has to be an object with fields.`,
      );
    this.fields = value as Readonly<Record<string, unknown>>;
  }

  /** Names of the outermost fields. */
  get names(): string[] {
    return Object.keys(this.fields);
  }

  /** Tells whether there is such an outermost field, whatever it holds. */
  has(name: string): boolean {
    return Object.hasOwn(this.fields, name);
  }

  /** An error about this record. */
  wrong(message: string): CorpusError {
    return new CorpusError('QL_TEXT_FIELD', `${this.where}${message}`);
  }

  /** The value of an outermost field; undefined where there is none, or null. */
  value(name: string): unknown {
    return this.has(name) ? (this.fields[name] ?? undefined) : undefined;
  }

  /** The text of a field; undefined where there is none, or null. */
  optionalText(name: string): string | undefined {
    const value = this.value(name);
    if (value === undefined || typeof value === 'string') return value;
    throw this.wrong(`: the field "${name}" holds ${describe(value)}; it has to be a string.`);
  }

  /** The text of a field that has to be there. */
  text(name: string): string {
    const text = this.optionalText(name);
    if (text !== undefined) return text;
    throw this.wrong(`: the field "${name}" ${this.has(name) ? 'is null' : 'is missing'}; the record has ${listFields(this.names)}.`);
  }

  /** The list of a field that has to be there. */
  list(name: string): readonly unknown[] {
    const value = this.value(name);
    if (Array.isArray(value)) return value;
    if (value === undefined) this.text(name);
    throw this.wrong(`: the field "${name}" holds ${describe(value)}; it has to be a list of messages.`);
  }

  /**
   * The value at a path of names and list places, like `data.0.text`; undefined where it is not there. A field whose own
   * name has dots comes first.
   */
  at(path: string): unknown {
    if (this.has(path)) return this.fields[path];
    let value: unknown = this.fields;
    for (const step of path.split('.')) {
      if (typeof value !== 'object' || value === null || !Object.prototype.propertyIsEnumerable.call(value, step)) return undefined;
      value = (value as Readonly<Record<string, unknown>>)[step];
    }
    return value;
  }
}
