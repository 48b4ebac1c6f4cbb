// Ask the ascend-sidecar daemon before an agent acts. One file, no dependencies, Node 18 and later.
//
//   await new Sidecar({ agent: "bot" }).require("payments.send", "account:42", { amount: 5 }); // throws NotAllowed
//
// Whatever is not a whole answer of the daemon that says allow is not allowed. The contract: shims/README.md.

import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const ANSWER = 1024 * 1024, LINE = 8 * 1024;
const ERRORS = { allow: "", deny: "denied", pending: "pending" };
const STATES = { clear: "clear", partly: "clear", blocked: "blocked", blind: "blind" };

/** `decision` tells why. */
export class NotAllowed extends Error {
  name = "NotAllowed";

  constructor(decision) {
    super(`${decision.code}: ${decision.reason || decision.error}`);
    this.decision = decision;
  }
}

/** One agent's way to its daemon. */
export class Sidecar {
  #place; #fields; #deadline; #wait; #silence; #accepts; #watch = null;

  constructor(options = {}) {
    const address = options.address || process.env.ASCEND_SIDECAR || "unix:/run/ascend-sidecar/sidecar.sock";
    const agent = options.agent || process.env.ASCEND_AGENT_ID || "";
    const token = options.token || process.env.ASCEND_TOKEN || "";
    const [, path, host, port] = /^(?:unix:(.+)|http:\/\/(\[[^\]]+\]|[^/:]+):(\d+)\/?)$/.exec(address) ?? [];
    if (!agent || !(path || host) || /[^!-~]/.test(token))
      throw new TypeError("agent must be given, address unix:/PATH or http://HOST:PORT, token ASCII");
    this.agent = agent.includes(":") ? agent : `agent:${agent}`;
    this.#place = path ? { path } : { host: host.replace(/[[\]]/g, ""), port };
    this.#fields = `Host: ${host ?? "localhost"}\r\nConnection: close\r\nContent-Type: application/json\r\n`;
    if (token) this.#fields += `Authorization: Bearer ${token}\r\n`;
    this.#deadline = (options.deadline ?? 5) * 1000;
    this.#wait = options.wait == null ? this.#deadline : options.wait * 1000;
    this.#silence = (options.silence ?? 15) * 1000;
    this.#accepts = options.acceptObligations === true;
  }

  /** May it? Nothing that the network or the daemon does makes it throw. Look at `allowed`. */
  async authorize(action, resource, properties = {}, context = {}) {
    const began = performance.now(), state = this.#state();
    if (this.#watch && (state === "blocked" || state === "unknown"))
      return refuse("blocked", `The event stream: ${state}.`, state === "blocked" ? "halted" : "halts_unknown");
    const [subject, what] = [this.agent, resource].map((name) => /^([^:]*):?([^]*)$/.exec(name))
      .map(([, type, id]) => ({ type, id }));
    const body = { subject, action: { name: action, properties }, resource: what, context };
    let found = await this.#decide("POST /access/v1/evaluation", this.#deadline, body);
    while (found.error === "pending") {
      const left = began + this.#wait - performance.now(), seconds = Math.min(55, Math.floor(left / 1000) - 1);
      if (seconds < 1) break;
      const line = `GET /v1/decisions/${found.id}`, prefer = `Prefer: wait=${seconds}\r\n`;
      const news = await this.#decide(line, left, undefined, prefer, found.id);
      if (!news.id) break;
      found = news;
      if (found.error === "pending") await sleep(1000);
    }
    return found;
  }

  /** The same; throws NotAllowed unless allowed. */
  async require(action, resource, properties = {}, context = {}) {
    const decision = await this.authorize(action, resource, properties, context);
    if (decision.allowed !== true) throw new NotAllowed(decision);
    return decision;
  }

  /** Tell once that it was "completed" or has "failed". Empty, or what went wrong with telling it. */
  async report(decision, outcome, details = {}) {
    if (!decision.id) return "invalid";
    const line = `POST /v1/decisions/${decision.id}/outcome`;
    return (await this.#exchange(line, this.#deadline, { ...details, outcome })).error ?? "";
  }

  /** Follow halts from now on. How things are: clear, blocked, blind or unknown. */
  async watch() {
    if (!this.#watch) this.#follow((this.#watch = { told: {} }));
    const end = performance.now() + this.#deadline;
    while (this.#state() === "unknown" && performance.now() < end) await sleep(10);
    return this.#state();
  }

  /** Whether to stop: halted, or not known not to be. Instant. */
  isBlocked() {
    return this.#state() !== "clear";
  }

  /** End the watch; everything is blocked until the next one. */
  close() {
    this.#watch?.socket?.destroy();
    this.#watch = null;
  }

  #state() {
    const told = performance.now() - this.#watch?.heard < this.#silence ? this.#watch.told : {};
    const words = [told[this.agent] ?? "unknown", told["*"] ?? "unknown"];
    return ["blocked", "unknown", "blind"].find((word) => words.includes(word)) ?? "clear";
  }

  async #decide(line, limit, body, fields, asked) {
    const answer = await this.#exchange(line, limit, body, fields);
    if (answer.error) return answer;
    const [verdict, id, risk, code, reason] = ["Verdict", "Id", "Risk", "Code", "Reason"]
      .map((name) => fieldOf(answer.head, `X-Ascend-${name}`));
    const isTold = /^((allow|pending) \d+|deny \d*) (\d{1,2}|100)?$/.test(`${verdict} ${id} ${risk}`) && code;
    const raw = answer.body, isWhole = raw.startsWith(`{"decision":${verdict === "allow"}`) && raw.endsWith("}");
    if (!isTold || !isWhole || (asked && id !== asked))
      return refuse("invalid", "Its parts do not fit together, or are of another decision.");
    const duties = raw.includes('"obligations":[{') || !raw.includes('"obligations":[]');
    const obliged = verdict === "allow" && duties && !this.#accepts, error = obliged ? "obliged" : ERRORS[verdict];
    return { allowed: error === "", error, code: obliged ? "obligations" : code, reason: unquote(reason),
      risk: risk === "" ? null : Number(risk), id, body: raw };
  }

  /** One request on a connection of its own: head and body of a whole answer of 200, or a refusal. */
  async #exchange(line, limit, body, fields) {
    const socket = this.#send(line, body, fields), late = new Error("No whole answer in time.");
    const timer = setTimeout(() => socket.destroy(late), limit);
    let raw = "", error = "unreachable";
    socket.on("connect", () => (error = "invalid"));
    try {
      for await (const piece of socket) if ((raw += piece).length > ANSWER) break;
    } catch (cause) {
      return refuse(error === "invalid" && cause === late ? "timeout" : error, String(cause.message));
    } finally {
      clearTimeout(timer);
    }
    const end = raw.indexOf("\r\n\r\n"), head = raw.slice(0, end + 2);
    const rest = Buffer.from(raw.slice(end + 4), "latin1");
    const status = /^HTTP\/1\.[01] ([1-5]\d\d)[ \r]/.exec(head)?.[1];
    if (status >= 400) return refuse(status < 500 ? "rejected" : "failed", "It has not decided.", `http_${status}`);
    if (status !== "200" || raw.length > ANSWER || fieldOf(head, "Content-Length") !== String(rest.length))
      return refuse("invalid", "This is no whole answer of the daemon.");
    return { head, body: rest.toString() };
  }

  #send(line, body, fields = "") {
    const raw = JSON.stringify(body) ?? "";
    const head = `${line} HTTP/1.1\r\n${this.#fields}${fields}Content-Length: ${Buffer.byteLength(raw)}\r\n\r\n`;
    const socket = net.connect(this.#place).setEncoding("latin1").on("error", () => {});
    socket.write(head + raw);
    return socket;
  }

  async #follow(watch) {
    while (watch === this.#watch) {
      watch.heard = performance.now();
      await this.#listen(watch).catch(() => {});
      watch.told = {}; // until another stream has said how things are
      await sleep(500, null, { ref: false });
    }
  }

  /** To the stream's end, silence, or what is not understood. */
  async #listen(watch) {
    const line = `GET /v1/events?agent=${encodeURIComponent(this.agent)}`;
    watch.socket = this.#send(line, undefined, "Accept: text/plain\r\n").unref();
    watch.socket.setTimeout(this.#silence, () => watch.socket.destroy());
    let rest = "", part = "status";
    for await (const piece of watch.socket) {
      const lines = (rest + piece).split("\n");
      rest = lines.pop();
      for (const one of lines) {
        if (part === "status" && !/^HTTP\/1\.[01] 200[ \r]/.test(one)) return;
        if (part === "events" && !this.#take(watch, one)) return;
        if (part !== "events") part = one === "\r" ? "events" : "head";
      }
      if (rest.length > LINE) return;
    }
  }

  #take(watch, line) {
    const now = performance.now(), [, word, quoted] = /^[^ ]+ ([^ ]+) ([^ ]+) [^ ]+$/.exec(line) ?? [];
    if (now - watch.heard > this.#silence || !(word || line.startsWith(":"))) return false;
    watch.heard = now;
    const about = word ? unquote(quoted) : "";
    if (![this.agent, "*", "-"].includes(about)) return true;
    if (!Object.hasOwn(STATES, word)) return false;
    watch.told = { ...watch.told, [about]: STATES[word] };
    return true;
  }
}

/** A field of a head; empty if it is not there, or twice: which one counts is nobody's guess. */
function fieldOf(head, name) {
  const found = head.match(new RegExp(`(?<=\r\n${name}:)[^\r\n]*`, "gi")) ?? [];
  return found.length === 1 ? found[0].trim() : "";
}

function refuse(error, reason, code = error) {
  return { allowed: false, error, code, reason, risk: null, id: "", body: "" };
}

function unquote(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
