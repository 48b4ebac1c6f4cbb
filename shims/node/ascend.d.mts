export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type Fields = { [name: string]: Json };

export type ErrorWord =
  | "denied" | "pending" | "blocked" | "obliged" | "unreachable" | "timeout" | "invalid" | "rejected" | "failed";
export type State = "clear" | "blocked" | "blind" | "unknown";

interface Told {
  readonly code: string;
  readonly reason: string;
  /** 0 to 100. */
  readonly risk: number | null;
  readonly id: string;
  /** The daemon's JSON, if it came whole. */
  readonly body: string;
}
export type Allowed = Told & { readonly allowed: true; readonly error: "" };
export type Refused = Told & { readonly allowed: false; readonly error: ErrorWord };
export type Decision = Allowed | Refused;

export interface Options {
  /** `unix:/PATH` or `http://HOST:PORT`; else $ASCEND_SIDECAR. */
  address?: string;
  /** `type:id`; else $ASCEND_AGENT_ID. */
  agent?: string;
  /** Else $ASCEND_TOKEN. */
  token?: string;
  /** Seconds within which an answer must be there; 5. */
  deadline?: number;
  /** Seconds for people's approval; as the deadline. */
  wait?: number;
  /** Seconds without a line after which an event stream counts as broken; 15. */
  silence?: number;
  /** Whether the app does what allows oblige it to. */
  acceptObligations?: boolean;
}

export class NotAllowed extends Error {
  constructor(decision: Refused);
  readonly decision: Refused;
}

export class Sidecar {
  constructor(options?: Options);
  readonly agent: string;
  authorize(action: string, resource: string, properties?: Fields, context?: Fields): Promise<Decision>;
  require(action: string, resource: string, properties?: Fields, context?: Fields): Promise<Allowed>;
  report(decision: Decision, outcome: "completed" | "failed", details?: Fields): Promise<"" | ErrorWord>;
  watch(): Promise<State>;
  isBlocked(): boolean;
  close(): void;
}
