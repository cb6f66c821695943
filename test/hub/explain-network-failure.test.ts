import t from 'tap';
import { explainNetworkFailure } from '../../src/hub/explain-network-failure.js';

const withCode = (code: string): Error => Object.assign(new Error(`connect ${code}`), { code });
const explain = (cause: unknown) => explainNetworkFailure('model "org/tiny"', 'https://hub.example/api', cause);

t.test('the system code is found below what fetch throws', async (t) => {
  const cases: readonly [unknown, RegExp][] = [
    [new TypeError('fetch failed', { cause: withCode('ENOTFOUND') }), /ENOTFOUND.*the name is not known.*HF_ENDPOINT/],
    [new TypeError('fetch failed', { cause: new AggregateError([withCode('ECONNREFUSED')], 'all') }), /connection is refused/],
    [new TypeError('terminated', { cause: withCode('UND_ERR_SOCKET') }), /connection broke/],
    [new TypeError('terminated'), /terminated.*connection broke/],
    ['odd', /odd/],
  ];
  for (const [cause, message] of cases) {
    const error = explain(cause);
    t.match(error, { name: 'HubError', code: 'QL_HUB_NETWORK', retryable: true, cause });
    t.match(error.message, message);
    t.match(error.message, /model "org\/tiny": https:\/\/hub.example\/api.*HF_HUB_OFFLINE/);
  }
});

t.test('a certificate heals by no retry', async (t) => {
  const error = explain(new TypeError('fetch failed', { cause: withCode('SELF_SIGNED_CERT_IN_CHAIN') }));
  t.match(error, { code: 'QL_HUB_NETWORK', retryable: false, message: /NODE_EXTRA_CA_CERTS/ });
});
