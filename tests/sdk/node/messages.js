// Anthropic's own client, unmodified: a message, a stream, a tool, a count, and what refusals become.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { key, metric, says, withSetting } from './support.js';

const client = new Anthropic();
const model = 'claude-haiku-4-5';
const hello = { model, max_tokens: 64, messages: says('Say hello') };

test('a message is answered and paid', async () => {
  const { data, response } = await client.messages.create(hello).withResponse();
  assert.equal(data.content[0].type, 'text');
  assert.equal(data._request_id, response.headers.get('x-request-id'));
  const { input_tokens: read, output_tokens: written } = data.usage;
  // In nano-dollars, which are whole: 1,000 for a token of input, 5,000 for one of output.
  const cost = Math.round(Number(response.headers.get('x-tollgate-cost-usd')) * 1e9);
  assert.equal(cost, read * 1000 + written * 5000);
});

test('a stream of a message adds up', async () => {
  const stream = client.messages.stream({ ...hello, messages: says('@sim(reasoning=4,out=12)') });
  let text = '';
  stream.on('text', (piece) => (text += piece));
  const message = await stream.finalMessage();
  assert.deepEqual(message.content.map((block) => block.type), ['thinking', 'text']);
  assert.equal(message.content[1].text, text);
  assert.equal(message.usage.output_tokens, 16);
});

test('a tool is called with arguments that are put together', async () => {
  const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
  const tools = [{ name: 'get_weather', input_schema: schema }];
  const message = await client.messages.stream({ ...hello, max_tokens: 256, tools }).finalMessage();
  const call = message.content.at(-1);
  assert.equal(call.type, 'tool_use');
  assert.deepEqual(Object.keys(call.input), ['city']);
});

test('tokens are counted', async () => {
  const { input_tokens: counted } = await client.messages.countTokens({ model, messages: hello.messages });
  const { usage } = await client.messages.create(hello);
  assert.equal(counted, usage.input_tokens);
});

test('a wrong key is an AuthenticationError of messages', async () => {
  const stranger = new Anthropic({ apiKey: 'tg-wrong' });
  const error = await stranger.messages.create(hello).catch((error) => error);
  assert.ok(error instanceof Anthropic.AuthenticationError, String(error));
  assert.equal(error.error.error.details.error_code, 'invalid_api_key');
  assert.ok(error.requestID);
});

test('a budget used up is a RateLimitError of messages and not retried', async () => {
  const spender = new Anthropic({ apiKey: await key('node-claude', '--label', 'team=node-claude') });
  const budget = '{ name: node-claude, match: { team: node-claude }, limit: "$0.01", window: 1d }';
  await withSetting('budgets', budget, async () => {
    const ask = { ...hello, model: 'sim-cent' };
    await spender.messages.create(ask);
    const before = await metric('tollgate_decisions_total', 'verdict="deny"');
    const error = await spender.messages.create(ask).catch((error) => error);
    assert.ok(error instanceof Anthropic.RateLimitError, String(error));
    assert.equal((await metric('tollgate_decisions_total', 'verdict="deny"')) - before, 1);
    assert.equal(error.error.error.type, 'rate_limit_error');
    assert.equal(error.error.error.tollgate.budget, 'node-claude');
  });
});
