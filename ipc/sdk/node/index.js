"use strict";
// Access tokens from regentd, the agent on this device. See index.d.ts and README.md.

const fs = require("node:fs");
const http = require("node:http");
const net = require("node:net");
const path = require("node:path");

const WINDOWS = process.platform === "win32";
const DEFAULT_SOCKET = WINDOWS ? "\\\\.\\pipe\\regent" : "/run/regent/agent.sock";
const DAEMON_USER = "regent";
const MAX_REPLY = 1 << 20; // bytes
const TIMEOUT = 45_000; // milliseconds for one answer: the agent waits up to 30 s
const RETRY_AFTER = 5_000; // milliseconds between tries while a valid token is in memory
const MAX_LIFE = 10 * 365 * 24 * 3600; // seconds
const FINAL = new Set(["revoked", "denied", "no_free_instance"]);

class RegentError extends Error {
  constructor(code, detail, retryAfter, instance) {
    super(detail);
    this.name = "RegentError";
    this.code = code;
    if (retryAfter !== undefined) this.retryAfter = retryAfter;
    if (instance !== undefined) this.instance = instance;
  }
}

// A point in time by two clocks: the monotonic one may stand still while the machine
// sleeps, and the civil one can be set back.
const now = () => [performance.now(), Date.now()];
const after = (t, ms) => [t[0] + ms, t[1] + ms];
const left = (t) => Math.min(t[0] - performance.now(), t[1] - Date.now()); // milliseconds

