import fc from 'fast-check';
import t from 'tap';
import { allTargets } from './all-targets.js';
import { judge } from './hostile-target.js';

const SEED = 20241014;

/** Part of a full run: make bench-fuzz opens every case, in processes whose time and memory are limited. */
const SCALE = 0.03;

t.test('hostile files are refused by typed errors, or read to something consistent', async (t) => {
  for (const target of await allTargets(t.testdir())) {
    const outcomes: Record<string, number> = {};
    const property = fc.asyncProperty(target.inputs, async (input) => {
      const verdict = await judge(target, input);
      if ('defect' in verdict) throw new Error(verdict.defect);
      outcomes[verdict.outcome] = (outcomes[verdict.outcome] ?? 0) + 1;
    });
    const found = await fc.check(property, { seed: SEED, numRuns: Math.round(target.cases * SCALE), endOnFailure: true });
    t.notOk(
      found.failed,
      `${target.name}: ${found.failed ? `path ${found.counterexamplePath ?? ''}, ${String(found.errorInstance)}` : ''}`,
    );
    t.ok(Object.keys(outcomes).length > 1 && 'accepted' in outcomes, `${target.name}: refused and accepted: ${JSON.stringify(outcomes)}`);
  }
});
