import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { cutWindows, PUBLISHED_DATASETS, selectWindows } from '../../src/corpus/index.js';
import { readHubSettings } from '../../src/hub/index.js';
import { fetchFromHub } from '../../src/stages/fetch-from-hub.js';
import { datasetFile, datasetGoldens } from '../corpus/dataset-fixtures.js';
import { letters, letterTokenizer } from '../corpus/letter-tokenizer.js';
import { startHubServer } from '../hub/hub-server.js';

/** The micro-file that stands for each published file. */
const MADE: Readonly<Record<string, string>> = {
  wikitext2: 'wikitext2.parquet',
  'hh-rlhf': 'hh-rlhf.jsonl.gz',
  oasst1: 'oasst1.jsonl',
  c4: 'c4.json.gz',
};

/** Serves the datasets that have parts of their own, at the published names, revisions and paths. */
const serve = async (t: Test) => {
  const root = t.testdir({});
  const served = PUBLISHED_DATASETS.filter(({ name }) => MADE[name] !== undefined);
  for (const { name, files } of served)
    for (const path of Object.values(files).flat()) {
      const target = join(root, name, path);
      await mkdir(dirname(target), { recursive: true });
      await copyFile(datasetFile(MADE[name]!), target);
    }
  const server = await startHubServer(
    served.map(({ name, repository, revision }) => ({ kind: 'dataset', name: repository, revisions: { [revision]: join(root, name) } })),
  );
  t.teardown(() => server.close());
  return { server, environment: { HF_ENDPOINT: server.endpoint, HF_HUB_CACHE: join(root, 'cache') } };
};

t.test('a name becomes files of the Hub, one after the other, and of its cache when offline', async (t) => {
  const { server, environment } = await serve(t);
  const draw = async (source: string, settings: NodeJS.ProcessEnv) => {
    const options = {
      windowTokens: 40,
      samples: 2,
      heldOut: 0.5,
      seed: 1,
      fetchDatasetFile: fetchFromHub(() => readHubSettings(settings), {}),
    };
    const { calibration, heldOut } = await selectWindows(source, letterTokenizer(), options);
    return letters([...calibration, ...heldOut]);
  };
  for (const source of ['hh-rlhf', 'oasst1', 'wikitext2', 'c4']) {
    const drawn = await draw(source, environment);
    t.ok(drawn.length >= 2, source);
    const before = server.requests.length;
    t.same(await draw(source, { ...environment, HF_HUB_OFFLINE: '1' }), drawn, `${source}, offline`);
    t.equal(server.requests.length, before);
  }
  const repeated = (await draw('hh-rlhf', environment))[0]!;
  t.ok(datasetGoldens.pairs['hh-rlhf.jsonl.gz']!.some(([, text]) => repeated.startsWith(text)));
  const evaluated = await cutWindows('wikitext2', letterTokenizer(), {
    windowTokens: datasetGoldens.wikitext2.length - 1,
    fetchDatasetFile: fetchFromHub(() => readHubSettings(environment), {}),
  });
  t.equal(letters(evaluated)[0]!.slice(0, 20), datasetGoldens.wikitext2.slice(0, 20));
});

t.test('a branch with slashes, and a name that the Hub does not have', async (t) => {
  const root = t.testdir({ served: { self_instruct: { train: {} } } });
  await copyFile(datasetFile('self-instruct.parquet'), join(root, 'served/self_instruct/train/0000.parquet'));
  const server = await startHubServer([
    { kind: 'dataset', name: 'yizhongw/self_instruct', revisions: { 'refs/convert/parquet': join(root, 'served') } },
  ]);
  t.teardown(() => server.close());
  const fetchDatasetFile = fetchFromHub(() => readHubSettings({ HF_ENDPOINT: server.endpoint, HF_HUB_CACHE: join(root, 'cache') }), {});
  const options = { windowTokens: 8, samples: 2, heldOut: 0, seed: 0, fetchDatasetFile };
  await t.rejects(selectWindows('self-instruct', letterTokenizer(), options), {
    code: 'QL_TEXT_SPLIT',
    message: /self-instruct holds 7 records/,
  });
  await t.rejects(selectWindows('alpaca', letterTokenizer(), options), { code: 'QL_HUB_REPOSITORY', message: /tatsu-lab\/alpaca/ });
});
