// Three workers and the main thread, each with its own heap of objects: JSON there and back, buffers,
// compression, typed arrays. V8 has its own heap; its compiler, parser, zlib and buffers use malloc.
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const { createHash } = require('crypto');
const zlib = require('zlib');

function work(seed) {
  const all = [];
  for (let i = 0; i < 25000; i++) {
    all.push({ id: i, name: 'n' + (i * seed) % 997, tags: [i % 3, i % 5] });
  }
  const hash = createHash('sha256');
  for (let round = 0; round < 3; round++) {
    const text = JSON.stringify(all);
    hash.update(zlib.gunzipSync(zlib.gzipSync(text, { level: 1 })));
    const buffers = [];
    for (let i = 0; i < 5000; i++) buffers.push(Buffer.alloc(5000 + (i * seed) % 3000, i));
    for (let i = 0; i < buffers.length; i += 100) hash.update(buffers[i].subarray(0, 100));
  }
  for (let i = 0; i < 100000; i++) new RegExp('a' + i % 500 + '(b|c)*d').test('a' + i + 'bcbcd');
  return hash.digest('hex');
}

if (isMainThread) {
  const digests = [];
  for (const seed of [2, 3, 5]) {
    new Worker(__filename, { workerData: seed }).on('message', (digest) => {
      if (digests.push(digest) === 4) console.log(digests.sort().join('\n'));
    });
  }
  digests.push(work(1));
} else {
  parentPort.postMessage(work(workerData));
}
