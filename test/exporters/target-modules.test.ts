import t from 'tap';
import { targetModules } from '../../src/exporters/index.js';

const linear = [0, 1].flatMap((i) => ['q_proj', 'v_proj', 'up_proj'].map((name) => `model.layers.${i}.${name}`)).concat('lm_head');

/** PEFT's rule for a list: a whole name, or its end after a dot. */
const matched = (targets: readonly string[]): string[] =>
  linear.filter((name) => targets.some((target) => name === target || name.endsWith(`.${target}`)));

t.test('last parts where they say it, full names where they would say more', async (t) => {
  const all = linear.filter((name) => name !== 'lm_head');
  t.same(targetModules(all, linear), ['q_proj', 'up_proj', 'v_proj']);
  t.same(targetModules(['model.layers.1.q_proj', 'model.layers.0.q_proj'], linear), ['q_proj']);
  t.same(targetModules(['model.layers.1.q_proj'], linear), ['model.layers.1.q_proj']);
  for (let subset = 1; subset < 1 << all.length; subset++) {
    const adapted = all.filter((_, i) => subset & (1 << i));
    t.same(matched(targetModules(adapted, linear)), adapted);
  }
});
