// Anthropic's Node client against a gateway: node anthropic.mjs BASE_URL KEY; prints one JSON object.
import Anthropic from "@anthropic-ai/sdk";

const [baseURL, apiKey] = process.argv.slice(2);
const client = new Anthropic({ baseURL, apiKey, maxRetries: 0 });
const ask = (model, more = {}) => ({
  model,
  max_tokens: 2048,
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
      type: error.error?.error?.type ?? null,
      message: error.message,
      requestID: error.requestID ?? null,
    };
  }
};

const whole = async () => {
  const message = await client.messages.create(ask("demo"));
  return {
    text: message.content[0].text,
    stop: message.stop_reason,
    requestID: message._request_id,
  };
};

const streamed = async () => {
  const kinds = [];
  const stream = client.messages.stream(
    ask("demo", { thinking: { type: "enabled", budget_tokens: 1024 } }),
  );
  stream.on("streamEvent", (event) => kinds.push(event.type));
  const message = await stream.finalMessage();
  return {
    first: kinds.at(0),
    last: kinds.at(-1),
    blocks: message.content.map((block) => block.type),
  };
};

const brokenOff = async () => {
  let events = 0;
  const error = await caught(async () => {
    const stream = await client.messages.create(ask("demo-fault:error-event=3", { stream: true }));
    for await (const _ of stream) events += 1;
  });
  return { events, error };
};

const aborted = async () => {
  const { data: stream, response } = await client.messages
    .create(ask("demo-fault:rate=50;tokens=5000", { stream: true, max_tokens: 10000 }))
    .withResponse();
  let events = 0;
  for await (const _ of stream) {
    events += 1;
    if (events === 4) stream.controller.abort();
  }
  return { events, identity: response.headers.get("x-magicgateway-request-id") };
};

const refused = (status) =>
  caught(() => client.messages.create(ask(`demo-fault:status=${status}`)));

console.log(
  JSON.stringify({
    whole: await whole(),
    streamed: await streamed(),
    brokenOff: await brokenOff(),
    aborted: await aborted(),
    counted: (await client.messages.countTokens({ model: "demo", messages: ask("").messages }))
      .input_tokens,
    refused: await Promise.all([400, 401, 404, 429, 529].map(refused)),
  }),
);
