// Has words.wasm count, in node: words.mjs MODULE. A page does the same, but for where the module comes
// from: WebAssembly.instantiateStreaming(fetch('words.wasm')).
import { readFileSync } from 'node:fs';

const module = new WebAssembly.Module(readFileSync(process.argv[2]));
const { memory, allocate, release, count_words } = new WebAssembly.Instance(module).exports;

function countWords(text) {
  const bytes = new TextEncoder().encode(text);
  const block = allocate(bytes.length);
  if (block === 0) throw new Error('the memory cannot grow so far');
  // Only now: when the memory grows, `memory.buffer` is another one.
  new Uint8Array(memory.buffer, block, bytes.length).set(bytes);
  const count = count_words(block, bytes.length);
  release(block, bytes.length);
  return count;
}

console.log('different words:', countWords('the quick brown fox jumps over the lazy dog'));

const long = Array.from({ length: 20000 }, (_, i) => `word${i % 500}`).join(' ');
const before = memory.buffer.byteLength;
console.log('in a long text:', countWords(long));
const after = memory.buffer.byteLength;
console.log('the memory has grown:', after > before);

// What was freed serves again.
for (let i = 0; i < 10; ++i) countWords(long);
console.log('and does not grow further:', memory.buffer.byteLength === after);
