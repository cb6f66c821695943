import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import t, { type Test } from 'tap';
import { initialize } from '../../pipelines/initialize.js';
import { verify } from '../../pipelines/verify.js';
import { makeTinyWorkplace, renameTensors, tinyJob, wrapModel, type TinyWorkplace } from './tiny-model.js';

const FACTORS = 'adapter/adapter_model.safetensors';
const read = (place: TinyWorkplace, name: string): Promise<Buffer> => readFile(join(place.output('out'), name));

const plain = await makeTinyWorkplace(t.testdir({ plain: {} }) + '/plain');
await lastValueFrom(initialize(tinyJob(plain, 'out')));

const checkVerified = async (t: Test, place: TinyWorkplace): Promise<void> => {
  const last = await lastValueFrom(verify({ directory: place.output('out'), model: place.model, workers: 1 }));
  t.match(last, { type: 'result', result: { passed: true } });
};

t.test('the text part of a larger model is initialized like the model itself', async (t) => {
  const place = await makeTinyWorkplace(t.testdir());
  await wrapModel(place.model);
  await lastValueFrom(initialize(tinyJob(place, 'out')));
  t.ok((await read(place, FACTORS)).equals(await read(plain, FACTORS)));
  t.ok((await read(place, 'base/model.safetensors')).equals(await read(plain, 'base/model.safetensors')), 'without the other part');
  t.strictSame(
    JSON.parse((await read(place, 'base/config.json')).toString()),
    JSON.parse((await read(plain, 'base/config.json')).toString()),
  );
  const card = (await read(place, 'adapter/README.md')).toString();
  t.match(card, /fits the language model inside tiny alone/);
  t.notMatch(card, /quantization_config=quantization/);
  await checkVerified(t, place);
});

t.test('without a base of its own it has none to fit', async (t) => {
  const place = await makeTinyWorkplace(t.testdir());
  await wrapModel(place.model);
  await t.rejects(lastValueFrom(initialize(tinyJob(place, 'out', { writeBase: false }))), {
    code: 'QL_TEXT_PART',
    message: /--write-base/,
  });
});

t.test('names without their first part', async (t) => {
  const place = await makeTinyWorkplace(t.testdir());
  await renameTensors(place.model, (name) => name.replace(/^model\./, ''));
  await lastValueFrom(initialize(tinyJob(place, 'out')));
  t.ok((await read(place, FACTORS)).equals(await read(plain, FACTORS)));
  t.ok((await read(place, 'base/model.safetensors')).equals(await read(plain, 'base/model.safetensors')));
  await checkVerified(t, place);
});
