import { execFile, spawn } from 'node:child_process';
import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { openCheckpoint } from '../../src/checkpoint/index.js';
import { makeTinyWorkplace, type TinyWorkplace } from './tiny-model.js';

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

interface Ended {
  readonly exitCode: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

const initArguments = ({ model, text, output }: TinyWorkplace, options: readonly string[] = []): string[] => [
  ...[main, 'init', model, '--calibration', text, '--output', output('out'), '--tokens', '640', '--window', '32', '--rank', '4'],
  ...['--write-base', '--workers', '1', ...options],
];

const execute = (program: string, args: readonly string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(program, args, (error, stdout, stderr) =>
      resolve({ exitCode: error ? (error.code ?? String(error.signal)) : 0, stdout, stderr }),
    );
  });

const init = (place: TinyWorkplace, ...options: string[]): Promise<Ended> => execute(process.execPath, initArguments(place, options));

/** Files below the output directory that bear their final name. */
const finalFiles = async (place: TinyWorkplace): Promise<string[]> => {
  const entries = await readdir(place.output('out'), { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile() && !entry.parentPath.includes('.quailora')).map(({ name }) => name);
};

const SHARD = 'model-00002-of-00003.safetensors';

const editJson = async (file: string, edit: (json: Record<string, unknown>) => void): Promise<void> => {
  const json = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  edit(json);
  await writeFile(file, JSON.stringify(json));
};

/** Rewrites a shard's header; its data stays. */
const editHeader = async (
  file: string,
  edit: (header: Record<string, { dtype: string; data_offsets: [number, number] }>) => void,
): Promise<void> => {
  const bytes = await readFile(file);
  const size = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + size)) as Parameters<typeof edit>[0];
  edit(header);
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  await writeFile(file, Buffer.concat([length, text, bytes.subarray(8 + size)]));
};

interface BadInput {
  readonly name: string;
  readonly code: string;
  /** What the message must name. */
  readonly names: RegExp;
  readonly spoil: (place: TinyWorkplace) => Promise<void>;
  readonly options?: readonly string[];
}

