import t from 'tap';
import { explainRefusal } from '../../src/hub/explain-refusal.js';
import { labelRepository } from '../../src/hub/repository-label.js';

const context = {
  label: labelRepository({ kind: 'model', name: 'org/tiny', revision: 'v9' }),
  subject: 'config.json of model "org/tiny"',
  endpoint: 'https://hub.example',
  hasToken: false,
  isEndpoint: true,
  address: 'https://hub.example/org/tiny/resolve/v9/config.json',
};

const explain = (status: number, headers: Record<string, string> = {}, changes: Partial<typeof context> = {}) =>
  explainRefusal(new Response(null, { status, headers }), { ...context, ...changes });

t.test('each refusal has its code and says what to do', async (t) => {
  const cases: readonly [ReturnType<typeof explain>, code: string, message: RegExp][] = [
    [
      explain(401, { 'x-error-code': 'RepoNotFound' }),
      'QL_HUB_REPOSITORY',
      /no model "org\/tiny" at https:\/\/hub.example, or it is private.*HF_TOKEN/,
    ],
    [explain(401), 'QL_HUB_REPOSITORY', /or it is private/],
    [explain(404, { 'x-error-code': 'RepoNotFound' }, { hasToken: true }), 'QL_HUB_REPOSITORY', /the token may not read it/],
    [
      explain(401, { 'x-error-message': 'Invalid credentials in Authorization header' }, { hasToken: true }),
      'QL_HUB_TOKEN',
      /refuses the token.*Invalid credentials.*settings\/tokens/,
    ],
    [explain(401, { 'x-error-code': 'GatedRepo' }), 'QL_HUB_GATED', /terms at https:\/\/hub.example\/org\/tiny, and set HF_TOKEN/],
    [
      explain(403, { 'x-error-code': 'GatedRepo', 'x-error-message': 'Ask its authors' }, { hasToken: true }),
      'QL_HUB_GATED',
      /gated \(Ask its authors\).*account that the token belongs to/,
    ],
    [explain(403, { 'x-error-message': 'no permission' }, { hasToken: true }), 'QL_HUB_TOKEN', /403 no permission/],
    [explain(403), 'QL_HUB_REPOSITORY', /403/],
    [explain(404, { 'x-error-code': 'RevisionNotFound' }), 'QL_HUB_REVISION', /no revision "v9".*tree\/main/],
    [explain(404, { 'x-error-code': 'EntryNotFound' }), 'QL_HUB_FILE', /config\.json/],
    [explain(404), 'QL_HUB_ANSWER', /404.*HF_ENDPOINT/],
    [explain(403, { 'content-type': 'text/html' }), 'QL_HUB_ANSWER', /proxy or firewall/],
    [explain(403, { 'x-error-code': 'GatedRepo' }, { isEndpoint: false }), 'QL_HUB_ANSWER', /403/],
  ];
  for (const [error, code, message] of cases) {
    t.match(error, { name: 'HubError', code, retryable: false });
    t.match(error.message, message);
  }
});

t.test('failures that may heal are retryable', async (t) => {
  for (const status of [408, 500, 502, 503, 504])
    t.match(explain(status), { code: 'QL_HUB_SERVER', retryable: true, retryAfterMs: undefined, message: /^config\.json of model/ });
  t.match(explain(416, { 'content-range': 'bytes */10' }), { code: 'QL_HUB_LENGTH', retryable: true, message: /bytes \*\/10/ });
  t.match(explain(429), { code: 'QL_HUB_RATE_LIMIT', retryable: true, retryAfterMs: undefined });
  t.match(explain(500, {}, { isEndpoint: false }), { code: 'QL_HUB_SERVER', retryable: true });
});

t.test('how long to wait: seconds, a date, or the rate limit header', async (t) => {
  const date = 'Wed, 21 Oct 2015 07:28:00 GMT';
  const later = 'Wed, 21 Oct 2015 07:29:30 GMT';
  t.equal(explain(429, { 'retry-after': '120' }).retryAfterMs, 120_000);
  t.equal(explain(503, { 'retry-after': '7' }).retryAfterMs, 7000);
  t.equal(explain(503, { 'retry-after': later, date }).retryAfterMs, 90_000);
  t.equal(explain(503, { 'retry-after': date, date: later }).retryAfterMs, 0, 'a moment that has passed');
  t.equal(explain(503, { 'retry-after': later }).retryAfterMs, undefined, 'a date against no date');
  t.equal(explain(429, { ratelimit: '"api";r=0;t=55' }).retryAfterMs, 56_000);
  t.equal(explain(429, { ratelimit: '"api";r=3;t=55', 'retry-after': '4' }).retryAfterMs, 4000);
  t.match(explain(429, { 'retry-after': '120' }).message, /pause of 120 s.*with HF_TOKEN/);
  t.notMatch(explain(429, {}, { hasToken: true }).message, /HF_TOKEN/);
});

t.test('foreign text is cut and cleaned', async (t) => {
  const error = explain(403, { 'x-error-message': `\u001b[31m${'x'.repeat(1000)}`.replace('\u001b', '\u00e9') });
  t.notMatch(error.message, /[^\x20-\x7e]/u);
  t.ok(error.message.length < 500);
});
