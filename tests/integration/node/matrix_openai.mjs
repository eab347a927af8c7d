// OpenAI's Node client in the table's cells: node matrix_openai.mjs GATEWAY PACKAGE, the package
// being openai or openai-oldest; see matrix_cells.mjs.
import { errors, read, run } from "./matrix_cells.mjs";

const { default: OpenAI } = await import(process.argv[3]);
const formats = await import(`${process.argv[3]}/lib/parser`);
const { VERSION } = await import(`${process.argv[3]}/version`);
const { cells, shared } = await read();
const client = new OpenAI({
  baseURL: `${process.argv[2]}/v1/`,
  apiKey: shared.key,
  maxRetries: 0,
});
const dataURL = `data:image/png;base64,${shared.png}`;
const options = (cell) => ({ headers: cell.headers });
const offered = (cell, write) => {
  const tools = Object.entries(shared.functions).map(write);
  return { tools: cell.scenario === "parallel" ? tools : tools.slice(0, 1) };
};

// Of fields that it does not know the client keeps only what the last chunk had.
const addedUp = (stream) => {
  let words = "";
  const blocks = [];
  stream.on("chunk", (chunk) => {
    const delta = chunk.choices[0]?.delta ?? {};
    words += delta.reasoning_content ?? "";
    for (const { index, thinking = "", ...rest } of delta.thinking_blocks ?? []) {
      const before = blocks[index] ?? { thinking: "" };
      blocks[index] = { ...before, ...rest, thinking: before.thinking + thinking };
    }
  });
  return () => ({
    ...(words && { reasoning_content: words }),
    ...(blocks.length && { thinking_blocks: blocks }),
  });
};

const chat = {
  ask: async (cell, messages, more = {}) => {
    const asked = { model: cell.model, messages, ...more };
    const { completions } = client.chat;
    if (cell.streamed) {
      asked.stream_options = { include_usage: true };
      const stream = completions.stream(asked, options(cell));
      const reasoning = addedUp(stream);
      const answer = await stream.finalChatCompletion();
      Object.assign(answer.choices[0].message, reasoning());
      return answer;
    }
    return more.response_format
      ? completions.parse(asked, options(cell))
      : completions.create(asked, options(cell));
  },
  said: async (cell, content, more) => {
    const answer = await chat.ask(cell, [{ role: "user", content }], more);
    const [choice] = answer.choices;
    return {
      text: choice.message.content,
      finish: choice.finish_reason,
      usage: [answer.usage.prompt_tokens, answer.usage.completion_tokens],
      parsed: choice.message.parsed,
    };
  },
  text: (cell) => chat.said(cell, cell.prompt),
  image: (cell) =>
    chat.said(cell, [
      { type: "text", text: cell.prompt },
      { type: "image_url", image_url: { url: dataURL } },
    ]),
  structured: (cell) =>
    chat.said(cell, cell.prompt, {
      response_format: formats.makeParseableResponseFormat(
        {
          type: "json_schema",
          json_schema: { name: "weather", strict: true, schema: shared.schema },
        },
        JSON.parse,
      ),
    }),
  called: async (cell) => {
    const more = offered(cell, ([name, description]) => ({
      type: "function",
      function: { name, description, parameters: shared.schema },
    }));
    if (cell.scenario === "thinking") Object.assign(more, cell.thinking);
    const messages = [{ role: "user", content: cell.prompt }];
    const [first] = (await chat.ask(cell, messages, more)).choices;
    const calls = first.message.tool_calls ?? [];
    messages.push(first.message);
    calls.forEach((call, index) =>
      messages.push({ role: "tool", tool_call_id: call.id, content: shared.results[index] }),
    );
    const last = await chat.ask(cell, messages, more);
    const [second] = last.choices;
    return {
      calls: calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]),
      called: first.finish_reason,
      reasoning: first.message.reasoning_content ?? null,
      text: second.message.content,
      finish: second.finish_reason,
      usage: [last.usage.prompt_tokens, last.usage.completion_tokens],
    };
  },
  answer: (cell, model) =>
    client.chat.completions.create(
      { model, messages: [{ role: "user", content: cell.prompt }], stream: cell.streamed },
      options(cell),
    ),
  pieces: async (cell, model, found) => {
    for await (const chunk of await chat.answer(cell, model)) {
      const text = chunk.choices[0]?.delta?.content;
      if (text) found.push(text);
    }
  },
};

const counted = ({ output_text: text, usage }) => ({
  text,
  usage: [usage.input_tokens, usage.output_tokens],
});

const responses = {
  ask: async (cell, input, more = {}) => {
    const asked = { model: cell.model, input, store: false, ...more };
    if (cell.streamed) return client.responses.stream(asked, options(cell)).finalResponse();
    return more.text
      ? client.responses.parse(asked, options(cell))
      : client.responses.create(asked, options(cell));
  },
  said: async (cell, input, more) => {
    const answer = await responses.ask(cell, input, more);
    return { ...counted(answer), finish: answer.status, parsed: answer.output_parsed };
  },
  text: (cell) => responses.said(cell, cell.prompt),
  image: (cell) =>
    responses.said(cell, [
      {
        role: "user",
        content: [
          { type: "input_text", text: cell.prompt },
          { type: "input_image", image_url: dataURL, detail: "auto" },
        ],
      },
    ]),
  structured: (cell) =>
    responses.said(cell, cell.prompt, {
      text: {
        format: formats.makeParseableTextFormat(
          { type: "json_schema", name: "weather", strict: true, schema: shared.schema },
          JSON.parse,
        ),
      },
    }),
  called: async (cell) => {
    const more = offered(cell, ([name, description]) => ({
      type: "function",
      name,
      description,
      parameters: shared.schema,
      strict: false,
    }));
    if (cell.scenario === "thinking") {
      more.reasoning = { effort: "high", summary: "auto" };
      more.include = ["reasoning.encrypted_content"];
    }
    const input = [{ role: "user", content: cell.prompt }];
    const first = await responses.ask(cell, input, more);
    const calls = first.output.filter((item) => item.type === "function_call");
    const thoughts = first.output.filter((item) => item.type === "reasoning");
    input.push(...first.output.map(({ parsed_arguments: _, ...item }) => item));
    calls.forEach((call, index) =>
      input.push({
        type: "function_call_output",
        call_id: call.call_id,
        output: shared.results[index],
      }),
    );
    const second = await responses.ask(cell, input, more);
    const words = (parts) => (parts ?? []).map((part) => part.text).join("");
    return {
      calls: calls.map((call) => [call.name, JSON.parse(call.arguments)]),
      called: first.status,
      reasoning:
        thoughts.map((item) => words(item.summary)).join("") ||
        thoughts.map((item) => words(item.content)).join(""),
      ...counted(second),
      finish: second.status,
    };
  },
  answer: (cell, model) =>
    client.responses.create({ model, input: cell.prompt, stream: cell.streamed }, options(cell)),
  pieces: async (cell, model, found) => {
    for await (const event of await responses.answer(cell, model)) {
      if (event.type === "response.output_text.delta") found.push(event.delta);
      if (event.type === "error") throw new Error(event.message);
      if (event.type === "response.failed") throw new Error(event.response.error.message);
    }
  },
};

const doors = { chat, responses };
for (const door of Object.values(doors)) {
  Object.assign(door, { tools: door.called, parallel: door.called, thinking: door.called });
  door.error = (cell) => errors(cell, door.answer, door.pieces);
}
await run(VERSION, cells, (cell) => doors[cell.door][cell.scenario](cell));
