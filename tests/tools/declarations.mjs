// What a module's declarations promise, and what it exports: `node declarations.mjs TYPESCRIPT DECLARATIONS MODULE`.
//
// Prints `{declared, exported}`, each by the export's name and its members': how many arguments a function needs, or
// null for a property. An export is made with the arguments that MADE gives it, so that its own properties are seen.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [typescript, declarations, module] = process.argv.slice(2);
const ts = createRequire(import.meta.url)(typescript);
const MADE = { Sidecar: [{ agent: "bot" }], NotAllowed: [{ code: "", reason: "", error: "" }] };
const ordinary = new Set(["constructor", "name", ...Object.getOwnPropertyNames(new Error("x"))]);

function declared() {
  const program = ts.createProgram([declarations], { strict: true, module: ts.ModuleKind.NodeNext });
  const checker = program.getTypeChecker();
  const all = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(declarations)));
  const values = all.filter((one) => one.flags & ts.SymbolFlags.Value);
  return Object.fromEntries(values.map((one) => [one.name, membersOf(checker, one)]));
}

function membersOf(checker, symbol) {
  const needed = (signature) => signature.minArgumentCount;
  const made = checker.getTypeOfSymbol(symbol).getConstructSignatures();
  const members = [...(symbol.members?.values() ?? [])].filter((one) => !(one.flags & ts.SymbolFlags.Constructor));
  const told = members.map((one) => [one.name, checker.getTypeOfSymbol(one).getCallSignatures().map(needed)[0] ?? null]);
  return sorted([["new", made.map(needed)[0] ?? null], ...told]);
}

function exported(values) {
  return Object.fromEntries(Object.entries(values).map(([name, made]) => [name, shown(made, new made(...MADE[name]))]));
}

function shown(made, one) {
  const names = [...Object.getOwnPropertyNames(made.prototype), ...Object.getOwnPropertyNames(one)];
  const told = names.filter((name) => !ordinary.has(name)).map((name) => [name, one[name]?.call ? one[name].length : null]);
  return sorted([["new", made.length], ...told]);
}

const sorted = (pairs) => Object.fromEntries(pairs.sort(([one], [other]) => (one < other ? -1 : 1)));

console.log(JSON.stringify({ declared: declared(), exported: exported(await import(pathToFileURL(module))) }));