const CASES: readonly BadInput[] = [
  {
    ...{ name: 'a truncated shard', code: 'QL_SHARD_RANGE', names: /model-00002-of-00003/ },
    spoil: async ({ model }) => truncate(join(model, SHARD), (await readFile(join(model, SHARD))).length - 100),
  },
  {
    ...{ name: 'an index that names a shard that is not there', code: 'QL_SHARD_MISSING', names: /model-00009/ },
    spoil: ({ model }) =>
      editJson(join(model, 'model.safetensors.index.json'), (index) => {
        const map = index['weight_map'] as Record<string, string>;
        map['model.norm.weight'] = 'model-00009-of-00003.safetensors';
      }),
  },
  {
    ...{ name: 'overlapping tensors', code: 'QL_SHARD_OVERLAP', names: /model-00002-of-00003/ },
    spoil: ({ model }) =>
      editHeader(join(model, SHARD), (header) => {
        const [first, second] = Object.values(header).filter(
          (entry) => 'data_offsets' in entry && entry.data_offsets[1] > entry.data_offsets[0],
        );
        const length = second!.data_offsets[1] - second!.data_offsets[0];
        second!.data_offsets = [first!.data_offsets[0], first!.data_offsets[0] + length];
      }),
  },
  {
    ...{ name: 'a tensor that is missing', code: 'QL_', names: /mlp\.up_proj\.weight/ },
    spoil: async ({ model }) => {
      const tensor = 'model.layers.1.mlp.up_proj.weight';
      const { file } = (await openCheckpoint(model)).tensors.get(tensor)!;
      await editHeader(file, (header) => {
        header[`${tensor}.other`] = header[tensor]!;
        Reflect.deleteProperty(header, tensor);
      });
      await editJson(join(model, 'model.safetensors.index.json'), (index) => {
        const map = index['weight_map'] as Record<string, string>;
        map[`${tensor}.other`] = map[tensor]!;
        Reflect.deleteProperty(map, tensor);
      });
    },
  },
  {
    ...{ name: 'an unknown dtype', code: 'QL_', names: /F4_NEW/ },
    spoil: ({ model }) =>
      editHeader(join(model, SHARD), (header) => (Object.values(header).find((entry) => 'dtype' in entry)!.dtype = 'F4_NEW')),
  },
  {
    ...{ name: 'an unknown family', code: 'QL_MODEL_UNSUPPORTED', names: /"mamba".*llama, mistral/ },
    spoil: ({ model }) => editJson(join(model, 'config.json'), (config) => (config['model_type'] = 'mamba')),
  },
  {
    ...{ name: 'an encoder', code: 'QL_MODEL_UNSUPPORTED', names: /"bert" \(BertForMaskedLM\), an encoder/ },
    spoil: ({ model }) =>
      editJson(join(model, 'config.json'), (config) => Object.assign(config, { model_type: 'bert', architectures: ['BertForMaskedLM'] })),
  },
  {
    ...{ name: 'a GPTQ checkpoint', code: 'QL_MODEL_UNSUPPORTED', names: /quantized already, by gptq.*full-precision/ },
    spoil: ({ model }) =>
      editJson(join(model, 'config.json'), (config) => (config['quantization_config'] = { quant_method: 'gptq', bits: 4 })),
  },
  {
    ...{ name: 'a bitsandbytes checkpoint', code: 'QL_MODEL_UNSUPPORTED', names: /by bitsandbytes.*full-precision.*quailora evaluate/ },
    spoil: ({ model }) =>
      editJson(join(model, 'config.json'), (config) => (config['quantization_config'] = { quant_method: 'bitsandbytes' })),
  },
  {
    ...{ name: 'an adapter', code: 'QL_CHECKPOINT_ADAPTER', names: /PEFT adapter.*names "org\/base"/ },
    spoil: async ({ model }) => {
      await rm(join(model, 'config.json'));
      await writeFile(join(model, 'adapter_config.json'), '{"base_model_name_or_path": "org/base"}');
    },
  },
  {
    ...{ name: 'weights in .bin files only', code: 'QL_CHECKPOINT_PICKLED', names: /pytorch_model\.bin.*save_pretrained/ },
    spoil: async ({ model }) => {
      for (const name of await readdir(model)) if (name.startsWith('model')) await rm(join(model, name));
      await writeFile(join(model, 'pytorch_model.bin'), 'pickle');
    },
  },
  {
    ...{
      name: 'the text part of a larger model',
      code: 'QL_MODEL_UNSUPPORTED',
      names: /text_config "qwen_vl" .*a model for more than text/,
    },
    spoil: ({ model }) =>
      editJson(join(model, 'config.json'), (config) =>
        Object.assign(config, { model_type: 'vl', text_config: { model_type: 'qwen_vl' }, vision_config: {} }),
      ),
  },
  {
    ...{ name: 'the tokenizer of a smaller model', code: 'QL_TOKENIZER_MODEL', names: /has 40 tokens.*96 embeddings/ },
    spoil: ({ model }) =>
      editJson(join(model, 'tokenizer.json'), (tokenizer) => {
        const inner = tokenizer['model'] as { vocab: Record<string, number> };
        inner.vocab = Object.fromEntries(
          Object.keys(inner.vocab)
            .filter((token) => /^([a-z]|Ġ|<\|end\|>|[0-9!?.])$/.test(token))
            .slice(0, 40)
            .map((token, id) => [token, id]),
        );
      }),
  },
  { ...{ name: 'no config.json', code: 'QL_', names: /config\.json/ }, spoil: ({ model }) => rm(join(model, 'config.json')) },
  { ...{ name: 'a model that is not there', code: 'QL_', names: /model/ }, spoil: ({ model }) => rm(model, { recursive: true }) },
  { ...{ name: 'an empty text', code: 'QL_TEXT_EMPTY', names: /text\.txt/ }, spoil: ({ text }) => writeFile(text, '') },
  {
    ...{ name: 'too little text', code: 'QL_TEXT_TOO_SHORT', names: /20 for calibration/ },
    spoil: ({ text }) => writeFile(text, 'only a few words'),
  },
  { ...{ name: 'a text that is not there', code: 'QL_TEXT_MISSING', names: /text\.txt/ }, spoil: ({ text }) => rm(text) },
  {
    ...{ name: 'a module that no layer has', code: 'QL_MODULES', names: /W_pack/, options: ['--modules', 'q_proj,W_pack'] },
    spoil: async () => undefined,
  },
  {
    ...{ name: 'weights that are not a number', code: 'QL_NOT_FINITE', names: /layers\.1\.mlp\.up_proj/ },
    spoil: async ({ model }) => {
      const { file, offset } = (await openCheckpoint(model)).tensors.get('model.layers.1.mlp.up_proj.weight')!;
      const shard = await readFile(file);
      shard.writeUInt16LE(0xff80, offset + 20);
      await writeFile(file, shard);
    },
  },
  {
    ...{ name: 'an output that is a file', code: 'QL_UNWRITABLE', names: /out/ },
    spoil: (place) => writeFile(place.output('out'), 'taken'),
  },
  {
    ...{ name: 'an output below a file', code: 'QL_UNWRITABLE', names: /text\.txt/, options: ['--output', 'TEXT/below'] },
    spoil: async () => undefined,
  },
  {
    ...{ name: "an output that holds somebody else's files", code: 'QL_OUTPUT_NOT_EMPTY', names: /out/ },
    spoil: async (place) => {
      await mkdir(join(place.output('out'), 'adapter'), { recursive: true });
    },
  },
];

