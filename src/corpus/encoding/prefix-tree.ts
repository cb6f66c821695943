/** A stretch of keys that branch nowhere inside of it. */
interface Node<T> {
  label: string;
  branches: Map<number, Node<T>> | undefined;
  value: T | undefined;
}

const leaf = <T>(label: string, value: T): Node<T> => ({ label, branches: undefined, value });

const sharedLength = (label: string, key: string, from: number): number => {
  let length = 0;
  while (length < label.length && label.charCodeAt(length) === key.charCodeAt(from + length)) length++;
  return length;
};

/**
 * Finds which of many keys a text goes on with: a radix tree, whose memory follows the number of keys, not their
 * characters (a node a character took 250 bytes for each byte of a hostile file).
 */
export class PrefixTree<T> {
  readonly #root: Node<T> = { label: '', branches: new Map(), value: undefined };

  /** Sets the value of a key; the last one wins. An empty key is left out: it would be found everywhere. */
  set(key: string, value: T): void {
    let node = this.#root;
    for (let from = 0; from < key.length;) {
      const unit = key.charCodeAt(from);
      const branches = (node.branches ??= new Map<number, Node<T>>());
      const branch = branches.get(unit);
      if (!branch) {
        branches.set(unit, leaf(key.slice(from), value));
        return;
      }
      const shared = sharedLength(branch.label, key, from);
      from += shared;
      node = shared < branch.label.length ? this.#divide(branches, branch, shared) : branch;
      if (from === key.length) node.value = value;
    }
  }

  /** Calls `visit` for every key that the text goes on with from `start`, the shorter ones first. */
  visit(text: string, start: number, visit: (end: number, value: T) => void): void {
    let end = start;
    for (let node = this.#root.branches?.get(text.charCodeAt(start)); node; node = node.branches?.get(text.charCodeAt(end))) {
      if (!text.startsWith(node.label, end)) return;
      end += node.label.length;
      if (node.value !== undefined) visit(end, node.value);
    }
  }

  /** Cuts a branch in two after its first units, and returns the upper part. */
  #divide(branches: Map<number, Node<T>>, branch: Node<T>, length: number): Node<T> {
    const upper: Node<T> = {
      label: branch.label.slice(0, length),
      branches: new Map([[branch.label.charCodeAt(length), branch]]),
      value: undefined,
    };
    branch.label = branch.label.slice(length);
    branches.set(upper.label.charCodeAt(0), upper);
    return upper;
  }
}
