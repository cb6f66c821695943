import { CorpusError } from '../errors.js';
import { nearestNames } from '../datasets/nearest-names.js';
import { listFields, type RecordFields } from './record-fields.js';
import type { RecordFormat } from './record-format.js';

/** Paths of the strings of a record, for messages; three levels deep. */
const textPaths = (record: RecordFields): string[] => {
  const walk = (value: unknown, path: string, depth: number): string[] => {
    if (typeof value === 'string') return [path];
    if (typeof value !== 'object' || value === null || depth === 3) return [];
    return Object.entries(value)
      .slice(0, 20)
      .flatMap(([name, inner]) => walk(inner, path === '' ? name : `${path}.${name}`, depth + 1));
  };
  return walk(Object.fromEntries(record.names.map((name) => [name, record.value(name)])), '', 0);
};

const missing = (record: RecordFields, path: string, option: string): CorpusError => {
  const paths = textPaths(record);
  const [nearest] = nearestNames(path, paths);
  return record.wrong(
    `: there is no "${path}" (${option}); the record has texts at ${listFields(paths)}.${nearest === undefined ? '' : ` Did you mean "${nearest}"?`}`,
  );
};

const outermost = (path: string): string => path.split('.')[0]!;

/** Takes the text from one field, named by its path: `text`, `data.body`, `turns.0.value`. */
export const fieldFormat = (path: string): RecordFormat => ({
  name: 'field',
  kind: 'text',
  fields: [outermost(path)],
  required: [outermost(path)],
  read: (record) => {
    const value = record.at(path);
    if (typeof value === 'string') return { kind: 'text', text: value };
    if (value === null) return { kind: 'text', text: '' };
    if (value === undefined) throw missing(record, path, '--field');
    throw record.wrong(
      `: "${path}" holds ${Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`}; --field takes a string. Its parts are named like "${path}.0", or with --template.`,
    );
  },
});

type Piece = { readonly text: string } | { readonly path: string };

const ESCAPES: Readonly<Record<string, string>> = { '\\n': '\n', '\\t': '\t', '\\\\': '\\', '{{': '{', '}}': '}' };

/** Cuts a template into texts and the paths between them. */
const parseTemplate = (template: string): Piece[] =>
  [...template.matchAll(/\\[nt\\]|\{\{|\}\}|\{([^{}]*)\}|[{}]|[^\\{}]+|\\/gsu)].map(([match, path]) => {
    if (path !== undefined && path.trim() !== '') return { path: path.trim() };
    if (path === undefined && match !== '{' && match !== '}') return { text: ESCAPES[match] ?? match };
    throw new CorpusError(
      'QL_TEXT_SHAPE',
      `--template ${JSON.stringify(template)} has a brace without a field's name. Write {field}, and {{ or }} for the brace itself.`,
    );
  });

/**
 * Puts fields into a text: `{question}\n{answers.0}`, with `\n`, `\t` and `\\` as in a string, and `{{`, `}}` for braces.
 * Numbers and truth values are written out, null is empty.
 *
 * @throws CorpusError QL_TEXT_SHAPE for a template with no field, or an open brace
 */
export const templateFormat = (template: string): RecordFormat => {
  const pieces = parseTemplate(template);
  const paths = pieces.flatMap((piece) => ('path' in piece ? [piece.path] : []));
  if (paths.length === 0)
    throw new CorpusError('QL_TEXT_SHAPE', `--template ${JSON.stringify(template)} names no field. Write it like 'Question: {question}'.`);
  const fill = (record: RecordFields, path: string): string => {
    const value = record.at(path);
    if (typeof value === 'string') return value;
    if (value === null) return '';
    if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
    if (value === undefined) throw missing(record, path, '--template');
    throw record.wrong(
      `: "${path}" holds ${Array.isArray(value) ? 'a list' : 'an object'}; --template takes strings and numbers, like {${path}.0}.`,
    );
  };
  const fields = [...new Set(paths.map(outermost))];
  return {
    ...{ name: 'template', kind: 'text', fields, required: fields },
    read: (record) => ({ kind: 'text', text: pieces.map((piece) => ('path' in piece ? fill(record, piece.path) : piece.text)).join('') }),
  };
};
