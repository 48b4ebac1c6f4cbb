// Ask the ascend-sidecar daemon before an agent acts. One file, no dependencies, Node 18 and later.
//
//   await new Sidecar({ agent: "bot" }).require("payments.send", "account:42", { amount: 5 }); // throws NotAllowed
//
// Whatever is not a whole answer of the daemon that says allow is not allowed. The contract: shims/README.md.

import http from "node:http";

const HEAD = 64 * 1024, BODY = 1024 * 1024, LINE = 8 * 1024;
const BEGINS = { allow: '{"decision":true', pending: '{"decision":false', deny: '{"decision":false' };
const STATES = { clear: "clear", partly: "clear", blocked: "blocked", blind: "blind" };
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const refuse = (error, reason, code = error) =>
  ({ allowed: false, error, code, reason, risk: null, id: "", body: "" });

/** `decision` tells why. */
export class NotAllowed extends Error {
  constructor(decision) {
    super(`${decision.code}: ${decision.reason || decision.error}`);
    this.name = "NotAllowed";
    this.decision = decision;
  }
}

/** One agent's way to its daemon. */
export class Sidecar {
  #base; #deadline; #wait; #silence; #accepts; #watching = null; #told = {}; #heard = -Infinity; #news = new Set();

  constructor(options = {}) {
    const address = options.address || process.env.ASCEND_SIDECAR || "unix:/run/ascend-sidecar/sidecar.sock";
    const agent = options.agent || process.env.ASCEND_AGENT_ID || "";
    const token = options.token || process.env.ASCEND_TOKEN || "";
    const tcp = /^http:\/\/(\[[0-9a-fA-F:]+\]|[^/:[\]]+)(?::(\d+))?\/?$/.exec(address);
    if (!agent || !(tcp || /^unix:./.test(address)) || /[^!-~]/.test(token))
      throw new TypeError("agent must be given, address unix:/PATH or http://HOST:PORT, token ASCII");
    this.agent = agent.includes(":") ? agent : `agent:${agent}`;
    const place = tcp ? { host: tcp[1].replace(/[[\]]/g, ""), port: tcp[2] || 80 } : { socketPath: address.slice(5) };
    const headers = { Connection: "close", ...(token && { Authorization: `Bearer ${token}` }) };
    this.#base = { ...place, headers, agent: false, maxHeaderSize: HEAD, insecureHTTPParser: false };
    this.#deadline = (options.deadline ?? 5) * 1000;
    this.#wait = options.wait == null ? this.#deadline : options.wait * 1000;
    this.#silence = (options.silence ?? 15) * 1000;
    this.#accepts = options.acceptObligations === true;
  }

