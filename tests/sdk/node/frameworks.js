// The Vercel AI SDK with its providers for both vendors, unmodified.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { anthropic } from '@ai-sdk/anthropic';
import { openai } from '@ai-sdk/openai';
import { embedMany, generateText, Output, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';

const models = {
  'chat completions': openai.chat('gpt-4o-mini'),
  responses: openai('gpt-4o-mini'),
  messages: anthropic('claude-haiku-4-5'),
};
const get_weather = tool({
  description: 'The weather of a city',
  inputSchema: z.object({ city: z.string() }),
  execute: async () => 'sunny',
});

for (const [name, model] of Object.entries(models)) {
  describe(`the AI SDK by ${name}`, () => {
    test('an answer with its usage', async () => {
      const { text, usage } = await generateText({ model, system: 'Be kind.', prompt: 'Say hello' });
      assert.ok(text && usage.inputTokens > 0 && usage.outputTokens > 0);
    });

    test('a stream adds up', async () => {
      const stream = streamText({ model, prompt: 'Say hello' });
      let whole = '';
      for await (const piece of stream.textStream) whole += piece;
      assert.equal(whole, await stream.text);
      assert.ok((await stream.usage).outputTokens > 0);
    });

    test('a tool is called and its result answered', async () => {
      const asked = { model, prompt: 'What is the weather in Ghent?', tools: { get_weather }, stopWhen: stepCountIs(3) };
      const { steps, text } = await generateText(asked);
      assert.equal(steps.length, 2);
      assert.equal(steps[0].toolCalls[0].toolName, 'get_weather');
      assert.ok(text);
      const stream = streamText(asked);
      await stream.consumeStream();
      assert.deepEqual(Object.keys((await stream.steps)[0].toolCalls[0].input), ['city']);
    });

    test('a structure comes as it was described', async () => {
      const schema = z.object({ word: z.string(), count: z.number() });
      const { output } = await generateText({ model, prompt: 'Count the words', output: Output.object({ schema }) });
      assert.equal(typeof output.count, 'number');
    });
  });
}

test('the AI SDK embeds', async () => {
  const model = openai.embedding('text-embedding-3-small');
  const { embeddings } = await embedMany({ model, values: ['one', 'two'] });
  assert.deepEqual(embeddings.map((vector) => vector.length), [1536, 1536]);
});
