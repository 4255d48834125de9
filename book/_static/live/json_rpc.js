/* A server of the Model Context Protocol as far as the page on it goes: it answers one request and knows
   nothing of any other. Tools are those of tool_calls.js. */

import { spaced } from "./tool_calls.js";

export const VERSION = "2026-07-28";
const PREFIX = "io.modelcontextprotocol";

/* A request as an object. */
export function request(id, method, params = {}) {
  return { jsonrpc: "2.0", id, method, params: { ...params, _meta: {
    [`${PREFIX}/protocolVersion`]: VERSION,
    [`${PREFIX}/clientInfo`]: { name: "companion-of-the-book", version: "1" },
    [`${PREFIX}/clientCapabilities`]: {},
  } } };
}

/* The answer to a text, as an object. */
export function respond(text, tools) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    return failure(null, -32700, "this is not JSON");
  }
  const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject(message)) return failure(null, -32600, "this is not a request");
  const { jsonrpc, id, method, params } = message;
  if ([jsonrpc, id, method].includes(undefined)) return failure(id, -32600, "this is not a request");
  const meta = params?._meta;
  const isRight = jsonrpc === "2.0" && (typeof id === "string" || Number.isInteger(id)) && typeof method === "string"
    && isObject(params) && isObject(meta) && Object.hasOwn(meta, `${PREFIX}/protocolVersion`)
    && Object.hasOwn(meta, `${PREFIX}/clientCapabilities`)
    && (params.name === undefined || typeof params.name === "string")
    && (params.arguments === undefined || isObject(params.arguments));
  if (!isRight) return failure(id, -32602, "a parameter is missing or of the wrong type");
  const requested = meta[`${PREFIX}/protocolVersion`];
  if (requested !== VERSION) return failure(id, -32022, "unsupported revision", { supported: [VERSION], requested });
  const methods = {
    "server/discover": () => ({ supportedVersions: [VERSION], capabilities: { tools: {} }, ttlMs: 60000, cacheScope: "public" }),
    "tools/list": () => ({ tools: Object.entries(tools).map(declared), ttlMs: 60000, cacheScope: "public" }),
    "tools/call": () => called(params, tools),
  };
  if (!Object.hasOwn(methods, method)) return failure(id, -32601, "unknown method");
  if (method === "tools/call" && !Object.hasOwn(tools, params.name)) return failure(id, -32602, "unknown tool");
  const about = { [`${PREFIX}/serverInfo`]: { name: "tools-of-the-book", version: "1" } };
  return { jsonrpc: "2.0", id, result: { resultType: "complete", ...methods[method](), _meta: about } };
}

/* A tool as the protocol declares it: the parameters are a JSON Schema. */
function declared([name, { description, parameters }]) {
  const properties = Object.fromEntries(Object.entries(parameters).map(([key, type]) => [key, { type }]));
  return { name, description,
    inputSchema: { type: "object", properties, required: Object.keys(parameters), additionalProperties: false } };
}

/* What the tool returned; or its error, as a result, for the model to read. */
function called({ name, arguments: given = {} }, tools) {
  const wanted = Object.keys(tools[name].parameters), got = Object.keys(given);
  try {
    if (wanted.join() !== got.join() || got.some((key) => typeof given[key] !== tools[name].parameters[key])) {
      throw new Error(`bad arguments for ${name}: it takes ${wanted.join(", ")}, got ${got.join(", ") || "none"}`);
    }
    const value = tools[name].run(given);
    return { content: [{ type: "text", text: spaced(value) }], structuredContent: value, isError: false };
  } catch (error) {
    return { content: [{ type: "text", text: error.message }], isError: true };
  }
}

/* An error, with the request's identifier where it could be read. */
function failure(id, code, message, data) {
  const known = typeof id === "string" || Number.isInteger(id) ? { id } : {};
  return { jsonrpc: "2.0", ...known, error: { code, message, ...(data ? { data } : {}) } };
}
