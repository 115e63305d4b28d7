// Uses the types that openapi-typescript makes of openapi.json, with openapi-fetch, against a
// real regentd. tsc reads it with strict, and fails if a line below @ts-expect-error is right.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import { Agent } from "undici";
import type { components, paths } from "./regent-api.js";

type Schemas = components["schemas"];

const socketPath = process.env["REGENT_SOCKET"] ?? "/run/regent/agent.sock";
const dispatcher = new Agent({ connect: { socketPath } });
const regent = createClient<paths>({ baseUrl: "http://regent", requestInitExt: { dispatcher } });

async function getToken(): Promise<Schemas["Token"]> {
  const { data, error } = await regent.POST("/v1/token", { body: { application: "cad", wait: 10 } });
  if (error) throw new Error(`${error.code}: ${error.detail}`);
  assert.equal(data.token_type, "Bearer");
  assert.ok(data.expires_in > 0);
  return data;
}

async function getStatus(own: string): Promise<void> {
  const { data } = await regent.GET("/v1/status");
  const instances = data?.applications.flatMap((application) => application.instances) ?? [];
  const mine = instances.find((instance) => instance.instance === own);
  assert.equal(mine?.state, "live");
  assert.equal(mine?.holder?.pid, process.pid);
  assert.equal(data?.health, "degraded"); // closed has no allow rule
}

async function expectProblem(application: string, code: Schemas["ErrorCode"], status: number): Promise<void> {
  const { error, response } = await regent.POST("/v1/token", { body: { application } });
  assert.equal(error?.code, code);
  assert.equal(error?.status, status);
  assert.equal(response.status, status);
}

async function firstEvent(): Promise<Schemas["Event"]> {
  const { data } = await regent.GET("/v1/watch", { params: { query: { application: "cad" } }, parseAs: "stream" });
  assert.ok(data);
  let text = "";
  for await (const part of data.pipeThrough(new TextDecoderStream())) {
    text += part;
    const event = /^event: instance\ndata: (.*)\n\n/.exec(text);
    if (event?.[1]) return JSON.parse(event[1]) as Schemas["Event"];
  }
  throw new Error("the watch ended");
}

// What a compiler refuses.
function wrong(instance: Schemas["Instance"], problem: Schemas["Problem"]): boolean {
  // @ts-expect-error there is no such state
  if (instance.state === "alive") return true;
  // @ts-expect-error there is no such code
  if (problem.code === "no_such_application") return true;
  // @ts-expect-error the application is missing
  void regent.POST("/v1/token", { body: {} });
  return instance.state === "live";
}
assert.equal(typeof wrong, "function");

const token = await getToken();
await getStatus(token.instance);
await expectProblem("nope", "unknown_application", 404);
await expectProblem("closed", "denied", 403);
const event = await firstEvent();
assert.equal(event.instance, "cad/1");
assert.equal(event.state, "live");
const [application, instance] = token.instance.split("/") as [string, string];
const released = await regent.DELETE("/v1/instances/{application}/{instance}/lease", { params: { path: { application, instance } } });
assert.equal(released.response.status, 204);
console.log(`typescript: ${token.instance}, a status, 2 errors, an event of a watch`);
await dispatcher.destroy();
