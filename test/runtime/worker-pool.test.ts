import t from 'tap';
import { matrix, rowMajor, transposed } from '../../src/foundation/index.js';
import { ortMatrixEngine, startWorkerPool, type WorkerPool } from '../../src/runtime/index.js';
import { normalMatrix } from '../linalg/naive-engine.js';

const TASKS = new URL('./pool-tasks.js', import.meta.url);

const withPool = async (workers: number, use: (pool: WorkerPool) => Promise<void>, signal?: AbortSignal): Promise<void> => {
  const pool = startWorkerPool({ workers, signal });
  try {
    await use(pool);
  } finally {
    await pool.close();
  }
};

t.test('an argument moves to the worker, and the result moves back', async (t) =>
  withPool(1, async (pool) => {
    const values = Float32Array.of(1, 2, 3);
    const { doubled, thread } = await pool.call<{ doubled: Float32Array; thread: number }>(TASKS, 'double', values, [values.buffer]);
    t.same([...doubled], [2, 4, 6]);
    t.equal(values.length, 0, 'the buffer is gone here');
    t.not(thread, 0, 'another thread');
    const kept = Float32Array.of(4);
    await pool.call(TASKS, 'double', kept);
    t.same([...kept], [4], 'without a transfer list it is copied');
  }),
);

t.test('errors keep their code and message, and the pool lives on', async (t) =>
  withPool(1, async (pool) => {
    await t.rejects(pool.call(TASKS, 'fail', 'said so'), { name: 'QuailoraError', code: 'QL_TEST', message: 'said so', retryable: true });
    await t.rejects(pool.call(TASKS, 'crash', 'unforeseen'), { name: 'TypeError', message: 'unforeseen' });
    await t.rejects(pool.call(TASKS, 'noSuchTask', 1), { code: 'QL_MODULE', message: /noSuchTask.*double/ });
    await t.rejects(pool.call(new URL('./absent.js', import.meta.url), 'x', 1), { code: 'QL_MODULE', message: /absent\.js/ });
    t.equal(await pool.call(TASKS, 'threadsOf', undefined), 1);
  }),
);

t.test('as many workers as asked for work at once', async (t) =>
  withPool(3, async (pool) => {
    t.equal(pool.workers, 3);
    const met = new Int32Array(new SharedArrayBuffer(4));
    const tasks = Array.from({ length: 3 }, () => pool.call<boolean>(TASKS, 'meet', { met, workers: 3 }));
    t.same(await Promise.all(tasks), [true, true, true]);
  }),
);

t.test('products through the pool equal local ones bit for bit', async (t) =>
  withPool(2, async (pool) => {
    const local = ortMatrixEngine();
    const A = normalMatrix(20, 30, 1);
    const B = normalMatrix(30, 9, 2);
    const C = normalMatrix(20, 9, 3);
    const before = A.data.slice();
    for (const [left, right, options] of [
      [A, B, {}],
      [A, C, { transposeA: true }],
      [C, B, { transposeB: true }],
      [transposed(A), C, {}],
      [A.lo(0, 3).hi(20, 20), B.lo(4, 0).hi(20, 9), {}],
      [matrix(0, 30), B, {}],
    ] as const) {
      const product = await pool.linalg.multiply(left, right, options);
      const expected = await local.multiply(left, right, options);
      t.same([product.shape, rowMajor(product)], [expected.shape, rowMajor(expected)]);
    }
    t.same(A.data, before, 'the operands stay here');
    await t.rejects(pool.linalg.multiply(A, A), { code: 'QL_SHAPE', message: /\[20, 30\]/ });
    const shared = matrix(2, 2, new Float32Array(new SharedArrayBuffer(16)).fill(1));
    t.same([...rowMajor(await pool.linalg.multiply(shared, shared))], [2, 2, 2, 2], 'also over shared memory');
    await local.close();
  }),
);

/** Waits until a task has begun. */
const begun = async (started: Int32Array): Promise<void> => {
  while (Atomics.load(started, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 2));
};

t.test('an abort ends running and waiting tasks with its reason', async (t) => {
  const controller = new AbortController();
  const reason = new Error('enough');
  await withPool(
    1,
    async (pool) => {
      const started = new Int32Array(new SharedArrayBuffer(4));
      const running = pool.call(TASKS, 'multiplyForever', started);
      const waiting = pool.call(TASKS, 'threadsOf', undefined);
      await begun(started);
      controller.abort(reason);
      await t.rejects(running, reason);
      await t.rejects(waiting, reason);
      await t.rejects(pool.call(TASKS, 'threadsOf', undefined), reason, 'and lets nothing more begin');
    },
    controller.signal,
  );
  const aborted = startWorkerPool({ workers: 1, signal: AbortSignal.abort(reason) });
  await t.rejects(aborted.call(TASKS, 'threadsOf', undefined), reason);
  await aborted.close();
});

t.test('what fails by itself while the run is aborted keeps its error', async (t) => {
  const controller = new AbortController();
  await withPool(
    1,
    async (pool) => {
      const state = new Int32Array(new SharedArrayBuffer(4));
      const failing = pool.call(TASKS, 'failWhenTold', state);
      await begun(state);
      controller.abort(new Error('enough'));
      Atomics.store(state, 0, 2);
      Atomics.notify(state, 0);
      await t.rejects(failing, { code: 'QL_TEST', message: 'by itself' });
    },
    controller.signal,
  );
});

t.test('closing while ONNX Runtime computes ends the tasks, and not the process', async (t) => {
  for (const delayMs of [0, 5, 20, 50]) {
    const pool = startWorkerPool({ workers: 2 });
    const tasks = Array.from({ length: 4 }, () => new Int32Array(new SharedArrayBuffer(4)));
    const results = Promise.allSettled(tasks.map((started) => pool.call(TASKS, 'multiplyForever', started)));
    await Promise.all(tasks.slice(0, 2).map(begun));
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    await pool.close();
    for (const result of await results) t.match(result, { status: 'rejected', reason: { code: 'QL_STOPPED' } });
    t.same(
      tasks.map(([started]) => started),
      [1, 1, 0, 0],
      'what waited never began',
    );
    await t.rejects(pool.call(TASKS, 'threadsOf', undefined), { code: 'QL_STOPPED' });
  }
});

t.test('closing waits for a task that runs, so that nothing is cut off', async (t) => {
  const pool = startWorkerPool({ workers: 1 });
  const met = new Int32Array(new SharedArrayBuffer(4));
  const running = pool.call<boolean>(TASKS, 'meet', { met, workers: 2 });
  await begun(met);
  const closed = pool.close();
  Atomics.add(met, 0, 1);
  Atomics.notify(met, 0);
  await closed;
  t.equal(await running, true);
});
