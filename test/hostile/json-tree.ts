/** JSON as it is written: keys may repeat, and a leaf is any text, valid or not. */
export type JsonTree =
  | { readonly kind: 'leaf'; readonly text: string }
  | { readonly kind: 'list'; readonly items: JsonTree[] }
  | { readonly kind: 'object'; readonly entries: [key: string, value: JsonTree][] };

/** A place in a tree that can be changed. */
export interface JsonPlace {
  readonly holder: Exclude<JsonTree, { kind: 'leaf' }>;
  readonly index: number;
}

/** Makes a tree of a parsed value. */
export const toTree = (value: unknown): JsonTree => {
  if (Array.isArray(value)) return { kind: 'list', items: value.map(toTree) };
  if (typeof value === 'object' && value !== null)
    return { kind: 'object', entries: Object.entries(value).map(([key, inner]) => [key, toTree(inner)]) };
  return { kind: 'leaf', text: JSON.stringify(value) };
};

/** Writes a tree as compact JSON. */
export const writeTree = (tree: JsonTree): string => {
  if (tree.kind === 'leaf') return tree.text;
  if (tree.kind === 'list') return `[${tree.items.map(writeTree).join(',')}]`;
  return `{${tree.entries.map(([key, value]) => `${JSON.stringify(key)}:${writeTree(value)}`).join(',')}}`;
};

/** Every place of a tree, outer ones first; of a long list the first and the last. */
export const placesOf = (tree: JsonTree): JsonPlace[] => {
  if (tree.kind === 'leaf') return [];
  const children = tree.kind === 'list' ? tree.items : tree.entries.map(([, value]) => value);
  const indices = children.map((_, index) => index).filter((index) => index < 24 || index >= children.length - 2);
  return [...indices.map((index) => ({ holder: tree, index })), ...indices.flatMap((index) => placesOf(children[index]!))];
};

/** The value at a place. */
export const valueAt = ({ holder, index }: JsonPlace): JsonTree =>
  (holder.kind === 'list' ? holder.items[index] : holder.entries[index]?.[1]) ?? { kind: 'leaf', text: 'null' };
