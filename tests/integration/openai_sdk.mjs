// Drives the npm package `openai`, as it is published, for test_619_openai_sdk.py. One command
// a line on standard input, {"id", "path", "args", "how", "client"}; what becomes of it goes to
// standard output, a line each: {"id", "is": "begun" | "headers" | "piece" | "result" | "error", ...}.
// {"abort": id} cancels a command as an application would, {"stop": id} ends its stream. It
// begins with {"id": 0, "is": "version"}, or ends with status 3 if there is no such package.

import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import readline from "node:readline";

function load() {
  const folder = path.resolve(process.env.LLMQ_OPENAI_SDK || process.cwd());
  const found = createRequire(path.join(folder, "here"));
  try {
    return { OpenAI: found("openai").default, version: found("openai/version").VERSION };
  } catch (error) {
    if (error.code !== "MODULE_NOT_FOUND") throw error;
    return process.exit(3);
  }
}

const { OpenAI, version } = load();
const running = new Map();

function say(id, is, more) {
  process.stdout.write(JSON.stringify({ id, is, ...more }) + "\n");
}

function client(options, attempts, id) {
  return new OpenAI({
    ...options,
    async fetch(url, init) {
      const seen = { headers: Object.fromEntries(new Headers(init.headers)) };
      attempts.push(seen);
      const response = await fetch(url, init);
      seen.status = response.status;
      say(id, "headers");
      return response;
    },
  });
}

function find(root, dotted) {
  const names = dotted.split(".");
  const last = names.pop();
  const owner = names.reduce((object, name) => object[name], root);
  return (...args) => owner[last](...args);
}

async function pieces(id, stream) {
  const all = [];
  running.get(id).stream = stream;
  for await (const piece of stream) {
    all.push(piece);
    say(id, "piece", { piece });
  }
  return all;
}

// How a call is made and what is looked at.
const ways = {
  async plain(call) {
    return call();
  },
  async stream(call, id) {
    return pieces(id, await call());
  },
  async page(call) {
    const all = [];
    for await (const item of call()) all.push(item);
    return all;
  },
  async response(call) {
    const { data, response, request_id } = await call().withResponse();
    return { data, status: response.status, headers: Object.fromEntries(response.headers), request_id };
  },
  async raw(call) {
    const response = await call().asResponse();
    return { text: await response.text(), headers: Object.fromEntries(response.headers) };
  },
  async final(call) {
    const said = [];
    const stream = call().on("content", (piece) => said.push(piece));
    const completion = await stream.finalChatCompletion();
    return { said: said.join(""), completion };
  },
  async tools(call) {
    const runner = call();
    const content = await runner.finalContent();
    return { content, messages: runner.messages, usage: await runner.totalUsage() };
  },
};

// Functions cannot come as JSON: each tool's is to say what it was given.
function with_functions(body) {
  for (const tool of body?.tools ?? []) {
    if (tool.function?.parse) {
      tool.function.parse = JSON.parse;
      tool.function.function = (given) => `tool got ${JSON.stringify(given)}`;
    }
  }
  return body;
}

function kinds(error) {
  const names = [];
  for (let at = Object.getPrototypeOf(error); at && at.constructor !== Object; at = Object.getPrototypeOf(at)) {
    names.push(at.constructor.name);
  }
  return names;
}

async function run({ id, path: dotted, args, how, client: options }) {
  const attempts = [];
  const controller = new AbortController();
  running.set(id, { controller });
  const [body, more] = args;
  const call = () =>
    find(client(options, attempts, id), dotted)(
      ...(body === undefined ? [] : [typeof body === "object" ? with_functions(body) : body]),
      { ...more, signal: controller.signal },
    );
  say(id, "begun");
  try {
    say(id, "result", { result: (await ways[how](call, id)) ?? null, attempts });
  } catch (error) {
    const { status, type, param, code, message } = error;
    const request_id = error.requestID ?? error.request_id;
    say(id, "error", { kinds: kinds(error), status, type, param, code, message, request_id, attempts });
  }
}

say(0, "version", { version });
for await (const line of readline.createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.abort) running.get(command.abort).controller.abort();
  else if (command.stop) running.get(command.stop).stream.controller.abort();
  else run(command);
}
process.exit(0);
