// Calls that are answered: chat, streams, tools, structured answers, responses, embeddings, moderations, images, speech, models.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { MODEL, says, settled } from './support.js';

const client = new OpenAI();
const hello = { model: MODEL, messages: says('Say hello') };
const Solution = z.object({ steps: z.array(z.string()), answer: z.number() });
const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};

test('a chat is answered with its usage', async () => {
  const answer = await client.chat.completions.create(hello);
  assert.ok(answer.choices[0].message.content);
  assert.equal(answer.choices[0].finish_reason, 'stop');
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
});

test('every choice asked for comes, with log probabilities', async () => {
  const answer = await client.chat.completions.create({ ...hello, n: 2, logprobs: true });
  assert.deepEqual(answer.choices.map((choice) => choice.index), [0, 1]);
  for (const choice of answer.choices) {
    assert.equal(choice.logprobs.content.map((token) => token.token).join(''), choice.message.content);
  }
});

test('a stream adds up to an answer and shows no usage unless asked', async () => {
  let text = '';
  for await (const chunk of await client.chat.completions.create({ ...hello, stream: true })) {
    assert.equal(chunk.choices.length, 1);
    assert.ok(!chunk.usage);
    text += chunk.choices[0].delta.content ?? '';
  }
  assert.ok(text);
});

test('the usage asked for comes last', async () => {
  const stream = client.chat.completions.stream({ ...hello, stream_options: { include_usage: true } });
  const text = [];
  stream.on('content', (delta) => text.push(delta));
  const final = await stream.finalChatCompletion();
  assert.equal(final.choices[0].message.content, text.join(''));
  assert.ok(final.usage.completion_tokens > 0);
});

test('a tool call comes in pieces that make JSON', async () => {
  const stream = await client.chat.completions.create({ ...hello, tools: [weather], stream: true });
  const pieces = [];
  for await (const chunk of stream) {
    for (const call of chunk.choices[0].delta.tool_calls ?? []) pieces.push(call);
  }
  assert.ok(pieces.length > 2);
  assert.equal(pieces[0].function.name, 'get_weather');
  assert.ok(JSON.parse(pieces.map((piece) => piece.function.arguments ?? '').join('')).city);
});

test('the helper runs a tool and carries its result back', async () => {
  const asked = [];
  const tool = { ...weather, function: { ...weather.function, parse: JSON.parse, function: ({ city }) => asked.push(city) && '9 degrees' } };
  const runner = client.chat.completions.runTools({ ...hello, tools: [tool] });
  assert.ok(await runner.finalContent());
  assert.equal(asked.length, 1);
});

test('a structured answer is parsed by its schema', async () => {
  const answer = await client.chat.completions.parse({ ...hello, response_format: zodResponseFormat(Solution, 'solution') });
  assert.equal(typeof answer.choices[0].message.parsed.answer, 'number');
});

test('a stream closed early is settled', async () => {
  const stream = await client.chat.completions.create({ model: MODEL, messages: says('@sim(out=4000,tps=100)'), stream: true });
  let seen = 0;
  for await (const chunk of stream) {
    assert.ok(chunk.choices);
    if (++seen === 5) break;
  }
  await settled();
});

test('responses: whole, in events, parsed, and incomplete at their cap', async () => {
  const ask = { model: 'gpt-4.1-mini', input: 'Say hello' };
  const whole = await client.responses.create(ask);
  assert.ok(whole.output_text);
  assert.equal(whole.status, 'completed');

  const kinds = [];
  const stream = client.responses.stream(ask);
  for await (const event of stream) kinds.push(event.type);
  assert.equal(kinds[0], 'response.created');
  assert.equal(kinds.at(-1), 'response.completed');
  assert.ok((await stream.finalResponse()).usage.output_tokens > 0);

  const parsed = await client.responses.parse({ ...ask, text: { format: zodTextFormat(Solution, 'solution') } });
  assert.equal(typeof parsed.output_parsed.answer, 'number');

  const short = await client.responses.create({ ...ask, max_output_tokens: 16 });
  assert.equal(short.incomplete_details.reason, 'max_output_tokens');
});

test('embeddings come packed by default and as floats when asked', async () => {
  const ask = { model: 'text-embedding-3-small', input: ['one', 'two'] };
  const packed = await client.embeddings.create(ask);
  const floats = await client.embeddings.create({ ...ask, encoding_format: 'float' });
  assert.equal(packed.data.length, 2);
  assert.equal(packed.data[1].embedding.length, 1536);
  packed.data[1].embedding.forEach((value, at) => assert.ok(Math.abs(value - floats.data[1].embedding[at]) < 1e-6));
});

test('moderations need no model', async () => {
  const answer = await client.moderations.create({ input: ['hello', 'violence'] });
  assert.deepEqual(answer.results.map((result) => result.flagged), [false, true]);
});

test('images are made', async () => {
  const answer = await client.images.generate({ model: 'gpt-image-1-mini', prompt: 'a crab', quality: 'low' });
  assert.ok(answer.data[0].b64_json);
  assert.equal(answer.usage.output_tokens, 272);
});

test('speech comes as bytes', async () => {
  const answer = await client.audio.speech.create({ model: 'tts-1', voice: 'coral', input: 'a crab walks sideways' });
  assert.equal(answer.headers.get('content-type'), 'audio/mpeg');
  assert.ok((await answer.arrayBuffer()).byteLength > 1000);
});

test('completions, whole and streamed', async () => {
  const ask = { model: 'gpt-3.5-turbo-instruct', prompt: 'Once upon a time', max_tokens: 12 };
  assert.equal((await client.completions.create(ask)).usage.completion_tokens, 12);
  let text = '';
  for await (const chunk of await client.completions.create({ ...ask, stream: true })) text += chunk.choices[0].text;
  assert.ok(text);
});

test('models are listed and found', async () => {
  const names = [];
  for await (const model of client.models.list()) names.push(model.id);
  assert.ok(names.includes(MODEL));
  assert.equal((await client.models.retrieve(MODEL)).id, MODEL);
});
