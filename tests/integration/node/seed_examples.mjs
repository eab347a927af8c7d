// Chats as the gateway's first users wrote them: node seed_examples.mjs GATEWAY; prints one JSON
// object. AWS's keys come in the environment, as they do for these users.
import OpenAI from "openai";

const baseURL = `${process.argv[2]}/v1/`;
const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_SESSION_TOKEN } = process.env;
const messages = [{ role: "user", content: "Hello, how are you?" }];

const bedrock = async (sessionToken, more = {}) => {
  const client = new OpenAI({
    baseURL,
    apiKey: "not-needed",
    maxRetries: 0,
    defaultHeaders: {
      "x-provider": "bedrock",
      "x-aws-access-key-id": AWS_ACCESS_KEY_ID,
      "x-aws-secret-access-key": AWS_SECRET_ACCESS_KEY,
      "x-aws-region": AWS_REGION,
      "x-aws-session-token": sessionToken,
    },
  });
  const answer = await client.chat.completions.create({
    model: "anthropic.claude-v2",
    messages,
    max_tokens: 1000,
    temperature: 0.7,
    top_p: 1,
    top_k: 250,
    ...more,
  });
  if (!more.stream) return answer.choices[0].message.content;
  let text = "";
  for await (const chunk of answer) text += chunk.choices[0]?.delta?.content ?? "";
  return text;
};

const anthropic = async () => {
  const client = new OpenAI({
    baseURL,
    apiKey: process.env.ANTHROPIC_API_KEY,
    maxRetries: 0,
    defaultHeaders: { "x-provider": "anthropic" },
  });
  const stream = await client.chat.completions.create({
    model: "claude-3-5-sonnet-20241022",
    messages,
    max_tokens: 1024,
    stream: true,
  });
  let text = "";
  for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
  return text;
};

const unchanged = async (provider, body) => {
  const client = new OpenAI({
    baseURL,
    apiKey: process.env.ANTHROPIC_API_KEY,
    maxRetries: 0,
    defaultHeaders: { "x-provider": provider },
  });
  const answer = await client.chat.completions.create(body);
  return answer.choices[0].message.content;
};

console.log(
  JSON.stringify({
    undefined: await bedrock(AWS_SESSION_TOKEN),
    written: await bedrock(`${AWS_SESSION_TOKEN}`),
    empty: await bedrock(AWS_SESSION_TOKEN || ""),
    streamed: await bedrock(AWS_SESSION_TOKEN, { stream: true }),
    anthropic: await anthropic(),
    fireworks: await unchanged("fireworks", { model: "m-1", messages, top_k: 40, max_tokens: 64 }),
    together: await unchanged("together", {
      model: "m-2",
      messages,
      top_k: 50,
      repetition_penalty: 1.1,
    }),
    groq: await unchanged("groq", {
      model: "m-3",
      messages: [
        { role: "system", content: "Be kind." },
        { role: "user", content: "" },
      ],
    }),
  }),
);
