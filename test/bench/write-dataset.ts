import { execFileSync } from 'node:child_process';
import { open, type FileHandle } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { fileWriter, ParquetWriter } from 'hyparquet-writer';
import { random } from '../../src/foundation/index.js';

const SEED = 20241014;

/** Bytes of the block of records that a file repeats, so that large files take seconds to write. */
const BLOCK_BYTES = 4 << 20;

/** One record as every record format has it. */
type MadeRecord = Readonly<Record<string, string>>;

/** Words of 2 to 9 letters with a capital and a full stop now and then. */
const makeText = (words: number, { below }: { readonly below: (bound: number) => number }): string => {
  const parts: string[] = [];
  for (let i = 0; i < words; i++) {
    const word = Array.from({ length: 2 + below(8) }, () => 'etaoinshrdlcum'[below(14)]).join('');
    parts.push(i % 12 === 0 ? `${i ? '. ' : ''}${word.charAt(0).toUpperCase()}${word.slice(1)}` : word);
  }
  return `${parts.join(' ')}.`;
};

const makeBlock = (): MadeRecord[] => {
  const stream = random(SEED);
  const records: MadeRecord[] = [];
  for (let bytes = 0; bytes < BLOCK_BYTES;) {
    const [prompt, completion] = [makeText(20 + stream.below(40), stream), makeText(30 + stream.below(90), stream)];
    records.push({ prompt, completion });
    bytes += prompt.length + completion.length;
  }
  return records;
};

/** How the records of a benchmark's file are written: name of the shape, to the object that goes into the file. */
export const SHAPES: Readonly<Record<string, (record: MadeRecord) => unknown>> = {
  text: ({ prompt, completion }) => ({ text: `${prompt!} ${completion!}` }),
  'prompt-completion': ({ prompt, completion }) => ({ prompt, completion }),
  alpaca: ({ prompt, completion }) => ({ instruction: prompt, input: '', output: completion }),
  chip2: ({ prompt, completion }) => ({ text: `<human>: ${prompt!}\n<bot>: ${completion!}`, metadata: { source: 'made' } }),
  'hh-rlhf': ({ prompt, completion }) => ({ chosen: `\n\nHuman: ${prompt!}\n\nAssistant: ${completion!}`, rejected: completion }),
  slimorca: ({ prompt, completion }) => ({
    conversations: [
      { from: 'human', value: prompt, weight: 0 },
      { from: 'gpt', value: completion, weight: 1 },
    ],
  }),
};

const jsonLines = (records: readonly unknown[]): Buffer => Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(''));

const quoted = (text: string, delimiter: string): string =>
  text.includes(delimiter) || /["\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

const table = (records: readonly unknown[], delimiter: string): { readonly head: Buffer; readonly block: Buffer } => {
  const rows = records.map((record) => Object.values(record as MadeRecord));
  return {
    head: Buffer.from(`${Object.keys(records[0] as MadeRecord).join(delimiter)}\n`),
    block: Buffer.from(rows.map((row) => `${row.map((text) => quoted(text, delimiter)).join(delimiter)}\n`).join('')),
  };
};

const repeat = async (file: FileHandle, block: Buffer, blocks: number): Promise<void> => {
  for (let i = 0; i < blocks; i++) await file.writeFile(block);
};

const writeParquet = async (path: string, records: readonly unknown[], blocks: number): Promise<void> => {
  const names = Object.keys(records[0] as MadeRecord);
  const columnData = names.map((name) => ({ name, data: records.map((record) => (record as MadeRecord)[name]!) }));
  const schema = [
    { name: 'root', num_children: names.length },
    ...names.map((name) => ({ name, type: 'BYTE_ARRAY' as const, converted_type: 'UTF8' as const, repetition_type: 'REQUIRED' as const })),
  ];
  const writer = new ParquetWriter({ writer: fileWriter(path), schema });
  for (let i = 0; i < blocks; i++) await writer.write({ columnData, rowGroupSize: records.length });
  await writer.finish();
};

/**
 * Writes a file of made-up records: one block of 4 MiB of text again and again, compressed files as one member or frame a
 * block, Parquet files as one row group a block.
 *
 * @param type ending of its name: txt, jsonl, json, csv, tsv, parquet, jsonl.gz, jsonl.zst (needs the `zstd` program)
 * @param shape name in `SHAPES`
 * @returns uncompressed bytes of its content
 */
export const writeDataset = async (path: string, type: string, shape: string, blocks: number): Promise<number> => {
  const records = makeBlock().map(SHAPES[shape]!);
  const lines = jsonLines(records);
  if (type === 'parquet') {
    await writeParquet(path, records, blocks);
    return lines.length * blocks;
  }
  const file = await open(path, 'w');
  try {
    switch (type) {
      case 'txt':
        await repeat(file, Buffer.from(records.map((record) => Object.values(record as MadeRecord).join('\n')).join('\n')), blocks);
        break;
      case 'json':
        await file.writeFile('[');
        for (let i = 0; i < blocks; i++) await file.writeFile(`${i ? ',' : ''}${JSON.stringify(records).slice(1, -1)}`);
        await file.writeFile(']');
        break;
      case 'csv':
      case 'tsv': {
        const { head, block } = table(records, type === 'csv' ? ',' : '\t');
        await file.writeFile(head);
        await repeat(file, block, blocks);
        break;
      }
      case 'jsonl.gz':
        await repeat(file, gzipSync(lines), blocks);
        break;
      case 'jsonl.zst':
        await repeat(file, execFileSync('zstd', ['-q', '-c'], { input: lines, maxBuffer: 1 << 30 }), blocks);
        break;
      default:
        await repeat(file, lines, blocks);
    }
  } finally {
    await file.close();
  }
  return lines.length * blocks;
};
