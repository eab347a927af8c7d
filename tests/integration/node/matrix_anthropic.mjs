// Anthropic's Node client in the table's cells: node matrix_anthropic.mjs GATEWAY; see
// matrix_cells.mjs.
import Anthropic from "@anthropic-ai/sdk";
import { jsonSchemaOutputFormat } from "@anthropic-ai/sdk/helpers/json-schema";
import { VERSION } from "@anthropic-ai/sdk/version";
import { errors, read, run } from "./matrix_cells.mjs";

const { cells, shared } = await read();
const client = new Anthropic({ baseURL: process.argv[2], apiKey: shared.key, maxRetries: 0 });
const options = (cell) => ({ headers: cell.headers });
const words = (message) =>
  message.content
    .filter((block) => block.type === "text")
    .map((block) => block.text)
    .join("");

const counted = ({ usage }) => [
  usage.input_tokens +
    (usage.cache_read_input_tokens ?? 0) +
    (usage.cache_creation_input_tokens ?? 0),
  usage.output_tokens,
];

const ask = async (cell, messages, more = {}) => {
  const asked = { model: cell.model, max_tokens: 4096, messages, ...more };
  if (cell.streamed) return client.messages.stream(asked, options(cell)).finalMessage();
  return more.output_config
    ? client.messages.parse(asked, options(cell))
    : client.messages.create(asked, options(cell));
};
const said = async (cell, content, more) => {
  const message = await ask(cell, [{ role: "user", content }], more);
  return {
    text: words(message),
    finish: message.stop_reason,
    usage: counted(message),
    parsed: message.parsed_output,
  };
};
const called = async (cell) => {
  const tools = Object.entries(shared.functions).map(([name, description]) => ({
    name,
    description,
    input_schema: shared.schema,
  }));
  const more = { tools: cell.scenario === "parallel" ? tools : tools.slice(0, 1) };
  if (cell.scenario === "thinking") more.thinking = { type: "enabled", budget_tokens: 2048 };
  const messages = [{ role: "user", content: cell.prompt }];
  const first = await ask(cell, messages, more);
  const calls = first.content.filter((block) => block.type === "tool_use");
  messages.push({ role: "assistant", content: first.content });
  messages.push({
    role: "user",
    content: calls.map((call, index) => ({
      type: "tool_result",
      tool_use_id: call.id,
      content: shared.results[index],
    })),
  });
  const second = await ask(cell, messages, more);
  return {
    calls: calls.map((call) => [call.name, call.input]),
    called: first.stop_reason,
    reasoning: first.content
      .filter((block) => block.type === "thinking")
      .map((block) => block.thinking)
      .join(""),
    text: words(second),
    finish: second.stop_reason,
    usage: counted(second),
  };
};
const answer = (cell, model) =>
  client.messages.create(
    {
      model,
      max_tokens: 500,
      messages: [{ role: "user", content: cell.prompt }],
      stream: cell.streamed,
    },
    options(cell),
  );
const pieces = async (cell, model, found) => {
  for await (const event of await answer(cell, model)) {
    if (event.type === "content_block_delta" && event.delta.type === "text_delta") {
      found.push(event.delta.text);
    }
  }
};

const scenarios = {
  text: (cell) => said(cell, cell.prompt),
  tools: called,
  parallel: called,
  thinking: called,
  image: (cell) =>
    said(cell, [
      {
        type: "image",
        source: { type: "base64", media_type: "image/png", data: shared.png },
      },
      { type: "text", text: cell.prompt },
    ]),
  structured: (cell) =>
    said(cell, cell.prompt, {
      output_config: { format: jsonSchemaOutputFormat(shared.schema) },
    }),
  error: (cell) => errors(cell, answer, pieces),
};
await run(VERSION, cells, (cell) => scenarios[cell.scenario](cell));
