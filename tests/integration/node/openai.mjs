// OpenAI's Node client against a gateway: node openai.mjs BASE_URL KEY; prints one JSON object.
import { createHash } from "node:crypto";
import OpenAI, { toFile } from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const ask = (model, more = {}) => ({
  model,
  messages: [{ role: "user", content: "hello" }],
  ...more,
});

const caught = async (call) => {
  try {
    await call();
    return null;
  } catch (error) {
    return {
      kind: error.constructor.name,
      status: error.status ?? null,
      code: error.code ?? null,
      message: error.message,
      requestID: error.requestID ?? null,
      retryAfter: error.headers?.get?.("retry-after") ?? null,
    };
  }
};

const whole = async () => {
  const { data, response } = await client.chat.completions.create(ask("demo")).withResponse();
  return {
    text: data.choices[0].message.content,
    finish: data.choices[0].finish_reason,
    requestID: data._request_id,
    provider: response.headers.get("x-magicgateway-provider"),
  };
};

const streamed = async () => {
  const options = { stream: true, stream_options: { include_usage: true } };
  const stream = await client.chat.completions.create(ask("demo", options));
  const pieces = [];
  let usage = null;
  for await (const chunk of stream) {
    pieces.push(chunk.choices[0]?.delta?.content ?? "");
    usage = chunk.usage ?? usage;
  }
  return { text: pieces.join(""), pieces: pieces.length, output: usage.completion_tokens };
};

const brokenOff = async () => {
  let chunks = 0;
  const error = await caught(async () => {
    const stream = await client.chat.completions.create(
      ask("demo-fault:reset=3", { stream: true }),
    );
    for await (const _ of stream) chunks += 1;
  });
  return { chunks, error };
};

const aborted = async () => {
  const { data: stream, response } = await client.chat.completions
    .create(ask("demo-fault:rate=50;tokens=5000", { stream: true }))
    .withResponse();
  let chunks = 0;
  for await (const _ of stream) {
    chunks += 1;
    if (chunks === 3) stream.controller.abort();
  }
  return { chunks, identity: response.headers.get("x-magicgateway-request-id") };
};

const uploaded = async () => {
  const sound = Buffer.alloc(300_000, "sound");
  const file = await toFile(sound, "talk.mp3");
  const answer = await client.audio.transcriptions.create({ model: "demo", file });
  return { text: answer.text, sha256: createHash("sha256").update(sound).digest("hex") };
};

const downloaded = async () => {
  const answer = await client.audio.speech.create({
    model: "demo-fault:bytes=300000",
    input: "hello",
    voice: "alloy",
  });
  return (await answer.arrayBuffer()).byteLength;
};

const embedded = async () => {
  const answer = await client.embeddings.create({ model: "demo", input: "one", dimensions: 8 });
  return answer.data[0].embedding.length;
};

const listed = async () => {
  const byName = new OpenAI({ baseURL, apiKey, defaultHeaders: { "x-provider": "demo" } });
  const names = [];
  for await (const model of byName.models.list()) names.push(model.id);
  return names;
};

const refused = (status) =>
  caught(() => client.chat.completions.create(ask(`demo-fault:status=${status};retry-after=7`)));

console.log(
  JSON.stringify({
    whole: await whole(),
    streamed: await streamed(),
    brokenOff: await brokenOff(),
    aborted: await aborted(),
    uploaded: await uploaded(),
    downloaded: await downloaded(),
    embedded: await embedded(),
    listed: await listed(),
    refused: await Promise.all([400, 401, 404, 429, 500].map(refused)),
    unknown: await caught(() =>
      client.chat.completions.create(ask("demo"), { headers: { "x-provider": "nobody" } }),
    ),
  }),
);
