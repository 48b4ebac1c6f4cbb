// The Node shim in a loop, for the vectors.

import { createInterface } from "node:readline";
import { Sidecar } from "./ascend.mjs";

const clean = (value) => String(value ?? "").replace(/[\t\r\n]/g, " ") || "-";
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
let sidecar, decision;

const verbs = {
  open([address, agent, token, deadline, wait, silence, duties]) {
    const limits = { deadline: Number(deadline), wait: Number(wait), silence: Number(silence) };
    sidecar = new Sidecar({ address, agent, token, ...limits, acceptObligations: duties === "accept" });
    return ["ok"];
  },
  async authorize([action, resource, properties, context]) {
    decision = await sidecar.authorize(action, resource, JSON.parse(properties), JSON.parse(context));
    const { allowed, error, code, id, risk, reason } = decision;
    return ["decision", allowed === true ? "allowed" : "refused", error, code, id, risk, reason];
  },
  report: async ([outcome, details]) => ["reported", await sidecar.report(decision, outcome, JSON.parse(details))],
  watch: async () => ["watching", await sidecar.watch()],
  blocked: () => ["blocked", sidecar.isBlocked() ? "yes" : "no"],
  async await([word]) {
    const end = performance.now() + 10000;
    while (sidecar.isBlocked() !== (word === "yes") && performance.now() < end) await sleep(5);
    return verbs.blocked();
  },
  // The median of so many allowed calls, in microseconds.
  async measure([count, action, resource]) {
    const took = [];
    while (took.length < Number(count)) {
      const began = performance.now();
      await sidecar.require(action, resource);
      took.push(performance.now() - began);
    }
    took.sort((one, other) => one - other);
    return ["measured", (took[took.length >> 1] * 1000).toFixed(1)];
  },
  close() {
    sidecar.close();
    return ["closed"];
  },
};

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const [verb, ...given] = line.split("\t").map((field) => (field === "-" ? "" : field));
  console.log((await verbs[verb](given)).map(clean).join("\t"));
}
