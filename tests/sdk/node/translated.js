// The official clients against providers that speak the other vendor's language.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { says } from './support.js';

const { SDK_TEST_TRANSLATED: base, SDK_TEST_TRANSLATED_KEY: apiKey } = process.env;
const chat = new OpenAI({ baseURL: `${base}/v1`, apiKey, maxRetries: 0 });
const claude = new Anthropic({ baseURL: base, apiKey, maxRetries: 0 });
const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };

test('chat is answered by a provider of messages, and its stream adds up', async () => {
  const ask = { model: 'claude-haiku-4-5', max_tokens: 256, messages: says('Weather?') };
  const answer = await chat.chat.completions.create(ask);
  assert.ok(answer.choices[0].message.content);
  const tools = [{ type: 'function', function: { name: 'get_weather', parameters: schema } }];
  const streamed = await chat.chat.completions.stream({ ...ask, tools }).finalChatCompletion();
  const call = streamed.choices[0].message.tool_calls[0];
  assert.deepEqual(Object.keys(JSON.parse(call.function.arguments)), ['city']);
  assert.equal(streamed.choices[0].finish_reason, 'tool_calls');
});

test('messages are answered by a provider of chat, and their stream adds up', async () => {
  const ask = { model: 'gpt-4o-mini', max_tokens: 256, messages: says('Weather?') };
  const answer = await claude.messages.create(ask);
  assert.equal(answer.content[0].type, 'text');
  const tools = [{ name: 'get_weather', input_schema: schema }];
  const streamed = await claude.messages.stream({ ...ask, tools }).finalMessage();
  assert.deepEqual(Object.keys(streamed.content.at(-1).input), ['city']);
  assert.equal(streamed.stop_reason, 'tool_use');
  assert.ok(streamed.usage.output_tokens > 0);
});
