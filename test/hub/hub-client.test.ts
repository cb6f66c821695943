import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { createHubClient, type HubAnswer, type HubClient } from '../../src/hub/hub-client.js';
import { DEFAULT_PATIENCE } from '../../src/hub/insist.js';
import { labelRepository } from '../../src/hub/repository-label.js';
import { faultsInOrder, type Fault } from './fault-plan.js';
import { hastyPatience, serveTiny } from './tiny-repository.js';

const label = labelRepository({ kind: 'model', name: 'org/tiny' });

const connect = (endpoint: string, token?: string, changes = {}): HubClient => {
  const { patience } = hastyPatience(changes);
  return createHubClient(label, { endpoint, cacheDirectory: '/nowhere', token, offline: false }, { ...DEFAULT_PATIENCE, ...patience });
};

const listen = async (t: Test, server: Server): Promise<string> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const drain = async (answer: HubAnswer): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.chunks()) chunks.push(chunk);
  return Buffer.concat(chunks);
};

t.test('the token goes to the endpoint only, through redirects', async (t) => {
  const { server } = await serveTiny(t, { accounts: ['hf_secret'] });
  const client = connect(server.endpoint, 'hf_secret');
  t.equal(client.isFirstContact(), true);
  for (const path of ['config.json', 'model.safetensors']) {
    const address = `${server.endpoint}/org/tiny/resolve/main/${path}`;
    const found = await client.get({ address }, async (answer) => ({ ...answer, length: (await drain(answer)).length }));
    t.match(found, { status: 200, isHubs: true, linkedEtag: /^[0-9a-f]{40,64}$/, address: /^[^?]+$/ });
  }
  t.equal(client.isFirstContact(), false);
  t.same(
    server.requests.map(({ at, authorization }) => [at, authorization]),
    [
      ['resolve', 'Bearer hf_secret'],
      ['resolve', 'Bearer hf_secret'],
      ['resolve', 'Bearer hf_secret'],
      ['storage', undefined],
    ],
  );
});

t.test('redirects that lead nowhere', async (t) => {
  const targets: Record<string, string> = { '/loop': '/loop', '/file': 'file:///etc/passwd', '/none': '' };
  const endpoint = await listen(
    t,
    createServer((request, response) => response.writeHead(302, { location: targets[request.url ?? ''] ?? '' }).end()),
  );
  const client = connect(endpoint);
  await t.rejects(client.get({ address: `${endpoint}/loop` }, drain), { code: 'QL_HUB_ANSWER', message: /more than 10 times/ });
  await t.rejects(client.get({ address: `${endpoint}/file` }, drain), { code: 'QL_HUB_ANSWER', message: /no address/ });
});

t.test('a token that no header takes is refused without being shown', async (t) => {
  for (const token of ['hf_a\nb', 'hf_é', 'hf a']) {
    t.throws(() => connect('http://127.0.0.1', token), { code: 'QL_HUB_TOKEN', message: /^(?!.*hf_?\s?[aé])/ });
  }
});

t.test('no server: told as such, and soon', async (t) => {
  const { patience, waits } = hastyPatience();
  const gone = createServer();
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(gone.address() as AddressInfo).port}`;
  await new Promise((resolve) => gone.close(resolve));
  const client = createHubClient(
    label,
    { endpoint: address, cacheDirectory: '', token: undefined, offline: false },
    { ...DEFAULT_PATIENCE, ...patience },
  );
  await t.rejects(client.getJson(`${address}/api`, undefined), {
    code: 'QL_HUB_NETWORK',
    retryable: true,
    message: /ECONNREFUSED.*refused.*3 tries/,
  });
  t.equal(waits.length, DEFAULT_PATIENCE.firstContactTries - 1);
});

t.test('a connection that breaks or stays silent is a network failure', async (t) => {
  for (const fault of [
    { kind: 'drop', afterBytes: 1000 },
    { kind: 'stall', afterBytes: 1000 },
    { kind: 'stall', afterBytes: 0 },
  ] satisfies Fault[]) {
    const { server } = await serveTiny(t, { faults: faultsInOrder('storage', [fault]) });
    const client = connect(server.endpoint, undefined, { silenceMs: fault.kind === 'stall' ? 300 : 60_000 });
    const address = `${server.endpoint}/org/tiny/resolve/main/model.safetensors`;
    const message = fault.kind === 'stall' ? /has sent nothing for 0.3 s/ : /connection broke/;
    await t.rejects(client.get({ address }, drain), { code: 'QL_HUB_NETWORK', retryable: true, message });
    t.equal((await connect(server.endpoint).get({ address }, drain)).length, 200_000, 'the next one is not affected');
  }
});

t.test('a slow consumer is no silence', async (t) => {
  const { server } = await serveTiny(t);
  await connect(server.endpoint).get({ address: `${server.endpoint}/org/tiny/resolve/main/config.json` }, drain);
  const client = connect(server.endpoint, undefined, { silenceMs: 200 });
  const address = `${server.endpoint}/org/tiny/resolve/main/model.safetensors`;
  const length = await client.get({ address }, async (answer) => {
    let bytes = 0;
    for await (const chunk of answer.chunks()) {
      if (bytes === 0) await new Promise((resolve) => setTimeout(resolve, 250));
      bytes += chunk.length;
    }
    return bytes;
  });
  t.equal(length, 200_000);
});

t.test('the signal ends a request with its own reason', async (t) => {
  const { server } = await serveTiny(t, { faults: () => ({ kind: 'stall', afterBytes: 10 }) });
  const client = connect(server.endpoint, undefined, { silenceMs: 60_000 });
  const controller = new AbortController();
  const reason = new Error('enough');
  const address = `${server.endpoint}/org/tiny/resolve/main/model.safetensors`;
  const reading = client.get({ address, signal: controller.signal }, async (answer) => {
    for await (const chunk of answer.chunks()) if (chunk.length > 0) controller.abort(reason);
  });
  await t.rejects(reading, reason);
  await t.rejects(client.get({ address, signal: controller.signal }, drain), reason);
});

t.test('JSON: retried, and told from pages', async (t) => {
  const faults: Fault[] = [
    { kind: 'status', status: 500 },
    { kind: 'drop', afterBytes: 10 },
    { kind: 'status', status: 429, headers: { 'retry-after': '3' } },
  ];
  const { server } = await serveTiny(t, { faults: faultsInOrder('api', [...faults, undefined, { kind: 'web-page' }]) });
  const { patience, waits } = hastyPatience();
  const settings = { endpoint: server.endpoint, cacheDirectory: '', token: undefined, offline: false };
  const client = createHubClient(label, settings, { ...DEFAULT_PATIENCE, ...patience });
  const address = `${server.endpoint}/api/models/org/tiny/revision/main`;
  const { text } = await client.getJson(address, undefined);
  t.match(JSON.parse(text), { id: 'org/tiny' });
  t.equal(waits.length, 3);
  t.equal(waits[2], 3000);
  await t.rejects(client.getJson(address, undefined), { code: 'QL_HUB_ANSWER', retryable: false, message: /text\/html.*login page/ });
});
