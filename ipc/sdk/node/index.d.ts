/** Access tokens for applications that are licensed through Sentinel Cloud LM. */

/** An error of the agent. `code` is the code of the protocol, for example "denied". */
export class RegentError extends Error {
  /** The code of the protocol, or "not_reachable" or "untrusted_listener". */
  readonly code: string;
  /** Seconds after which another try may help; undefined if none are named. */
  readonly retryAfter?: number;
  /** The instance that the error is about. */
  readonly instance?: string;
}

/** An access token. It does not print itself. */
export class Token {
  /** The value for "Authorization: Bearer". */
  readonly accessToken: string;
  readonly application: string;
  /** For example "cad/1". */
  readonly instance: string;
  /** Base URL of the service. */
  readonly tenant: string;
  /** Rises by one with each refresh. */
  readonly generation: number;
  /** Seconds until the token expires; 0 if it has expired. */
  get expiresIn(): number;
  toString(): string;
  toJSON(): string;
}

export interface Options {
  /** The instance to lease, for example "1". Without it the agent leases a free one. */
  instance?: string;
  /** The socket. Without it REGENT_SOCKET, else the installed one. */
  socket?: string;
}

export interface Wish {
  /** Seconds that the token should still be valid. */
  minTtl?: number;
  /** Seconds to wait for that. */
  wait?: number;
}

/** Gives valid access tokens of one application. Calls that wait share one request. */
export class TokenSource {
  constructor(application: string, options?: Options);
  /** Returns a token that is valid now. Rejects with a RegentError. */
  get(wish?: Wish): Promise<Token>;
  /** Reports that the service refused a token with 401, and returns another one. */
  replace(rejected: Token): Promise<Token>;
  /** Closes the connection. The lease ends with the process. */
  close(): void;
}

/**
 * Returns a fetch that sends the token. After a 401 it replaces the token and repeats
 * the request once, if its body can be sent again.
 */
export function authFetch(source: TokenSource, options?: { fetch?: typeof fetch; minTtl?: number }): typeof fetch;
