// Google's own client, unmodified: contents, a stream, a function, a count, embeddings, and what refusals become.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GoogleGenAI } from '@google/genai';

const client = new GoogleGenAI({});
const model = 'gemini-2.5-flash';
const config = { maxOutputTokens: 64 };

test('contents are generated', async () => {
  const answer = await client.models.generateContent({ model, contents: 'Say hello', config });
  assert.ok(answer.text);
  assert.ok(answer.usageMetadata.promptTokenCount > 0);
});

test('a stream of contents adds up', async () => {
  const contents = '@sim(reasoning=4,out=12)';
  const stream = await client.models.generateContentStream({ model, contents, config });
  let text = '';
  let last;
  for await (const event of stream) {
    text += event.text ?? '';
    last = event;
  }
  assert.ok(text);
  assert.equal(last.candidates[0].finishReason, 'STOP');
  assert.equal(last.usageMetadata.candidatesTokenCount, 12);
  assert.equal(last.usageMetadata.thoughtsTokenCount, 4);
});

test('a function is called with its arguments', async () => {
  const parameters = { type: 'OBJECT', properties: { city: { type: 'STRING' } }, required: ['city'] };
  const tools = [{ functionDeclarations: [{ name: 'get_weather', parameters }] }];
  const answer = await client.models.generateContent({ model, contents: 'Weather?', config: { ...config, tools } });
  const [call] = answer.functionCalls;
  assert.equal(call.name, 'get_weather');
  assert.deepEqual(Object.keys(call.args), ['city']);
});

test('tokens of contents are counted, and texts embedded', async () => {
  const counted = await client.models.countTokens({ model, contents: 'Say hello' });
  assert.ok(counted.totalTokens > 0);
  const found = await client.models.embedContent({ model: 'gemini-embedding-001', contents: ['one', 'two'] });
  assert.equal(found.embeddings.length, 2);
});

test('refusals are in the words of Google', async () => {
  const ask = (contents, from = client) => from.models.generateContent({ model, contents, config });
  await assert.rejects(ask('@sim(status=429)'), (error) => error.status === 429 && error.message.includes('RESOURCE_EXHAUSTED'));
  const stranger = new GoogleGenAI({ apiKey: 'wrong' });
  await assert.rejects(ask('hi', stranger), (error) => error.status === 401 && error.message.includes('UNAUTHENTICATED'));
});