for (const { name, code, names, spoil, options = [] } of CASES)
  t.test(name, async (t) => {
    const place = await makeTinyWorkplace(t.testdir());
    await spoil(place);
    const { exitCode, stderr, stdout } = await init(place, ...options.map((option) => option.replace('TEXT', place.text)), '--json');
    t.equal(exitCode, 1);
    t.ok(stderr.startsWith(code), stderr);
    t.match(stderr, names);
    t.notOk(/QL_INTERNAL|^\s+at /m.test(stderr), 'no stack: it was foreseen');
    t.equal((stderr.match(/\n/g) ?? []).length, 1, 'one line');
    const last = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Record<string, unknown>;
    t.match(last, { type: 'error', code: stderr.split(' ')[0]! });
    t.same(await finalFiles(place), []);
  });

t.test('a disk, or a limit, that is full', { skip: process.platform === 'win32' && 'needs ulimit' }, async (t) => {
  const place = await makeTinyWorkplace(t.testdir());
  // tap's hooks come in NODE_OPTIONS and die of the signal that the limit sends; quailora must not.
  const { exitCode, stderr } = await execute('sh', [
    '-c',
    'unset NODE_OPTIONS; ulimit -f 8; exec "$0" "$@"',
    process.execPath,
    ...initArguments(place),
  ]);
  t.equal(exitCode, 1);
  t.match(stderr, /^QL_DISK_FULL .*ulimit/);
  t.same(await finalFiles(place), []);
});

t.test('an interrupt in the middle', { skip: process.platform === 'win32' && 'needs SIGINT' }, async (t) => {
  const place = await makeTinyWorkplace(t.testdir());
  const child = spawn(process.execPath, initArguments(place, ['--json']));
  let stdout = '';
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => {
    if (!stdout.includes('"module"') && (stdout += chunk.toString()).includes('"module"')) child.kill('SIGINT');
  });
  const exitCode = await new Promise((resolve) => child.on('close', resolve));
  t.equal(exitCode, 130, stderr);
  t.match(stderr, /QL_INTERRUPTED .*keeps what is done: the same command goes on/);
  t.same(await finalFiles(place), []);
  const again = await init(place);
  t.equal(again.exitCode, 0, again.stderr);
  t.match(again.stdout, /0 of 3 blocks were done, and \d of the 7 layers of block 1; going on from there/);
});

t.test('the same without a fault', async (t) => {
  const place = await makeTinyWorkplace(t.testdir());
  const { exitCode, stderr } = await init(place);
  t.equal(exitCode, 0, stderr);
  t.ok((await finalFiles(place)).includes('report.json'));
});
