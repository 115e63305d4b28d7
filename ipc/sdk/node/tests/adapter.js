"use strict";
// The adapter of the Node library for the conformance cases.

const readline = require("node:readline");
const util = require("node:util");
const { TokenSource } = require("..");

let source = new TokenSource("cad");
let last;

async function line(ask) {
  try {
    const token = (last = await ask());
    return `token ${token.accessToken} ${token.instance} ${token.generation}`;
  } catch (err) {
    return `error ${err.code} ${err.retryAfter ?? 0}`;
  }
}

async function many(n, ask) {
  const lines = await Promise.all(Array.from({ length: n }, () => line(ask)));
  return new Set(lines).size === 1 ? lines[0] : "mixed " + lines.join(" | ");
}

function run(command) {
  const [verb, rest] = command.split(" ");
  const seen = last;
  switch (verb) {
    case "open":
      source = new TokenSource(rest);
      return "ok";
    case "token":
      return line(() => source.get({ minTtl: Number(rest) }));
    case "replace":
      return line(() => source.replace(seen));
    case "threads":
      return many(Number(rest), () => source.get());
    case "threads-replace":
      return many(Number(rest), () => source.replace(seen));
    case "show":
      return `show ${last}` + (util.inspect(last) + JSON.stringify(last)).replace(/"?\[redacted\]"?/g, "");
    case "fork":
      return "skip Node has no fork(2): a child is another program";
    default:
      return "skip this adapter does not know " + verb;
  }
}

(async () => {
  for await (const command of readline.createInterface({ input: process.stdin })) console.log(await run(command));
  source.close();
})();
