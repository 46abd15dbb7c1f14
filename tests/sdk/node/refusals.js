// Calls that are refused: which of the client's errors each becomes, what it tells, and what the client does then.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { MODEL, key, metric, says, settled, withSetting } from './support.js';

const client = new OpenAI();
const hello = { model: MODEL, messages: says('Say hello') };

/** The error of a call that must fail. */
async function refused(call, kind) {
  const error = await call.then(() => assert.fail('answered'), (error) => error);
  assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
  return error;
}

test('a wrong key is an AuthenticationError', async () => {
  const stranger = new OpenAI({ apiKey: 'tg-wrong' });
  const error = await refused(stranger.chat.completions.create(hello), OpenAI.AuthenticationError);
  assert.equal(error.code, 'invalid_api_key');
  assert.ok(error.requestID);
});

test('an unknown path is a NotFoundError that names the routes', async () => {
  const error = await refused(client.files.list(), OpenAI.NotFoundError);
  assert.equal(error.code, 'unknown_url');
  assert.match(error.message, /\/v1\/chat\/completions/);
});

test('a request without messages is a BadRequestError with the member', async () => {
  const error = await refused(client.chat.completions.create({ model: MODEL }), OpenAI.BadRequestError);
  assert.equal(error.param, 'messages');
});

test('a model the key may not name is a PermissionDeniedError', async () => {
  const narrow = new OpenAI({ apiKey: await key('node-narrow', '--models', 'sim-small') });
  const error = await refused(narrow.chat.completions.create(hello), OpenAI.PermissionDeniedError);
  assert.equal(error.code, 'model_not_allowed');
});

test('an upstream that fails is a 502', async () => {
  const once = new OpenAI({ maxRetries: 0 });
  const call = once.chat.completions.create({ model: MODEL, messages: says('@sim(status=500)') });
  const error = await refused(call, OpenAI.InternalServerError);
  assert.deepEqual([error.status, error.type], [502, 'upstream_error']);
});

test('a client that stops waiting gets its timeout and is settled', async () => {
  const call = client.chat.completions.create({ model: MODEL, messages: says('@sim(latency=5s)') }, { timeout: 200, maxRetries: 0 });
  await refused(call, OpenAI.APIConnectionTimeoutError);
  await settled();
});

test('a budget used up is refused once and not retried', async () => {
  const spender = new OpenAI({ apiKey: await key('node-spender', '--label', 'team=node-spenders') });
  const budget = '{ name: node-day, match: { team: node-spenders }, limit: "$0.01", window: 1d }';
  await withSetting('budgets', budget, async () => {
    const ask = { model: 'sim-cent', messages: says('hello') };
    const { response } = await spender.chat.completions.create(ask).withResponse();
    assert.equal(response.headers.get('x-tollgate-cost-usd'), '0.01');
    assert.equal(response.headers.get('x-tollgate-budget-remaining'), '0.00');
    const before = await metric('tollgate_decisions_total', 'verdict="deny"');
    const error = await refused(spender.chat.completions.create(ask), OpenAI.RateLimitError);
    assert.equal((await metric('tollgate_decisions_total', 'verdict="deny"')) - before, 1);
    assert.equal(error.headers.get('x-should-retry'), 'false');
    assert.equal(error.code, 'insufficient_quota');
    assert.equal(error.error.tollgate.budget, 'node-day');
    assert.equal(error.error.tollgate.remaining, '0.00');
  });
});

test('the client waits out a rate limit by itself', async () => {
  const brisk = new OpenAI({ apiKey: await key('node-brisk', '--label', 'team=node-brisk') });
  await withSetting('limits', '{ name: node-limit, match: { team: node-brisk }, rpm: 40 }', async () => {
    const before = await metric('tollgate_decisions_total', 'verdict="deny"');
    for (let call = 0; call < 41; call++) {
      await brisk.chat.completions.create({ model: 'sim-small', messages: says('hello'), max_tokens: 1 });
    }
    assert.equal((await metric('tollgate_decisions_total', 'verdict="deny"')) - before, 1);
  });
});
