// The WebAssembly tests, for any engine that runs JavaScript: node.mjs and page.mjs call run().
//
// Each module is tests/wasm/model.cpp with one heap of interpose/wasm/; a check throws what is wrong.

const kPage = 65536;

function assert(condition, what) {
  if (!condition) throw new Error(what);
}

// An instance, and what happens when the module calls disturb().
function load(module) {
  const self = { disturb: () => {} };
  self.instance = new WebAssembly.Instance(module, { env: { disturb: () => self.disturb() } });
  self.wasm = self.instance.exports;
  self.pages = () => self.wasm.memory.buffer.byteLength / kPage;
  return self;
}

function expectPlay(self, seed, steps) {
  const line = self.wasm.play(seed, steps);
  assert(line === 0, `seed ${seed}: model.cpp:${line}`);
}

const always = {
  'agrees with a model'(module, { steps }) {
    const self = load(module);
    for (let seed = 1; seed <= 10; ++seed) expectPlay(self, seed, steps);
  },

  'refuses what no memory holds'(module) {
    const line = load(module).wasm.refuse_too_much();
    assert(line === 0, `model.cpp:${line}`);
  },

  'fills its memory, and has all of it back in one piece'(module, { maxPages }) {
    const self = load(module);
    const before = self.pages();
    const least = (maxPages - before) * kPage;
    const blocks = self.wasm.fill_up(50000, 1000);
    assert(blocks * 50000 > 0.9 * least, `only ${blocks} blocks of 50000 bytes`);
    assert(self.pages() <= maxPages, 'more pages than there are');
    self.wasm.free_all();
    assert(self.wasm.fill_up(Math.floor(blocks * 49900), 1) === 1, 'it has been torn to pieces');
    self.wasm.free_all();
    expectPlay(self, 1, 500);
  },

  'traps in new without memory'(module) {
    const self = load(module);
    assert(self.wasm.make_new(100) !== 0, 'null');
    let trapped = false;
    try {
      self.wasm.make_new(0x7fffff00);
    } catch (error) {
      trapped = error instanceof WebAssembly.RuntimeError;
    }
    assert(trapped, 'it went on');
  },
};

const growing = {
  'extends its heap where nobody else has grown the memory'(module) {
    const self = load(module);
    const before = self.pages();
    // In a heap for each of them a page would hold one block.
    assert(self.wasm.fill_up(40000, 60) === 60, 'out of memory');
    assert(self.pages() - before < 45, `${self.pages() - before} pages for 60 blocks of 40000 bytes`);
  },

  'lets a block grow in place into what is free above it'(module) {
    const self = load(module);
    self.wasm.free(self.wasm.malloc(1000000));
    const block = self.wasm.malloc(100000);
    const above = self.wasm.malloc(100000);
    self.wasm.free(above);
    const pages = self.pages();
    assert(self.wasm.realloc(block, 190000) === block, 'it moved');
    assert(self.pages() === pages, 'memory has grown');
    assert(self.wasm.realloc(block, 10) === block, 'it moved when it shrank');
    assert(self.wasm.malloc(180000) > block && self.pages() === pages, 'the rest is lost');
  },

  'uses what the module begins with'(module) {
    const self = load(module);
    const before = self.pages();
    assert(self.wasm.make_new(16) < before * kPage, 'above the first memory');
    assert(self.pages() === before, 'memory has grown for 16 bytes');
  },

  'leaves alone what others grow, and goes on behind it'(module, { maxPages, steps }) {
    const self = load(module);
    const others = [];
    self.disturb = () => {
      if (others.length === 10 || self.pages() > maxPages / 2) return;
      const page = self.wasm.memory.grow(1);
      new Uint8Array(self.wasm.memory.buffer, page * kPage, kPage).fill(0xa5);
      others.push(page);
    };
    for (let seed = 1; seed <= 10; ++seed) expectPlay(self, seed, steps / 4);
    assert(others.length === 10, 'nobody has grown the memory');
    for (const page of others) {
      const bytes = new Uint8Array(self.wasm.memory.buffer, page * kPage, kPage);
      assert(bytes.every((byte) => byte === 0xa5), `page ${page} was written to`);
    }
  },

  'does not take for its own what was grown before it began'(module, { steps }) {
    const self = load(module);
    const page = self.wasm.memory.grow(1);
    const bytes = () => new Uint8Array(self.wasm.memory.buffer, page * kPage, kPage);
    bytes().fill(0x5a);
    expectPlay(self, 1, steps);
    assert(bytes().every((byte) => byte === 0x5a), 'it was written to');
  },
};

const toTheEnd = {
  'uses memory to the last page of 4 GiB'(module) {
    const self = load(module);
    const size = 100 << 20;
    const blocks = self.wasm.fill_up(size, 41);
    // Where the machine has less to give there are fewer.
    assert(blocks === 40 || self.pages() < 65536, `${blocks} blocks`);
    self.wasm.free_all();
    expectPlay(self, 1, 5000);
  },
};

const kinds = { heap: [always, growing], arena: [always], endless: [toTheEnd] };

// What walks over its heap at each entry plays less.
const stepsOf = (name) => (name.endsWith('-debug') ? 1000 : 20000);

// `modules`: [{name, kind, maxPages, bytes}]. Returns how many checks passed and the failures, as text.
export function run(modules) {
  const failures = [];
  let passed = 0;
  for (const { name, kind, maxPages, bytes } of modules) {
    const module = new WebAssembly.Module(bytes);
    for (const [what, check] of kinds[kind].flatMap(Object.entries)) {
      try {
        check(module, { maxPages, steps: stepsOf(name) });
        passed += 1;
      } catch (error) {
        failures.push(`${name}: ${what}: ${error.message}`);
      }
    }
  }
  return { passed, failures };
}
