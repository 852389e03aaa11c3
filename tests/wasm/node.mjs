// Runs checks.mjs in node: node.mjs NAME:KIND:PAGES:PATH…, as scripts/wasm calls it.
import { readFileSync } from 'node:fs';
import { run } from './checks.mjs';

const modules = process.argv.slice(2).map((argument) => {
  const [name, kind, maxPages, path] = argument.split(':');
  return { name, kind, maxPages: Number(maxPages), bytes: readFileSync(path) };
});
const { passed, failures } = run(modules);
for (const failure of failures) console.log(`FAIL  ${failure}`);
console.log(`node: ${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 && passed > 0 ? 0 : 1;
