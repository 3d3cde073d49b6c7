// The @google/genai package.
import assert from 'node:assert/strict';
import { ApiError, FunctionCallingConfigMode, GoogleGenAI } from '@google/genai';
import {
  check, failure, key, own, ownCheck, pixel, provider, run, sim, url,
} from './harness.mjs';

const make = (more = {}) => new GoogleGenAI({
  apiKey: key, httpOptions: { baseUrl: url, retryOptions: { attempts: 1 } }, ...more,
});
const ai = make();
const functions = [
  {
    name: 'get_weather',
    parameters: {
      type: 'OBJECT',
      properties: { city: { type: 'STRING' }, days: { type: 'INTEGER' } },
      required: ['city', 'days'],
    },
  },
  { name: 'get_time', parametersJsonSchema: { type: 'object', properties: {} } },
];
const config = { tools: [{ functionDeclarations: functions }] };

ownCheck('models', async () => {
  const names = [];
  for await (const m of await ai.models.list()) names.push(m.name);
  assert.ok(names.includes('models/sim-1'), names.join());
  assert.equal((await ai.models.get({ model: sim('sim-1') })).name, 'models/sim-1');
});

check('whole', async () => {
  const r = await ai.models.generateContent({ model: sim('sim-1'), contents: 'hello' });
  assert.match(r.text, /hello/);
  assert.equal(r.candidates[0].finishReason, 'STOP');
  const u = r.usageMetadata;
  assert.equal(u.totalTokenCount, u.promptTokenCount + u.candidatesTokenCount);
});

ownCheck('version v1', async () => {
  const v1 = make({ apiVersion: 'v1' });
  assert.match((await v1.models.generateContent({ model: sim('sim-1'), contents: 'hello' })).text, /hello/);
  const names = [];
  for await (const m of await v1.models.list()) names.push(m.name);
  assert.ok(names.includes('models/sim-1'), names.join());
});

check('streamed', async () => {
  const whole = await ai.models.generateContent({ model: sim('sim-1'), contents: 'hello' });
  let text = '', last, n = 0;
  for await (const c of await ai.models.generateContentStream({ model: sim('sim-1'), contents: 'hello' })) {
    text += c.text ?? '';
    last = c;
    n++;
  }
  assert.equal(text, whole.text);
  assert.ok(n > 5);
  assert.equal(last.candidates[0].finishReason, 'STOP');
  assert.deepEqual(last.usageMetadata, whole.usageMetadata);
});

async function roundTrip(question, names, stream) {
  const contents = [{ role: 'user', parts: [{ text: question }] }];
  const ask = async () => {
    if (!stream) return ai.models.generateContent({ model: sim('sim-1'), contents, config });
    const parts = [];
    for await (const c of await ai.models.generateContentStream({ model: sim('sim-1'), contents, config }))
      parts.push(...(c.candidates[0].content?.parts ?? []));
    return {
      candidates: [{ content: { role: 'model', parts } }],
      functionCalls: parts.map((p) => p.functionCall).filter(Boolean),
      text: parts.map((p) => p.text ?? '').join(''),
    };
  };
  const first = await ask();
  assert.deepEqual(first.functionCalls.map((c) => c.name), names);
  contents.push(first.candidates[0].content);
  contents.push({
    role: 'user',
    parts: first.functionCalls.map((c) => ({
      functionResponse: { id: c.id, name: c.name, response: { result: `result of ${c.name}` } },
    })),
  });
  const second = await ask();
  for (const name of names) assert.match(second.text, new RegExp(`result of ${name}`));
  return first.functionCalls;
}

check('one tool', async () => {
  const [call] = await roundTrip('weather in Paris for 3 days?', ['get_weather'], false);
  assert.deepEqual(call.args, { city: 'Paris', days: 3 });
});
check('parallel tools', () => roundTrip('weather and time?', ['get_weather', 'get_time'], false));
check('streamed tools', () => roundTrip('weather and time?', ['get_weather', 'get_time'], true));

check('forced tool', async () => {
  const r = await ai.models.generateContent({
    model: sim('sim-1'), contents: 'hi',
    config: {
      ...config,
      toolConfig: {
        functionCallingConfig: {
          mode: FunctionCallingConfigMode.ANY, allowedFunctionNames: ['get_time'],
        },
      },
    },
  });
  assert.equal(r.functionCalls[0].name, 'get_time');
});

