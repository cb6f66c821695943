/** Entry of a header under test; anything goes, because bad headers have to be written too. */
export type Entry = Readonly<Record<string, unknown>>;

/** Bytes of a safetensors file made by hand, right or wrong: length, header text, data. */
export const shardBytes = (header: Entry | string, data: Uint8Array | number, headerLength?: bigint): Uint8Array => {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const body = typeof data === 'number' ? Uint8Array.from({ length: data }, (_, i) => i % 251) : data;
  const out = new Uint8Array(8 + text.length + body.length);
  new DataView(out.buffer).setBigUint64(0, headerLength ?? BigInt(text.length), true);
  out.set(text, 8);
  out.set(body, 8 + text.length);
  return out;
};

/** A right shard whose tensors are U8 vectors of the given sizes, one after the other. */
export const vectorShard = (sizes: Readonly<Record<string, number>>): Uint8Array => {
  let end = 0;
  const header = Object.fromEntries(
    Object.entries(sizes).map(([name, size]) => [name, { dtype: 'U8', shape: [size], data_offsets: [end, (end += size)] }]),
  );
  return shardBytes({ __metadata__: { format: 'pt' }, ...header }, end);
};
