// The @anthropic-ai/sdk package.
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import {
  check, failure, key, own, ownCheck, pixel, provider, person, run, sim, url, weather,
} from './harness.mjs';

const client = new Anthropic({ apiKey: key, baseURL: url, maxRetries: 0 });
// Chat answers sign nothing, Gemini signs what comes after its thoughts.
const signs = !['chat', 'gemini'].includes(provider);
const user = (content) => [{ role: 'user', content }];
const base = { model: sim('sim-1'), max_tokens: 4000 };
const tools = [
  { name: 'get_weather', description: 'Weather of a city', input_schema: weather },
  { name: 'get_time', input_schema: { type: 'object', properties: {} } },
];

ownCheck('models', async () => {
  const ids = [];
  for await (const m of client.models.list()) ids.push(m.id);
  assert.ok(ids.includes('sim-1'));
  assert.equal((await client.models.retrieve(sim('sim-1'))).type, 'model');
});

check('whole', async () => {
  const r = await client.messages.create({ ...base, messages: user('hello') });
  assert.match(r.content[0].text, /hello/);
  assert.equal(r.stop_reason, 'end_turn');
  assert.ok(r.usage.input_tokens > 0 && r.usage.output_tokens > 0);
});

ownCheck('bearer token', async () => {
  const other = new Anthropic({ authToken: key, apiKey: null, baseURL: url, maxRetries: 0 });
  assert.ok(await other.messages.create({ ...base, messages: user('hello') }));
});

check('streamed', async () => {
  const whole = await client.messages.create({ ...base, messages: user('hello') });
  const stream = client.messages.stream({ ...base, messages: user('hello') });
  let text = '';
  stream.on('text', (t) => { text += t; });
  const final = await stream.finalMessage();
  assert.equal(text, whole.content[0].text);
  assert.equal(final.content[0].text, whole.content[0].text);
  assert.equal(final.usage.output_tokens, whole.usage.output_tokens);
  assert.equal(final.usage.input_tokens, whole.usage.input_tokens);
});

async function roundTrip(question, names, stream) {
  const messages = user(question);
  const ask = async () => stream
    ? client.messages.stream({ ...base, messages, tools }).finalMessage()
    : client.messages.create({ ...base, messages, tools });
  const first = await ask();
  const calls = first.content.filter((b) => b.type === 'tool_use');
  assert.equal(first.stop_reason, 'tool_use');
  assert.deepEqual(calls.map((c) => c.name), names);
  messages.push({ role: 'assistant', content: first.content });
  messages.push({
    role: 'user',
    content: calls.map((c) => ({ type: 'tool_result', tool_use_id: c.id, content: `result of ${c.name}` })),
  });
  const second = await ask();
  for (const name of names) assert.match(second.content[0].text, new RegExp(`result of ${name}`));
  return calls;
}

check('one tool', async () => {
  const [call] = await roundTrip('weather in Paris for 3 days?', ['get_weather'], false);
  assert.deepEqual(call.input, { city: 'Paris', days: 3 });
});
check('parallel tools', () => roundTrip('weather and time?', ['get_weather', 'get_time'], false));
check('streamed tools', async () => {
  const [call] = await roundTrip('weather and time in Paris', ['get_weather', 'get_time'], true);
  assert.equal(call.input.city, 'Paris');
});

check('tool runner', async () => {
  const seen = [];
  const runner = client.beta.messages.toolRunner({
    ...base, messages: user('weather in Rome, please'),
    tools: [{
      name: 'get_weather', input_schema: weather, parse: (x) => x,
      run: (a) => { seen.push(a.city); return 'sunny'; },
    }],
  });
  const final = await runner.runUntilDone();
  assert.match(final.content[0].text, /sunny/);
  assert.deepEqual(seen, ['Rome']);
});

check('thinking', async () => {
  const ask = (messages) => client.messages.create({
    ...base, messages, thinking: { type: 'enabled', budget_tokens: 2000 },
  });
  const messages = user('hi');
  const first = await ask(messages);
  assert.equal(first.content[0].type, 'thinking');
  assert.ok(first.content[0].thinking);
  if (signs) assert.ok(first.content[0].signature);
  messages.push({ role: 'assistant', content: first.content }, ...user('more'));
  assert.match((await ask(messages)).content.at(-1).text, /more/);
  if (!own) return;   // a foreign one is left out
  first.content[0].signature = 'Zm9yZWlnbg==';
  assert.ok((await failure(() => ask(messages))) instanceof Anthropic.BadRequestError);
});

