import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import t from 'tap';
import { compare } from '../../pipelines/compare.js';
import { evaluate } from '../../pipelines/evaluate.js';
import { initialize } from '../../pipelines/initialize.js';
import { verify } from '../../pipelines/verify.js';
import type { ProgressEvent } from '../../src/reports/index.js';
import type { EvaluateJob, InitializeJob, VerifyJob } from '../../src/stages/index.js';
import type { Observable } from 'rxjs';
import { startHubServer } from '../hub/hub-server.js';
import { makeHubPlace } from './hub-place.js';
import { tinyJob } from './tiny-model.js';

const place = await makeHubPlace(t);
const { server, id } = place;

const resultOf = async <Result>(events$: Observable<ProgressEvent<Result>>): Promise<Result> => {
  const last = await lastValueFrom(events$);
  if (last.type !== 'result') throw new Error(`The last event is ${last.type}.`);
  return last.result;
};

/** Whole shards that the server has sent since; the three headers, which are read by themselves, do not count. */
const shardsSent = (since: number): number => server.requests.slice(since).filter(({ at }) => at === 'storage').length - 3;

t.test('an output is verified against the commit that its report names', async (t) => {
  const job = tinyJob(place, 'out', { model: id, hub: place.hub('made'), baseName: id });
  await lastValueFrom(initialize(job));
  // Another Hub, on which main has moved on; the old commit is still there.
  const moved = await startHubServer([{ kind: 'model', name: id, revisions: { main: place.other, 'v1.0': place.model } }]);
  t.teardown(() => moved.close());
  const { endpoint } = moved;
  const check: VerifyJob = { directory: job.output, hub: place.hub('verified', { endpoint }), workers: 1 };
  t.match(await resultOf(verify(check)), { passed: true, failures: [], baseModules: 21, adapterModules: 21 });
  const thrifty = { ...check, hub: place.hub('thrifty', { endpoint }), discardShards: true };
  t.match(await resultOf(verify({ ...thrifty, calibration: place.text })), { passed: true, failures: [], weighting: 'calibration' });
  t.same(place.shardsInCache('thrifty'), [], 'none is left');
  t.same(place.shardsInCache('verified').length, 3);
  await t.rejects(resultOf(verify({ directory: job.output })), { code: 'QL_VERIFY_MODEL', message: /org\/tiny.*readHubSettings/s });
  t.match(await resultOf(verify({ ...check, model: place.model })), { passed: true }, 'a directory of the same weights will do');
  await rename(join(job.output, 'base'), join(job.output, 'base-of-another-time'));
  t.match(await resultOf(verify(thrifty)), { passed: true, baseModules: null });
});

t.test('evaluate gives the perplexity of the directory, and fetches once a pass when it discards', async (t) => {
  const job: EvaluateJob = { model: place.model, text: place.text, windowTokens: 32, tokens: 640, workers: 1 };
  const { perplexity } = await resultOf(evaluate(job));
  const hub = place.hub('evaluated');
  let since = server.requests.length;
  t.equal((await resultOf(evaluate({ ...job, model: id, hub, discardShards: true }))).perplexity, perplexity);
  t.equal(shardsSent(since), 3, 'the tied embedding is kept for the head');
  t.same(place.shardsInCache('evaluated'), []);
  since = server.requests.length;
  const eight = await resultOf(evaluate({ ...job, bits: 8, model: id, hub, discardShards: true }));
  t.equal(shardsSent(since), 6, 'two passes');
  t.same(place.shardsInCache('evaluated'), []);
  const { perplexity: directory, weightOnlyPerplexity } = await resultOf(evaluate({ ...job, bits: 8 }));
  t.match(eight, { perplexity: directory, weightOnlyPerplexity });
});

t.test('what a pilot has passed comes again when shards are discarded, and only that', async (t) => {
  const automatic = (name: string, changes: Partial<InitializeJob>): InitializeJob => ({
    ...tinyJob(place, name, { baseName: id }),
    ...{ budget: { kind: 'auto' }, ...changes },
  });
  const adapter = (name: string) => readFile(join(place.output(name), 'adapter', 'adapter_model.safetensors'));
  await lastValueFrom(initialize(automatic('pilot', {})));
  for (const [discardShards, sent] of [
    [false, 3],
    [true, 4],
  ] as const) {
    const name = discardShards ? 'pilot-discards' : 'pilot-keeps';
    const since = server.requests.length;
    await lastValueFrom(initialize(automatic(name, { model: id, hub: place.hub(`cache of ${name}`), discardShards })));
    t.equal(shardsSent(since), sent, name);
    t.equal(place.shardsInCache(`cache of ${name}`).length, discardShards ? 0 : 3);
    t.ok((await adapter(name)).equals(await adapter('pilot')));
  }
});

t.test('compare passes over the model seven times', async (t) => {
  const { initializer, output, writeBase, fresh, baseName, ...choices } = tinyJob(place, 'compared', { loftqSteps: 1, alsSteps: 2 });
  t.same([initializer, writeBase, fresh, baseName, output.length > 0], ['exact', true, false, 'tiny', true]);
  const job = { ...choices, text: place.text };
  const since = server.requests.length;
  const found = await resultOf(compare({ ...job, model: id, hub: place.hub('compared'), discardShards: true }));
  t.equal(shardsSent(since), 7 * 3);
  t.same(place.shardsInCache('compared'), []);
  const expected = await resultOf(compare(job));
  t.same(found.perplexity, expected.perplexity);
  t.same(
    found.initializers.map(({ seconds, ...rest }) => [seconds > 0, rest]),
    expected.initializers.map(({ seconds, ...rest }) => [seconds > 0, rest]),
  );
});
