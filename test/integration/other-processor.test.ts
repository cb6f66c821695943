import { join } from 'node:path';
import { lastValueFrom, toArray } from 'rxjs';
import t from 'tap';
import { initialize } from '../../pipelines/initialize.js';
import { refit } from '../../pipelines/refit.js';
import { readRecord, writeRecord } from '../../src/journal/index.js';
import type { InitializationReport, ProgressEvent } from '../../src/reports/index.js';
import { describeProcessor } from '../../src/runtime/index.js';
import { makeTinyWorkplace, tinyJob } from './tiny-model.js';

type Event = ProgressEvent<InitializationReport>;

const OTHER = 'x64: avx avx2 fma of another machine';

const place = await makeTinyWorkplace(t.testdir());
const here = await describeProcessor();

/** Stops a run after its first layer. */
const stop = (run: (signal: AbortSignal) => ReturnType<typeof initialize>): Promise<void> =>
  new Promise((resolve) => {
    const controller = new AbortController();
    run(controller.signal).subscribe({
      next: ({ type }) => {
        if (type === 'module') controller.abort();
      },
      error: () => resolve(),
      complete: () => resolve(),
    });
  });

/** Lets the journal say that the attempt was made elsewhere. */
const moveElsewhere = async (output: string): Promise<void> => {
  const path = join(output, '.quailora', 'journal.json');
  const record = await readRecord(path);
  if (record === undefined || record === 'damaged') throw new Error('there is no journal');
  await writeRecord(path, { ...(record.value as object), processors: [OTHER] });
};

const told = (events: readonly Event[]): string[] =>
  events.flatMap((event) => (event.type === 'notice' && event.code === 'processor' ? [event.message] : []));

const resultOf = (events: readonly Event[]): InitializationReport | undefined =>
  events.flatMap((event) => (event.type === 'result' ? [event.result] : []))[0];

const init = (name: string, signal?: AbortSignal) =>
  initialize(tinyJob(place, name, { keepStatistics: 'used', ...(signal && { signal }) }));
const again = (signal?: AbortSignal) =>
  refit({
    directory: place.output('whole'),
    output: place.output('again'),
    writeBase: false,
    fresh: false,
    workers: 1,
    ...(signal && { signal }),
  });

t.test('a run on one kind of processor says nothing of it but in its report', async (t) => {
  const events = await lastValueFrom(init('whole').pipe(toArray()));
  t.same(told(events), []);
  t.same(resultOf(events)?.processors, [here]);
});

t.test('a run that goes on elsewhere is told that its bits are mixed, and the report says so', async (t) => {
  await stop((signal) => init('moved', signal));
  await moveElsewhere(place.output('moved'));
  const events = await lastValueFrom(init('moved').pipe(toArray()));
  t.match(told(events), [
    `another kind of processor (${OTHER}) than this one (${here}). What is finished is kept; the result will not be byte-identical`,
  ]);
  t.same(resultOf(events)?.processors, [OTHER, here]);
});

t.test('so is a refit', async (t) => {
  await stop((signal) => again(signal));
  await moveElsewhere(place.output('again'));
  const events = await lastValueFrom(again().pipe(toArray()));
  t.equal(told(events).length, 1);
  t.same(resultOf(events)?.processors, [OTHER, here]);
});
