// The openai package: models, Chat Completions, Completions and the small endpoints.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import {
  check, failure, key, own, ownCheck, pixel, provider, person, run, sim, url, weather,
} from './harness.mjs';

const client = new OpenAI({ apiKey: key, baseURL: `${url}/v1`, maxRetries: 0 });
const user = (content) => [{ role: 'user', content }];
const tools = [
  { type: 'function', function: { name: 'get_weather', parameters: weather, strict: true } },
  { type: 'function', function: { name: 'get_time', parameters: { type: 'object', properties: {} } } },
];

ownCheck('models', async () => {
  const ids = [];
  for await (const m of client.models.list()) ids.push(m.id);
  assert.ok(ids.includes('sim-1') && ids.includes('sim-fast'));
  assert.equal((await client.models.retrieve(sim('sim-1'))).object, 'model');
});

check('whole', async () => {
  const r = await client.chat.completions.create({ model: sim('sim-1'), messages: user('Grüße') });
  assert.match(r.choices[0].message.content, /Grüße/);
  assert.equal(r.choices[0].finish_reason, 'stop');
  assert.equal(r.usage.total_tokens, r.usage.prompt_tokens + r.usage.completion_tokens);
});

check('streamed', async () => {
  const whole = await client.chat.completions.create({ model: sim('sim-1'), messages: user('hello') });
  const stream = await client.chat.completions.create({
    model: sim('sim-1'), messages: user('hello'), stream: true, stream_options: { include_usage: true },
  });
  let text = '', usage = null, n = 0;
  for await (const chunk of stream) {
    n++;
    text += chunk.choices[0]?.delta?.content ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.deepEqual(usage, whole.usage);
  assert.ok(n > 5);
});

check('stream helper', async () => {
  const stream = client.chat.completions.stream({ model: sim('sim-1'), messages: user('hello') });
  const final = await stream.finalChatCompletion();
  assert.match(final.choices[0].message.content, /hello/);
});

async function roundTrip(question, names) {
  const messages = user(question);
  const first = await client.chat.completions.create({ model: sim('sim-1'), messages, tools });
  const calls = first.choices[0].message.tool_calls;
  assert.equal(first.choices[0].finish_reason, 'tool_calls');
  assert.deepEqual(calls.map((c) => c.function.name), names);
  messages.push(first.choices[0].message);
  for (const c of calls) {
    JSON.parse(c.function.arguments);
    messages.push({ role: 'tool', tool_call_id: c.id, content: `result of ${c.function.name}` });
  }
  const second = await client.chat.completions.create({ model: sim('sim-1'), messages, tools });
  for (const name of names)
    assert.match(second.choices[0].message.content, new RegExp(`result of ${name}`));
}

check('one tool', () => roundTrip('What is the weather in Paris?', ['get_weather']));
check('parallel tools', () => roundTrip('Weather and time in Paris?', ['get_weather', 'get_time']));

check('streamed tools', async () => {
  const stream = client.chat.completions.stream({
    model: sim('sim-1'), messages: user('Weather and time in Paris for 3 days?'), tools,
  });
  const { message } = (await stream.finalChatCompletion()).choices[0];
  assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), { city: 'Paris', days: 3 });
  assert.equal(message.tool_calls.length, 2);
});

check('tool runner', async () => {
  const seen = [];
  const runner = client.chat.completions.runTools({
    model: sim('sim-1'), messages: user('weather in Rome, please'), stream: true,
    tools: [{
      type: 'function',
      function: {
        name: 'get_weather', parameters: weather, parse: JSON.parse,
        function: (a) => { seen.push(a.city); return 'sunny'; },
      },
    }],
  });
  assert.match(await runner.finalContent(), /sunny/);
  assert.deepEqual(seen, ['Rome']);
});

check('forced tool', async () => {
  const r = await client.chat.completions.create({
    model: sim('sim-1'), messages: user('hi'), tools,
    tool_choice: { type: 'function', function: { name: 'get_time' } },
  });
  assert.equal(r.choices[0].message.tool_calls[0].function.name, 'get_time');
});

check('reasoning', async () => {
  const r = await client.chat.completions.create({
    model: sim('sim-1'), messages: user('hi'), reasoning_effort: 'low',
  });
  assert.ok(r.choices[0].message.reasoning_content);
  assert.ok(r.usage.completion_tokens_details.reasoning_tokens > 0);
});

check('structured output', async () => {
  const r = await client.chat.completions.parse({
    model: sim('sim-1'), messages: user('The poet is Ada, she is 36'),
    response_format: { type: 'json_schema', json_schema: { name: 'p', schema: person, strict: true } },
  });
  assert.deepEqual(r.choices[0].message.parsed, { name: 'Ada', age: 36, kind: 'poet', tags: ['Ada'] });
});

