// Times actions.cpp in node: actions.mjs ROUNDS NAME:PATH…, where the first is what the others are compared to.
//
// The modules take turns, in another order each round, so that what else the machine does meets all of them;
// a figure is the median of the rounds. Prints CSV: the actions per microsecond, and their ratio.
import { readFileSync } from 'node:fs';

const kActions = 100000;
const kTurns = 5;
const kinds = { 'alloc+free': 2, 'with realloc': 3 };

const noImports = new Proxy({}, { get: () => new Proxy({}, { get: () => () => 0 }) });

const contenders = process.argv.slice(3).map((argument) => {
  const [name, path] = argument.split(':');
  const module = new WebAssembly.Module(readFileSync(path));
  return { name, act: new WebAssembly.Instance(module, noImports).exports.act, scores: {} };
});

function time(contender, kind) {
  const start = process.hrtime.bigint();
  for (let turn = 0; turn < kTurns; ++turn) {
    if (contender.act(kActions, kinds[kind]) === 0) throw new Error(`${contender.name}: out of memory`);
  }
  return (kTurns * kActions * 1000) / Number(process.hrtime.bigint() - start);
}

function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

const rounds = Number(process.argv[2]);
console.log('actions,allocator,per_us,ratio');
for (const kind in kinds) {
  // V8 compiles anew what runs often: not while it is timed.
  for (const contender of contenders) time(contender, kind), time(contender, kind), (contender.scores[kind] = []);
  for (let round = 0; round < rounds; ++round) {
    for (let i = 0; i < contenders.length; ++i) {
      const contender = contenders[(i + round) % contenders.length];
      contender.scores[kind].push(time(contender, kind));
    }
  }
  const base = median(contenders[0].scores[kind]);
  for (const { name, scores } of contenders) {
    const score = median(scores[kind]);
    console.log(`${kind},${name},${score.toFixed(2)},${(score / base).toFixed(2)}`);
  }
}
