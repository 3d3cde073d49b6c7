// What the scripts share: named checks, each reported as one line of JSON that test_sdk.py reads.
// GATEWAY_URL and GATEWAY_KEY say where the gateway is, SDK_PROVIDER whose dialect the provider
// speaks: "own" (the client's), or chat, responses, anthropic, gemini.

export const url = process.env.GATEWAY_URL;
export const key = process.env.GATEWAY_KEY;
export const provider = process.env.SDK_PROVIDER ?? 'own';
export const own = provider === 'own';
export const sim = (name) => (own ? name : `${name}-${provider}`);

// One grey pixel.
export const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==';

const checks = [];

export function check(name, fn) {
  checks.push({ name, fn });
}

// What does not depend on the provider, or is never translated.
export function ownCheck(name, fn) {
  if (own) check(name, fn);
}

function timeout(ms) {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`took longer than ${ms} ms`)), ms).unref();
  });
}

// process.argv may name the only checks to run.
export async function run() {
  const only = process.argv.slice(2);
  for (const { name, fn } of checks) {
    if (only.length && !only.includes(name)) continue;
    const result = { name, ok: true };
    try {
      await Promise.race([fn(), timeout(20000)]);
    } catch (e) {
      result.ok = false;
      result.error = String(e?.stack ?? e).slice(0, 3000);
    }
    console.log(JSON.stringify(result));
  }
  process.exit(0);
}

// The error that fn fails with.
export async function failure(fn) {
  try {
    await fn();
  } catch (e) {
    return e;
  }
  throw new Error('expected a failure');
}

export const weather = {
  type: 'object',
  properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 1, maximum: 7 } },
  required: ['city', 'days'],
  additionalProperties: false,
};

export const person = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    age: { type: 'integer' },
    kind: { type: 'string', enum: ['poet', 'engineer'] },
    tags: { type: 'array', items: { type: 'string' } },
  },
  required: ['name', 'age', 'kind', 'tags'],
  additionalProperties: false,
};