check('image', async () => {
  const r = await client.chat.completions.create({
    model: sim('sim-1'),
    messages: user([
      { type: 'image_url', image_url: { url: `data:image/png;base64,${pixel}` } },
      { type: 'text', text: 'What colour?' },
    ]),
  });
  assert.match(r.choices[0].message.content, /What colour/);
});

check('choices, limits and stop', async () => {
  const two = client.chat.completions.create({ model: sim('sim-1'), messages: user('x'), n: 2 });
  if (['anthropic', 'responses'].includes(provider))
    assert.match((await failure(() => two)).message, /\bn\b/);
  else
    assert.equal((await two).choices.length, 2);
  const short = await client.chat.completions.create({
    model: sim('sim-1'), messages: user('x'), max_completion_tokens: 2,
  });
  assert.equal(short.choices[0].finish_reason, 'length');
  if (provider === 'responses') return;   // it has no stop sequences
  const stopped = await client.chat.completions.create({
    model: sim('sim-1'), messages: user('x'), stop: ' I am',
  });
  assert.equal(stopped.choices[0].message.content, 'You said: "x".');
});

ownCheck('wrong key', async () => {
  const other = new OpenAI({ apiKey: 'wrong', baseURL: `${url}/v1`, maxRetries: 0 });
  const e = await failure(() => other.chat.completions.create({ model: sim('sim-1'), messages: user('x') }));
  assert.ok(e instanceof OpenAI.AuthenticationError, e.stack);
});

ownCheck('unknown model', async () => {
  const e = await failure(() => client.chat.completions.create({ model: 'sim-9', messages: user('x') }));
  assert.ok(e instanceof OpenAI.BadRequestError, e.stack);
  assert.equal(e.code, 'model_not_found');
});

check('bad request', async () => {
  const e = await failure(() => client.chat.completions.create({ model: sim('sim-1'), messages: [] }));
  assert.ok(e instanceof OpenAI.BadRequestError, e.stack);
  if (own) assert.equal(e.param, 'messages');
});

check('rate limit', async () => {
  const create = (stream) => client.chat.completions.create({
    model: sim('sim-1'), messages: user('[[sim: error=429]]'), stream,
  });
  for (const stream of [false, true]) {
    const e = await failure(() => create(stream));
    assert.ok(e instanceof OpenAI.RateLimitError, e.stack);
    assert.equal(e.headers.get('retry-after'), '1');
  }
});

check('retries', async () => {
  const patient = new OpenAI({ apiKey: key, baseURL: `${url}/v1`, maxRetries: 1 });
  const start = Date.now();
  const e = await failure(() => patient.chat.completions.create({
    model: sim('sim-1'), messages: user('[[sim: error=503]]'),
  }));
  assert.equal(e.status, 503);
  assert.ok(Date.now() - start > 900, 'waited as Retry-After says');
});

check('error in mid-stream', async () => {
  for (const how of ['stream-error', 'cut']) {
    const stream = await client.chat.completions.create({
      model: sim('sim-1'), messages: user(`[[sim: ${how} words=40]]`), stream: true,
    });
    let text = '';
    const e = await failure(async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? '';
    });
    assert.ok(e instanceof OpenAI.APIError, `${how}: ${e.stack}`);
    assert.ok(text.length > 0);
  }
});

check('abort', async () => {
  const stream = await client.chat.completions.create({
    model: sim('sim-slow'), messages: user('[[sim: words=2000]]'), stream: true,
  });
  let n = 0;
  for await (const chunk of stream) {
    void chunk;
    if (++n === 3) stream.controller.abort();
  }
  assert.ok(n < 200);
});

check('completions', async () => {
  const r = await client.completions.create({ model: sim('sim-1'), prompt: 'Once' });
  assert.match(r.choices[0].text, /Once/);
  const stream = await client.completions.create({ model: sim('sim-1'), prompt: 'Once', stream: true });
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0].text;
  assert.equal(text, r.choices[0].text);
});

ownCheck('embeddings', async () => {
  const r = await client.embeddings.create({ model: sim('sim-1'), input: ['a cat', 'a dog'], dimensions: 64 });
  assert.equal(r.data.length, 2);
  assert.equal(r.data[0].embedding.length, 64);
  const plain = await client.embeddings.create({
    model: sim('sim-1'), input: 'a cat', dimensions: 64, encoding_format: 'float',
  });
  r.data[0].embedding.forEach((v, i) => assert.ok(Math.abs(v - plain.data[0].embedding[i]) < 1e-6));
});

ownCheck('moderations and images', async () => {
  const m = await client.moderations.create({ model: sim('sim-1'), input: 'I hate mondays' });
  assert.equal(m.results[0].flagged, true);
  const i = await client.images.generate({ model: sim('sim-1'), prompt: 'a pixel' });
  assert.ok(i.data[0].b64_json.startsWith('iVBOR'));
  const types = [];
  const stream = await client.images.generate({ model: sim('sim-1'), prompt: 'a pixel', stream: true });
  for await (const e of stream) types.push(e.type);
  assert.deepEqual(types, ['image_generation.completed']);
});

await run();
