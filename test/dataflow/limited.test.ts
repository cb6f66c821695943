import t from 'tap';
import { QuailoraError } from '../../src/foundation/index.js';
import { limited, StageError, type Stage, type StageContext } from '../../src/dataflow/index.js';
import { naiveEngine } from '../linalg/naive-engine.js';
import { deferred, turn, type Deferred } from './marbles.js';

const contextOf = (signal: AbortSignal = new AbortController().signal): StageContext => ({ linalg: naiveEngine(), signal });

const stageOf = <In, Out>(concurrency: number, run: Stage<In, Out>['run']): Stage<In, Out> => ({ name: 'solve', concurrency, run });

t.test('a stage never works on more items than it says', async (t) => {
  for (const concurrency of [1, 3]) {
    const open: Deferred<undefined>[] = [];
    let working = 0;
    let most = 0;
    const run = async (item: number): Promise<number> => {
      most = Math.max(most, ++working);
      const gate = deferred<undefined>();
      open.push(gate);
      await gate.promise;
      working--;
      return 2 * item;
    };
    const solve = limited(stageOf(concurrency, run), contextOf(), String);
    const results = Promise.all([1, 2, 3, 4, 5, 6].map(solve));
    for (let done = 0; done < 6; done++) {
      await turn();
      t.equal(working, Math.min(concurrency, 6 - done));
      open.shift()!.resolve(undefined);
    }
    t.same(await results, [2, 4, 6, 8, 10, 12], 'each call gets its own result');
    t.equal(most, concurrency);
  }
});

t.test('a stage gets its context', async (t) => {
  const context = contextOf();
  const seen = limited(
    stageOf(1, async (_: number, given) => given),
    context,
    String,
  );
  t.equal(await seen(1), context);
});

t.test('a failure names stage and item, and keeps the code underneath', async (t) => {
  const cause = new QuailoraError('QL_NOT_FINITE', 'NaN at 3', { retryable: true });
  const failing = limited(
    stageOf(1, async (_: number) => Promise.reject(cause)),
    contextOf(),
    (item) => `module ${item}`,
  );
  const error: unknown = await failing(7).catch((error: unknown) => error);
  t.ok(error instanceof StageError);
  t.match(error, { name: 'StageError', code: 'QL_NOT_FINITE', stage: 'solve', subject: 'module 7', retryable: true, cause });
  t.match(error, { message: 'solve, module 7: NaN at 3' });
  t.match(new StageError('solve', 'x', new TypeError('odd')), { code: 'QL_STAGE', retryable: false, message: 'solve, x: odd' });
  t.match(new StageError('solve', 'x', 'text'), { code: 'QL_STAGE', message: 'solve, x: text' });
});

t.test('a failure does not block the limiter, nor does an exception before the promise', async (t) => {
  let calls = 0;
  const run = (item: number): Promise<number> => {
    calls++;
    if (item < 2) throw new RangeError('at once');
    return Promise.resolve(item);
  };
  const solve = limited(stageOf(1, run), contextOf(), String);
  const settled = await Promise.allSettled([0, 1, 2, 3].map(solve));
  t.same(
    settled.map(({ status }) => status),
    ['rejected', 'rejected', 'fulfilled', 'fulfilled'],
  );
  t.equal(calls, 4);
});

t.test('after an abort nothing is started, and the reason passes unwrapped', async (t) => {
  const controller = new AbortController();
  const gate = deferred<number>();
  let started = 0;
  const run = (): Promise<number> => {
    started++;
    return gate.promise;
  };
  const solve = limited(stageOf(1, run), contextOf(controller.signal), String);
  const running = solve(1);
  const waiting = solve(2);
  await turn();
  const reason = new Error('stop');
  controller.abort(reason);
  gate.reject(reason);
  await t.rejects(running, reason);
  await t.rejects(waiting, reason);
  t.notOk((await running.catch((error: unknown) => error)) instanceof StageError);
  t.equal(started, 1);
});

t.test('the observer hears of every item that was worked on', async (t) => {
  const heard: string[] = [];
  const run = async (item: number): Promise<number> => {
    if (item === 2) throw new Error('no');
    return item;
  };
  const solve = limited(stageOf(2, run), contextOf(), String, (stage, seconds) => {
    heard.push(stage);
    t.ok(seconds >= 0);
  });
  await Promise.allSettled([1, 2, 3].map(solve));
  t.same(heard, ['solve', 'solve', 'solve']);
});