class Token {
  #accessToken;
  #expires;
  constructor(reply, expires) {
    this.#accessToken = reply.access_token;
    this.#expires = expires;
    this.application = reply.application;
    this.instance = reply.instance;
    this.tenant = reply.tenant;
    this.generation = reply.generation;
    Object.freeze(this);
  }
  get accessToken() {
    return this.#accessToken;
  }
  get expiresIn() {
    return Math.max(0, left(this.#expires)) / 1000;
  }
  toString() {
    return "[redacted]";
  }
  toJSON() {
    return "[redacted]";
  }
  [Symbol.for("nodejs.util.inspect.custom")]() {
    return "[redacted]";
  }
}

function isPrivileged() {
  return !WINDOWS && (process.getuid() !== process.geteuid() || process.getgid() !== process.getegid());
}

function socketPath(given) {
  if (given) return given;
  const named = process.env.REGENT_SOCKET;
  return named && !isPrivileged() ? named : DEFAULT_SOCKET;
}

// daemonUser returns the uid of the installed daemon, or undefined.
function daemonUser() {
  try {
    const line = fs.readFileSync("/etc/passwd", "utf8").split("\n").find((l) => l.startsWith(DAEMON_USER + ":"));
    return line && Number(line.split(":")[2]);
  } catch {
    return undefined;
  }
}

// mapped reads who has a number in this user namespace.
function mapped() {
  try {
    const rows = fs.readFileSync("/proc/self/uid_map", "utf8").trim().split("\n").map((l) => l.trim().split(/\s+/).map(Number));
    const overflow = Number(fs.readFileSync("/proc/sys/kernel/overflowuid", "utf8"));
    return {
      isUnmapped: (uid) => uid === overflow && !rows.some(([first, , count]) => uid >= first && uid < first + count),
      rootIsRoot: rows.some(([inside, outside]) => inside === 0 && outside === 0),
    };
  } catch {
    return { isUnmapped: () => false, rootIsRoot: true };
  }
}

// checkPlace makes sure that only a trusted user can have made the socket: Node does not
// ask the kernel who listens. The socket and every folder above it belong to root, to
// the daemon's user or, at a socket that is not the installed one, to this user.
function checkPlace(socket) {
  if (WINDOWS) return; // a pipe has no owner that Node can read
  const { isUnmapped, rootIsRoot } = mapped();
  const installed = socket === DEFAULT_SOCKET;
  const daemon = daemonUser();
  const trusted = (uid) =>
    (uid === 0 && rootIsRoot) || (daemon !== undefined && uid === daemon) ||
    (!installed && uid === process.geteuid()) || (installed && (uid === 0 || isUnmapped(uid)));
  let at;
  try {
    at = fs.realpathSync(socket);
  } catch (err) {
    throw unreachable(socket, err);
  }
  for (;;) {
    const s = fs.lstatSync(at);
    const open = !s.isSocket() && (s.mode & 0o022) !== 0 && (s.mode & 0o1000) === 0;
    if (!trusted(s.uid) || open) {
      throw new RegentError("untrusted_listener", `nothing was sent to ${socket}: user ${s.uid} owns ${at}${open ? ", and others can write there" : ""}; ask an administrator`);
    }
    if (at === path.parse(at).root) return;
    at = path.dirname(at);
  }
}

function unreachable(socket, err) {
  const next = { ENOENT: "start regentd: systemctl start regentd", ECONNREFUSED: "start regentd: systemctl start regentd", EACCES: "check its mode and your sandbox" };
  return new RegentError("not_reachable", `cannot connect to ${socket}: ${err.code ?? err.message}; ${next[err.code] ?? "run: regent doctor"}`);
}

const ended = () => new RegentError("not_reachable", "the agent closed the connection before it answered; try again");
const foreign = (status) => new RegentError("internal", `the answer has status ${status} and is not from the agent; run: regent doctor`);

class TokenSource {
  #application;
  #instance;
  #socket;
  #agent;
  #token;
  #expires;
  #askAt;
  #asking;
  #replacing;

  constructor(application, options = {}) {
    this.#application = application;
    this.#instance = options.instance;
    this.#socket = socketPath(options.socket);
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    this.#agent.createConnection = () => net.connect(this.#socket);
  }

  async get(wish = {}) {
    const { minTtl = 0, wait } = wish;
    if (this.#token && left(this.#askAt) > 0 && left(this.#expires) > minTtl * 1000) return this.#token;
    this.#asking ??= this.#ask(minTtl, wait).finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #ask(minTtl, wait) {
    const body = { application: this.#application };
    if (this.#instance) body.instance = this.#instance;
    if (minTtl > 0) body.min_ttl = Math.trunc(minTtl);
    if (wait !== undefined) body.wait = Math.trunc(wait);
    const began = now();
    try {
      const reply = checkToken(await this.#call("/v1/token", body));
      const life = Math.min(reply.expires_in, MAX_LIFE) * 1000;
      this.#expires = after(began, life);
      this.#askAt = after(began, life * 0.8);
      this.#token = new Token(reply, this.#expires);
    } catch (err) {
      if (FINAL.has(err.code) || !this.#token || left(this.#expires) <= 0) {
        this.#token = undefined;
        throw err;
      }
      this.#askAt = after(now(), RETRY_AFTER); // the token in memory is valid
    }
    return this.#token;
  }

  async replace(rejected) {
    if (this.#token && this.#token.generation > rejected.generation) return this.#token;
    this.#replacing ??= this.#invalidate(rejected).finally(() => (this.#replacing = undefined));
    return this.#replacing;
  }

  async #invalidate(rejected) {
    const number = rejected.instance.slice(rejected.instance.lastIndexOf("/") + 1);
    await this.#call(`/v1/instances/${encodeURIComponent(rejected.application)}/${encodeURIComponent(number)}/invalidate`, { generation: rejected.generation });
    this.#token = undefined;
    return this.get();
  }

  close() {
    this.#agent.destroy();
    this.#token = undefined;
  }

  // A kept connection that the agent has closed is replaced once.
  async #call(where, body) {
    try {
      return await this.#request(where, body);
    } catch (err) {
      if (!err.wasKept) throw err;
    }
    return this.#request(where, body);
  }

  #request(where, body) {
    return new Promise((resolve, reject) => {
      checkPlace(this.#socket);
      const text = JSON.stringify(body);
      const request = http.request({
        agent: this.#agent, host: "regent", method: "POST", path: where, timeout: TIMEOUT,
        headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text), Host: "regent" },
      });
      let answered = false;
      request.on("timeout", () => request.destroy(new RegentError("not_reachable", `the agent did not answer within ${TIMEOUT / 1000} s; run: regent doctor`)));
      request.on("error", (err) => {
        if (err instanceof RegentError) return reject(err);
        const failed = err.syscall === "connect" ? unreachable(this.#socket, err) : ended();
        failed.wasKept = request.reusedSocket && !answered;
        reject(failed);
      });
      request.on("response", (reply) => {
        answered = true;
        readReply(reply, request).then(resolve, reject);
      });
      request.end(text);
    });
  }
}

async function readReply(reply, request) {
  const parts = [];
  let size = 0;
  try {
    for await (const part of reply) {
      parts.push(part);
      if ((size += part.length) > MAX_REPLY) {
        request.destroy();
        throw new RegentError("internal", `the answer is longer than ${MAX_REPLY} bytes`);
      }
    }
  } catch (err) {
    throw err instanceof RegentError ? err : ended();
  }
  if (reply.statusCode === 204) return {};
  if (reply.headers["content-length"] === undefined && reply.headers["transfer-encoding"] === undefined) throw ended();
  let value;
  try {
    value = JSON.parse(Buffer.concat(parts).toString("utf8"));
  } catch {
    throw foreign(reply.statusCode);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw foreign(reply.statusCode);
  if (reply.statusCode === 200) return value;
  if (reply.headers["content-type"] !== "application/problem+json" || typeof value.code !== "string" || value.code === "") throw foreign(reply.statusCode);
  const retryAfter = Number.isInteger(value.retry_after) && value.retry_after > 0 ? value.retry_after : undefined;
  throw new RegentError(value.code, String(value.detail ?? ""), retryAfter, value.instance);
}

function checkToken(reply) {
  const good = {
    access_token: (v) => typeof v === "string" && /^[\x21-\x7e]+$/.test(v),
    expires_in: (v) => Number.isInteger(v) && v > 0,
    generation: (v) => Number.isInteger(v) && v >= 0,
    instance: (v) => typeof v === "string" && v !== "",
    application: (v) => typeof v === "string",
    tenant: (v) => typeof v === "string",
  };
  for (const [name, isGood] of Object.entries(good)) {
    if (!isGood(reply[name])) throw new RegentError("internal", `the answer has no usable ${name}; run: regent doctor`);
  }
  return reply;
}

function authFetch(source, options = {}) {
  const send = options.fetch ?? fetch;
  return async (input, init = {}) => {
    const request = new Request(input, init);
    const again = init.body === undefined || init.body === null || typeof init.body === "string" || ArrayBuffer.isView(init.body);
    const copy = again && !(input instanceof Request && input.body) ? request.clone() : undefined;
    const token = await source.get({ minTtl: options.minTtl ?? 0 });
    request.headers.set("Authorization", "Bearer " + token.accessToken);
    const reply = await send(request);
    if (reply.status !== 401 || !copy) return reply;
    let next;
    try {
      next = await source.replace(token);
    } catch {
      return reply; // the service's answer says more than the agent's
    }
    copy.headers.set("Authorization", "Bearer " + next.accessToken);
    return send(copy);
  };
}

module.exports = { RegentError, Token, TokenSource, authFetch };
