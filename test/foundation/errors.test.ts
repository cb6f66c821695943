import t from 'tap';
import { QuailoraError, ShapeMismatchError } from '../../src/foundation/index.js';

t.test('an error carries its code, its class and its cause', async (t) => {
  const cause = new Error('underneath');
  class OwnError extends QuailoraError {}
  t.match(new OwnError('QL_OWN', 'said', { cause, retryable: true }), {
    name: 'OwnError',
    code: 'QL_OWN',
    message: 'said',
    retryable: true,
    cause,
  });
  const plain = new QuailoraError('QL_PLAIN', 'said');
  t.equal(plain.retryable, false);
  t.notOk('cause' in plain);
});

t.test('a shape mismatch has a code of its own', async (t) => {
  t.match(new ShapeMismatchError('[1] and [2]'), { name: 'ShapeMismatchError', code: 'QL_SHAPE', retryable: false });
});

t.test('a message is shortened in its middle, and still says what to do', async (t) => {
  const { message } = new QuailoraError('QL_TEST', `begin ${'x'.repeat(1_000_000)} fetch it again.`);
  t.ok(message.length < 8_100, `${message.length} characters`);
  t.match(message, /^begin x+ \[… 992022 characters …\] x+ fetch it again\.$/u);
});