check('streamed thinking', async () => {
  const stream = client.messages.stream({
    ...base, messages: user('hi'), thinking: { type: 'enabled', budget_tokens: 2000 },
  });
  const final = await stream.finalMessage();
  assert.ok(final.content[0].thinking);
  if (signs) assert.ok(final.content[0].signature);
});

check('structured output', async () => {
  const r = await client.messages.create({
    ...base, messages: user('The poet is Ada, she is 36'),
    output_config: { format: { type: 'json_schema', schema: person } },
  });
  assert.deepEqual(JSON.parse(r.content[0].text),
                   { name: 'Ada', age: 36, kind: 'poet', tags: ['Ada'] });
});

check('image', async () => {
  const r = await client.messages.create({
    ...base,
    messages: user([
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: pixel } },
      { type: 'text', text: 'What colour?' },
    ]),
  });
  assert.match(r.content[0].text, /What colour/);
});

check('limits and stop', async () => {
  const short = await client.messages.create({ ...base, max_tokens: 2, messages: user('x') });
  assert.equal(short.stop_reason, 'max_tokens');
  if (provider === 'responses') return;   // it has no stop sequences
  const r = await client.messages.create({
    ...base, model: sim('sim-fast'), messages: user('x'), stop_sequences: [' I am'],
  });
  assert.equal(r.content[0].text, 'You said: "x".');
  if (!own) return;   // the others do not say what stopped them
  assert.equal(r.stop_reason, 'stop_sequence');
  assert.equal(r.stop_sequence, ' I am');
});

check('count tokens', async () => {
  const request = { model: sim('sim-1'), messages: user('count me'), system: 'Be brief.' };
  const n = (await client.messages.countTokens(request)).input_tokens;
  const r = await client.messages.create({ ...request, max_tokens: 100 });
  assert.ok(n > 0);
  if (own) assert.equal(n, r.usage.input_tokens);
});

ownCheck('wrong key', async () => {
  const other = new Anthropic({ apiKey: 'wrong', baseURL: url, maxRetries: 0 });
  const e = await failure(() => other.messages.create({ ...base, messages: user('x') }));
  assert.ok(e instanceof Anthropic.AuthenticationError, e.stack);
});

ownCheck('unknown model', async () => {
  const e = await failure(() => client.messages.create({ ...base, model: 'sim-9', messages: user('x') }));
  assert.ok(e instanceof Anthropic.NotFoundError, e.stack);
  assert.equal(e.error.error.type, 'not_found_error');
});

check('bad request', async () => {
  if (provider === 'responses') return;   // it takes nothing below 16, so it is raised
  const e = await failure(() => client.messages.create({ ...base, max_tokens: 0, messages: user('x') }));
  assert.ok(e instanceof Anthropic.BadRequestError, e.stack);
  assert.match(e.message, own ? /max_tokens/ : /max.*tokens/i);
});

check('rate limit', async () => {
  for (const stream of [false, true]) {
    const e = await failure(() => client.messages.create({
      ...base, messages: user('[[sim: error=429]]'), stream,
    }));
    assert.ok(e instanceof Anthropic.RateLimitError, e.stack);
    assert.equal(e.error.error.type, 'rate_limit_error');
  }
});

check('error in mid-stream', async () => {
  for (const how of ['stream-error', 'cut']) {
    const stream = client.messages.stream({ ...base, messages: user(`[[sim: ${how} words=40]]`) });
    const e = await failure(() => stream.finalMessage());
    assert.ok(e instanceof Anthropic.APIError, `${how}: ${e.stack}`);
  }
});

check('abort', async () => {
  const stream = client.messages.stream({
    ...base, model: sim('sim-slow'), messages: user('[[sim: words=2000]]'),
  });
  let n = 0;
  stream.on('text', () => { if (++n === 3) stream.abort(); });
  const e = await failure(() => stream.finalMessage());
  assert.ok(e instanceof Anthropic.APIUserAbortError, e.stack);
});

await run();
