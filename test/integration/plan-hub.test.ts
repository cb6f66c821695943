import { lastValueFrom } from 'rxjs';
import t from 'tap';
import { plan } from '../../pipelines/plan.js';
import type { PlanJob } from '../../src/stages/index.js';
import { makeHubPlace } from './hub-place.js';
import { tinyJob } from './tiny-model.js';

const place = await makeHubPlace(t);

t.test('a model of the Hub is planned from its headers, as its directory is, and no shard is fetched', async (t) => {
  const local: PlanJob = tinyJob(place, 'local');
  const result = async (job: PlanJob) => {
    const last = await lastValueFrom(plan(job));
    if (last.type !== 'result') throw new Error(`a plan ended with ${last.type}`);
    return last.result;
  };
  const [here, there] = [await result(local), await result({ ...local, model: place.id, hub: place.hub('cache') })];
  t.same(place.shardsInCache('cache'), []);
  t.same(there.stages, here.stages);
  t.equal(there.model, place.id);
});
