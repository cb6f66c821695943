import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { HubError, readHubSettings } from '../../src/hub/index.js';

t.test('with nothing set, the cache is in the home directory', async (t) => {
  const home = t.testdir({});
  t.same(readHubSettings({ HOME: home }), {
    endpoint: 'https://huggingface.co',
    cacheDirectory: join(home, '.cache/huggingface/hub'),
    token: undefined,
    offline: false,
  });
});

t.test('the cache: the most particular variable wins', async (t) => {
  const base = { HOME: '/home/me', XDG_CACHE_HOME: '/xdg' };
  const cache = (more: NodeJS.ProcessEnv): string => readHubSettings({ ...base, ...more }).cacheDirectory;
  t.equal(cache({}), '/xdg/huggingface/hub');
  t.equal(cache({ HF_HOME: '/hf' }), '/hf/hub');
  t.equal(cache({ HF_HOME: '/hf', HUGGINGFACE_HUB_CACHE: '/old' }), '/old');
  t.equal(cache({ HF_HOME: '/hf', HUGGINGFACE_HUB_CACHE: '/old', HF_HUB_CACHE: '/new' }), '/new');
  t.equal(cache({ HF_HOME: '~/models' }), '/home/me/models/hub');
  t.equal(cache({ HF_HUB_CACHE: '$DISK/${WHO}/hub', DISK: '/big', WHO: 'me' }), '/big/me/hub');
  t.equal(cache({ HF_HUB_CACHE: '/a/$UNKNOWN' }), '/a/$UNKNOWN', 'what is not set stays, as in Python');
  t.equal(cache({ HF_HOME: '' }), '/xdg/huggingface/hub', 'set to nothing is not set');
  t.equal(cache({ HF_HUB_CACHE: 'here' }), join(process.cwd(), 'here'), 'a relative path is of the working directory');
});

t.test('the endpoint', async (t) => {
  const endpoint = (HF_ENDPOINT: string): string => readHubSettings({ HOME: '/nowhere', HF_ENDPOINT }).endpoint;
  t.equal(endpoint('http://127.0.0.1:8080//'), 'http://127.0.0.1:8080');
  t.equal(endpoint('https://mirror.example/hub/'), 'https://mirror.example/hub');
  for (const wrong of ['huggingface.co', 'ftp://huggingface.co', 'https://me:secret@huggingface.co']) {
    t.throws(() => endpoint(wrong), { name: 'HubError', code: 'QL_HUB_SETTING', retryable: false, message: /HF_ENDPOINT/ }, wrong);
  }
  t.throws(() => endpoint('https://me:secret@huggingface.co'), { message: /^(?!.*secret)/ }, 'a password is not repeated');
});

t.test('the token', async (t) => {
  const home = t.testdir({ token: 'hf_file\n', other: 'hf_other', empty: '\n' });
  const token = (more: NodeJS.ProcessEnv): string | undefined => readHubSettings({ HOME: '/nowhere', HF_HOME: home, ...more }).token;
  t.equal(token({}), 'hf_file', 'without its line end');
  t.equal(token({ HF_TOKEN_PATH: join(home, 'other') }), 'hf_other');
  t.equal(token({ HF_TOKEN: ' hf_variable\n' }), 'hf_variable');
  t.equal(token({ HUGGING_FACE_HUB_TOKEN: 'hf_old' }), 'hf_old');
  t.equal(token({ HF_TOKEN: '', HUGGING_FACE_HUB_TOKEN: 'hf_old' }), 'hf_old');
  t.equal(token({ HF_TOKEN_PATH: join(home, 'missing') }), undefined);
  t.equal(token({ HF_TOKEN_PATH: join(home, 'empty') }), undefined);
  t.equal(token({ HF_HUB_DISABLE_IMPLICIT_TOKEN: '1', HF_TOKEN: 'hf_variable' }), undefined);
  t.throws(() => token({ HF_TOKEN_PATH: home }), { code: 'QL_HUB_SETTING', message: /token file/ }, 'a directory is no token');
});

t.test('a token file that may not be read is told', { skip: process.getuid?.() === 0 && 'root reads everything' }, async (t) => {
  const home = t.testdir({ token: 'hf_file' });
  await chmod(join(home, 'token'), 0);
  t.throws(() => readHubSettings({ HF_HOME: home }), HubError);
});

t.test('offline, as Python reads it', async (t) => {
  const offline = (more: NodeJS.ProcessEnv): boolean => readHubSettings({ HOME: '/nowhere', ...more }).offline;
  for (const yes of ['1', 'true', 'TRUE', 'Yes', 'on']) t.equal(offline({ HF_HUB_OFFLINE: yes }), true, yes);
  for (const no of ['0', 'false', 'no', '', '2']) t.equal(offline({ HF_HUB_OFFLINE: no }), false, no);
  t.equal(offline({ TRANSFORMERS_OFFLINE: '1' }), true);
  t.equal(offline({ TRANSFORMERS_OFFLINE: '1', HF_HUB_OFFLINE: '0' }), false);
});
