// What the tests need besides the client: the gateway's admin port, its settings file, its `key` command.
// The client under test is always the official one, made as an application makes it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';

const { SDK_TEST_ADMIN: admin, SDK_TEST_STATE: state, SDK_TEST_BINARY: binary } = process.env;
const file = `${state}/up.yaml`;

export const MODEL = 'gpt-4o-mini';
export const says = (text) => [{ role: 'user', content: text }];

/** Waits until `probe` is true. */
export async function eventually(probe, what) {
  const end = Date.now() + 10_000;
  while (!(await probe())) {
    assert.ok(Date.now() < end, `not within 10 s: ${what}`);
    await sleep(20);
  }
}

export const status = async () => (await fetch(`${admin}/status`)).json();

/** The sum of the series of this name that have all of these labels. */
export async function metric(name, ...labels) {
  const text = await (await fetch(`${admin}/metrics`)).text();
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => labels.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** Nothing is in flight and nothing reserved any more. */
export const settled = () =>
  eventually(async () => {
    const { budgets } = await status();
    const inFlight = await metric('tollgate_requests_in_flight');
    return inFlight === 0 && budgets.every((budget) => budget.reserved === '0.00');
  }, 'every reservation settled');

/** Makes a key, as `tollgate key new` does, and waits until the running gateway knows it. */
export async function key(name, ...options) {
  const made = execFileSync(binary, ['key', 'new', name, '--state-dir', state, '--json', ...options]);
  const { secret } = JSON.parse(made);
  const client = new OpenAI({ apiKey: secret });
  await eventually(() => client.models.list().then(() => true, () => false), `key ${name} known`);
  return secret;
}

/** Runs `body` under a settings file with one more entry in a list, and restores it. */
export async function withSetting(section, line, body) {
  const before = readFileSync(file, 'utf8');
  await edit(before.replace(`\n${section}:\n`, `\n${section}:\n  - ${line}\n`));
  try {
    await body();
  } finally {
    await edit(before);
  }
}

async function edit(text) {
  const { revision } = (await status()).config;
  writeFileSync(file, text);
  await eventually(async () => (await status()).config.revision !== revision, 'the edit took effect');
}
