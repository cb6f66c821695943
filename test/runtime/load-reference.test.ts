import t from 'tap';
import { isModuleReference, loadReference } from '../../src/runtime/index.js';
import { value } from './referenced-module.js';

const url = new URL('./referenced-module.js', import.meta.url).href;

t.test('a reference gives the export itself, or what it makes of its options', async (t) => {
  t.equal(await loadReference({ url, name: 'value' }), value);
  t.same(await loadReference({ url, name: 'make', options: { steps: 3 } }), { made: { steps: 3 } });
  t.type(await loadReference({ url, name: 'make' }), 'function');
  t.same(await loadReference({ url, name: 'make', options: null }), { made: null });
});

t.test('references that name nothing usable', async (t) => {
  const refused = { name: 'ModuleReferenceError', code: 'QL_MODULE', retryable: false };
  await t.rejects(loadReference({ url: new URL('./absent.js', import.meta.url).href, name: 'x' }), { ...refused, message: /absent\.js/ });
  await t.rejects(loadReference({ url, name: 'absent' }), { ...refused, message: /"absent"; it has make, value/ });
  await t.rejects(loadReference({ url, name: 'value', options: {} }), { ...refused, message: /not a function/ });
  await t.rejects(loadReference({ url: 'data:text/javascript,throw new Error("at import")', name: 'x' }), {
    ...refused,
    message: /at import/,
  });
});

t.test('a reference is told from an object', async (t) => {
  t.ok(isModuleReference({ url, name: 'value' }));
  t.notOk(isModuleReference({ name: 'nf4', quantize: () => undefined }));
  t.notOk(isModuleReference({ name: 'stage', url: 'x', run: () => undefined }));
  t.notOk(isModuleReference(null));
  t.notOk(isModuleReference('file:///x'));
});