check('chat with thoughts', async () => {
  const chat = ai.chats.create({
    model: sim('sim-1'),
    config: { thinkingConfig: { includeThoughts: true, ...(own ? {} : { thinkingBudget: 2000 }) } },
  });
  const first = await chat.sendMessage({ message: 'one' });
  const parts = first.candidates[0].content.parts;
  assert.equal(parts[0].thought, true);
  // Chat answers sign nothing; ours signs the part behind its thoughts.
  if (own) assert.ok(parts[1].thoughtSignature);
  else if (provider !== 'chat') assert.ok(parts.some((p) => p.thoughtSignature));
  assert.ok(first.usageMetadata.thoughtsTokenCount > 0);
  assert.match((await chat.sendMessage({ message: 'two' })).text, /two/);
});

check('structured output', async () => {
  const r = await ai.models.generateContent({
    model: sim('sim-1'), contents: 'The poet is Ada, she is 36',
    config: {
      responseMimeType: 'application/json',
      responseSchema: {
        type: 'OBJECT',
        properties: { name: { type: 'STRING' }, age: { type: 'INTEGER' } },
        required: ['name', 'age'],
      },
    },
  });
  assert.deepEqual(JSON.parse(r.text), { name: 'Ada', age: 36 });
});

check('image', async () => {
  const r = await ai.models.generateContent({
    model: sim('sim-1'),
    contents: [{
      role: 'user',
      parts: [{ inlineData: { mimeType: 'image/png', data: pixel } }, { text: 'What colour?' }],
    }],
  });
  assert.match(r.text, /What colour/);
});

check('limits', async () => {
  const r = await ai.models.generateContent({
    model: sim('sim-1'), contents: 'x', config: { maxOutputTokens: 2 },
  });
  assert.equal(r.candidates[0].finishReason, 'MAX_TOKENS');
  const request = { model: sim('sim-1'), contents: 'x', config: { candidateCount: 2 } };
  if (['anthropic', 'responses'].includes(provider))
    assert.equal(await status(ai, request), 400);
  else
    assert.equal((await ai.models.generateContent(request)).candidates.length, 2);
});

check('count tokens', async () => {
  const { totalTokens } = await ai.models.countTokens({ model: sim('sim-1'), contents: 'count me' });
  const r = await ai.models.generateContent({ model: sim('sim-1'), contents: 'count me' });
  assert.ok(totalTokens > 0);
  if (own) assert.equal(totalTokens, r.usageMetadata.promptTokenCount);
});

ownCheck('embeddings', async () => {
  const r = await ai.models.embedContent({
    model: sim('sim-1'), contents: ['a cat', 'a dog'], config: { outputDimensionality: 16 },
  });
  assert.equal(r.embeddings.length, 2);
  assert.equal(r.embeddings[0].values.length, 16);
});

async function status(client, request) {
  const e = await failure(() => client.models.generateContent(request));
  assert.ok(e instanceof ApiError, e.stack);
  return e.status;
}

ownCheck('wrong key', async () => {
  assert.equal(await status(make({ apiKey: 'wrong' }), { model: sim('sim-1'), contents: 'x' }), 401);
});

ownCheck('unknown model', async () => {
  assert.equal(await status(ai, { model: 'sim-9', contents: 'x' }), 404);
});

check('bad request', async () => {
  if (provider === 'anthropic') return;   // its range is narrower, so it is clamped
  assert.equal(await status(ai, { model: sim('sim-1'), contents: 'x', config: { temperature: 1000 } }), 400);
});

check('rate limit', async () => {
  assert.equal(await status(ai, { model: sim('sim-1'), contents: '[[sim: error=429]]' }), 429);
  const e = await failure(() => ai.models.generateContentStream({
    model: sim('sim-1'), contents: '[[sim: error=429]]',
  }));
  assert.equal(e.status, 429);
});

check('error in mid-stream', async () => {
  for (const how of ['stream-error', 'cut']) {
    const stream = await ai.models.generateContentStream({
      model: sim('sim-1'), contents: `[[sim: ${how} words=40]]`,
    });
    await failure(async () => { for await (const c of stream) void c; });
  }
});

check('abort', async () => {
  const controller = new AbortController();
  const stream = await ai.models.generateContentStream({
    model: sim('sim-slow'), contents: '[[sim: words=2000]]',
    config: { abortSignal: controller.signal },
  });
  let n = 0;
  await failure(async () => {
    for await (const c of stream) {
      void c;
      if (++n === 3) controller.abort();
    }
  });
  assert.ok(n < 200);
});

await run();
