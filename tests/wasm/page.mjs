// Prints a page that runs checks.mjs in a browser and says how it went in its body: page.mjs, with the
// arguments of node.mjs. The modules are in the page, since a file may not fetch its neighbours.
import { readFileSync } from 'node:fs';

const modules = process.argv.slice(2).map((argument) => {
  const [name, kind, maxPages, path] = argument.split(':');
  return { name, kind, maxPages: Number(maxPages), base64: readFileSync(path).toString('base64') };
});
const checks = readFileSync(new URL('./checks.mjs', import.meta.url), 'utf8');
console.log(`<!DOCTYPE html><meta charset="utf-8"><body>not run<script type="module">
${checks}
const modules = ${JSON.stringify(modules)};
for (const module of modules) {
  module.bytes = Uint8Array.from(atob(module.base64), (letter) => letter.charCodeAt(0));
}
// Browsers compile only small modules at once on the main thread: these are.
const { passed, failures } = run(modules);
document.body.textContent =
  failures.concat([\`browser: \${passed} passed, \${failures.length} failed\`]).join('\\n');
</script>`);
