// The openai package: the Responses API.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import {
  check, failure, key, own, ownCheck, pixel, provider, person, run, sim, url, weather,
} from './harness.mjs';

const client = new OpenAI({ apiKey: key, baseURL: `${url}/v1`, maxRetries: 0 });
const tools = [
  { type: 'function', name: 'get_weather', parameters: weather, strict: true },
  { type: 'function', name: 'get_time', parameters: { type: 'object', properties: {} }, strict: false },
];

check('whole', async () => {
  const r = await client.responses.create({ model: sim('sim-1'), input: 'hello' });
  assert.equal(r.status, 'completed');
  assert.match(r.output_text, /hello/);
  assert.equal(r.usage.total_tokens, r.usage.input_tokens + r.usage.output_tokens);
});

check('streamed', async () => {
  const whole = await client.responses.create({ model: sim('sim-1'), input: 'hello' });
  const stream = await client.responses.create({ model: sim('sim-1'), input: 'hello', stream: true });
  let text = '', next = 0, last;
  for await (const e of stream) {
    assert.equal(e.sequence_number, next++);
    if (e.type === 'response.output_text.delta') text += e.delta;
    last = e;
  }
  assert.equal(last.type, 'response.completed');
  assert.equal(text, whole.output_text);
  assert.deepEqual(last.response.usage, whole.usage);
});

check('stream helper', async () => {
  const stream = client.responses.stream({ model: sim('sim-1'), input: 'hello' });
  const final = await stream.finalResponse();
  assert.match(final.output_text, /hello/);
});

async function roundTrip(question, names, stream) {
  const input = [{ role: 'user', content: question }];
  const ask = async () => stream
    ? client.responses.stream({ model: sim('sim-1'), input, tools }).finalResponse()
    : client.responses.create({ model: sim('sim-1'), input, tools });
  const first = await ask();
  const calls = first.output.filter((i) => i.type === 'function_call');
  assert.deepEqual(calls.map((c) => c.name), names);
  input.push(...first.output.map(({ parsed_arguments, ...item }) => item));
  for (const c of calls) {
    JSON.parse(c.arguments);
    input.push({ type: 'function_call_output', call_id: c.call_id, output: `result of ${c.name}` });
  }
  const second = await ask();
  for (const name of names) assert.match(second.output_text, new RegExp(`result of ${name}`));
}

check('one tool', () => roundTrip('weather in Paris?', ['get_weather'], false));
check('parallel tools', () => roundTrip('weather and time?', ['get_weather', 'get_time'], false));
check('streamed tools', () => roundTrip('weather and time?', ['get_weather', 'get_time'], true));

check('reasoning', async () => {
  const ask = (input) => client.responses.create({
    model: sim('sim-1'), input, reasoning: { effort: 'low', summary: 'auto' },
    include: ['reasoning.encrypted_content'], store: false,
  });
  const first = await ask([{ role: 'user', content: 'hi' }]);
  const [thought] = first.output;
  assert.equal(thought.type, 'reasoning');
  assert.ok(thought.summary[0].text);
  // Chat answers sign nothing, Gemini signs what comes after its thoughts.
  if (!['chat', 'gemini'].includes(provider)) assert.ok(thought.encrypted_content);
  const history = [{ role: 'user', content: 'hi' }, ...first.output, { role: 'user', content: 'more' }];
  assert.match((await ask(history)).output_text, /more/);
  if (!own) return;   // a foreign one is left out
  thought.encrypted_content = 'Zm9yZWlnbg==';
  assert.equal((await failure(() => ask(history))).code, 'invalid_encrypted_content');
});

check('structured output', async () => {
  const r = await client.responses.parse({
    model: sim('sim-1'), input: 'The poet is Ada, she is 36',
    text: { format: { type: 'json_schema', name: 'p', schema: person, strict: true } },
  });
  assert.deepEqual(r.output_parsed, { name: 'Ada', age: 36, kind: 'poet', tags: ['Ada'] });
});

check('incomplete', async () => {
  const r = await client.responses.create({ model: sim('sim-1'), input: 'x', max_output_tokens: 16 });
  assert.equal(r.status, 'incomplete');
  assert.equal(r.incomplete_details.reason, 'max_output_tokens');
});

check('refusal', async () => {
  const stream = client.responses.stream({ model: sim('sim-1'), input: '[[sim: refuse]]' });
  const final = await stream.finalResponse();
  if (provider === 'gemini') {     // which says nothing but SAFETY
    assert.equal(final.incomplete_details.reason, 'content_filter');
    return;
  }
  const [part] = final.output[0].content;
  assert.ok(part.type === 'refusal' || part.text);
  if (own || provider === 'chat') assert.equal(part.type, 'refusal');
});

ownCheck('wrong key', async () => {
  const other = new OpenAI({ apiKey: 'wrong', baseURL: `${url}/v1`, maxRetries: 0 });
  const e = await failure(() => other.responses.create({ model: sim('sim-1'), input: 'x' }));
  assert.ok(e instanceof OpenAI.AuthenticationError, e.stack);
});

ownCheck('unknown model', async () => {
  const e = await failure(() => client.responses.create({ model: 'sim-9', input: 'x' }));
  assert.ok(e instanceof OpenAI.BadRequestError, e.stack);
  assert.equal(e.code, 'model_not_found');
});

check('rate limit', async () => {
  const e = await failure(() => client.responses.create({
    model: sim('sim-1'), input: '[[sim: error=429]]', stream: true,
  }));
  assert.ok(e instanceof OpenAI.RateLimitError, e.stack);
});

check('image', async () => {
  const r = await client.responses.create({
    model: sim('sim-1'),
    input: [{
      role: 'user',
      content: [
        { type: 'input_image', image_url: `data:image/png;base64,${pixel}`, detail: 'auto' },
        { type: 'input_text', text: 'What colour?' },
      ],
    }],
  });
  assert.match(r.output_text, /What colour/);
});

ownCheck('failed in mid-stream', async () => {
  const stream = await client.responses.create({
    model: sim('sim-1'), input: '[[sim: stream-error words=40]]', stream: true,
  });
  let last;
  for await (const e of stream) last = e;
  assert.equal(last.type, 'response.failed');
});

async function endsBadly(how) {
  const stream = await client.responses.create({
    model: sim('sim-1'), input: `[[sim: ${how} words=40]]`, stream: true,
  });
  let last;
  try {
    for await (const e of stream) last = e;
  } catch (e) {
    assert.ok(e instanceof OpenAI.APIError, e.stack);
    return;
  }
  assert.ok(['error', 'response.failed'].includes(last.type), last.type);
}

check('cut in mid-stream', () => endsBadly('cut'));
check('error in mid-stream', () => endsBadly('stream-error'));

check('abort', async () => {
  const stream = await client.responses.create({
    model: sim('sim-slow'), input: '[[sim: words=2000]]', stream: true,
  });
  let n = 0;
  for await (const e of stream) {
    void e;
    if (++n === 6) stream.controller.abort();
  }
  assert.ok(n < 200);
});

await run();