  /** May it? Nothing that the network or the daemon does makes it throw. Look at `allowed`. */
  async authorize(action, resource, properties = {}, context = {}) {
    const began = performance.now(), state = this.#state();
    if (this.#watching && (state === "blocked" || state === "unknown"))
      return refuse("blocked", `The event stream: ${state}.`, state === "blocked" ? "halted" : "halts_unknown");
    const [subject, what] = [this.agent, resource].map((name) => /^([^:]*):?([^]*)$/.exec(name))
      .map(([, type, id]) => ({ type, id }));
    const body = { subject, action: { name: action, properties }, resource: what, context };
    let found = await this.#decide("POST", "/access/v1/evaluation", {}, body, this.#deadline);
    while (found.error === "pending") {
      const asked = performance.now(), left = began + this.#wait - asked;
      if (left < 1500) break;
      const prefer = { Prefer: `wait=${Math.min(55, Math.floor(left / 1000 - 0.5))}` };
      const news = await this.#decide("GET", `/v1/decisions/${found.id}`, prefer, null, left, found.id);
      if (news.error === "timeout") break;
      found = news.id ? news : { ...news, id: found.id, risk: found.risk, reason: found.reason };
      if (found.error === "pending") await sleep(Math.max(0, asked + 1000 - performance.now()));
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
    const body = { ...details, outcome };
    const told = await this.#exchange("POST", `/v1/decisions/${decision.id}/outcome`, {}, body, this.#deadline);
    return told.error ?? "";
  }

  /** Follow halts from now on. How things are: clear, blocked, blind or unknown. */
  async watch() {
    if (!this.#watching) this.#follow((this.#watching = {}));
    const end = performance.now() + this.#deadline;
    while (this.#state() === "unknown" && performance.now() < end) {
      let heard;
      await Promise.race([new Promise((done) => this.#news.add((heard = done))), sleep(Math.min(200, end - performance.now()))]);
      this.#news.delete(heard);
    }
    return this.#state();
  }

  /** Whether to stop: halted, or not known not to be. Instant. */
  isBlocked() {
    return this.#state() !== "clear";
  }

  /** End the watch; everything is blocked until the next one. */
  close() {
    this.#watching?.request?.destroy();
    this.#watching = null;
    this.#told = {};
  }

  #state() {
    const told = performance.now() - this.#heard < this.#silence ? this.#told : {};
    const both = [told[this.agent] ?? "unknown", told["*"] ?? "unknown"];
    return ["blocked", "unknown", "blind"].find((word) => both.includes(word)) ?? "clear";
  }

  async #decide(method, path, headers, body, limit, asked = "") {
    const answer = await this.#exchange(method, path, headers, body, limit);
    if (answer.error) return answer;
    const [verdict, code, id] = ["verdict", "code", "id"].map((name) => only(answer, `x-ascend-${name}`));
    const [risk, reason] = ["risk", "reason"].map((name) => answer.headers[`x-ascend-${name}`] ?? "");
    const raw = answer.body, allows = verdict === "allow" && !this.#accepts;
    const obliged = allows && raw.includes('"obligations":[{');
    const fits = Object.hasOwn(BEGINS, verdict) && raw.startsWith(BEGINS[verdict]) && raw.endsWith("}") && code &&
      (!allows || obliged || raw.includes('"obligations":[]')) && /^\d*$/.test(id) && (id || verdict === "deny") &&
      /^(\d{1,2}|100)?$/.test(risk) && (!asked || id === asked);
    if (!fits) return refuse("invalid", "Its parts do not fit together, or are of another decision.");
    const error = obliged ? "obliged" : { allow: "", deny: "denied" }[verdict] ?? verdict;
    return { allowed: error === "", error, code: obliged ? "obligations" : code, reason: unquote(reason),
      risk: risk === "" ? null : Number(risk), id, body: raw };
  }

  /** One request on a connection of its own: a whole answer of status 200, or a refusal. */
  #exchange(method, path, headers, body, limit) {
    return new Promise((done) => {
      const raw = body === null ? "" : JSON.stringify(body);
      let connected = false, request;
      const end = (result) => { clearTimeout(timer); done(result); request?.destroy(); };
      const broken = (why) => end(refuse(connected ? "invalid" : "unreachable", String(why?.message || why)));
      const timer = setTimeout(() => end(refuse(connected ? "timeout" : "unreachable", "No whole answer in time.")), limit);
      const typed = raw && { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(raw) };
      request = http.request({ ...this.#base, method, path, headers: { ...this.#base.headers, ...headers, ...typed } });
      request.on("socket", (socket) => socket.on("connect", () => (connected = true)));
      request.on("error", broken).on("close", () => broken("The connection ended before the answer did."));
      request.on("response", (answer) => {
        const wrong = misread(answer), pieces = [];
        if (wrong) return end(wrong);
        answer.on("data", (piece) => pieces.push(piece)).on("error", broken);
        answer.on("end", () => end({ headers: answer.headers, fields: answer.rawHeaders, body: `${Buffer.concat(pieces)}` }));
      });
      request.end(raw);
    });
  }

  async #follow(mine) {
    while (this.#watching === mine) {
      this.#heard = performance.now();
      await this.#events(mine);
      if (this.#watching === mine) this.#told = {};
      await new Promise((done) => setTimeout(done, 500).unref());
    }
  }

  #events(mine) {
    return new Promise((done) => {
      let rest = "", timer, request;
      const end = () => { clearTimeout(timer); done(); request?.destroy(); };
      const alive = () => { clearTimeout(timer); timer = setTimeout(end, this.#silence).unref(); };
      const path = `/v1/events?agent=${encodeURIComponent(this.agent)}`;
      request = http.get({ ...this.#base, path, headers: { ...this.#base.headers, Accept: "text/plain" } });
      mine.request = request;
      alive();
      request.on("socket", (socket) => socket.unref()).on("error", end).on("close", end);
      request.on("response", (answer) => {
        if (answer.statusCode !== 200) return end();
        answer.setEncoding("utf8").on("error", end).on("end", end).on("data", (piece) => {
          const lines = (rest + piece).split("\n");
          rest = lines.pop();
          for (const line of lines) {
            this.#heard = performance.now();
            alive();
            if (this.#watching !== mine || !this.#take(line)) return end();
          }
          this.#news.forEach((tell) => tell());
          if (rest.length > LINE) end();
        });
      });
    });
  }

  #take(line) {
    if (line.startsWith(":")) return true;
    const [, word, about] = /^\d+ (\S+) (\S+) \S+$/.exec(line) ?? [];
    if (!word || word === "bye" || word === "cut") return false;
    const name = unquote(about);
    if (name !== this.agent && name !== "*") return true;
    this.#told = { ...this.#told, [name]: Object.hasOwn(STATES, word) ? STATES[word] : "unknown" };
    return Object.hasOwn(STATES, word);
  }
}

function misread(answer) {
  const status = answer.statusCode, length = only({ fields: answer.rawHeaders }, "content-length");
  const error = status >= 400 && status < 600 ? (status < 500 ? "rejected" : "failed") : "invalid";
  if (status !== 200) return refuse(error, `Status ${status}.`, error === "invalid" ? error : `http_${status}`);
  if (answer.headers["transfer-encoding"] || !/^\d{1,7}$/.test(length) || Number(length) > BODY)
    return refuse("invalid", "A body without a length, or one that is too long.");
  return null;
}

function only({ fields }, name) {
  const found = fields.filter((_, at) => at % 2 && fields[at - 1].toLowerCase() === name);
  return found.length === 1 ? found[0] : undefined;
}

function unquote(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
