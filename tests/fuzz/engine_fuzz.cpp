// Fuzzes the engine: the first byte of an input chooses a configuration, the next ones how much memory
// there is, all others are operations. engine_model.hpp says what must hold after each of them.
#include "engine_model.hpp"
#include "talc/oom/err_on_oom.hpp"

namespace fuzz {
namespace {

World world;

// A handler that does what the input says: it adds memory, frees blocks, lets go of tops, or gives up.
struct FuzzedHandler {
  static constexpr size_t kTopFreeThreshold = 200;

  template <class Engine>
  bool handle_oom(Engine& engine, size_t, size_t) {
    if (world.patience == 0) {
      return false;
    }
    world.patience -= 1;
    switch (world.input.below(4)) {
      case 1:
        return world.regions.claim_some(engine, world.input);
      case 2:
        return world.regions.extend_some(engine, world.input);
      case 3:
        return free_some(engine);
      default:
        return false;
    }
  }

  template <class Engine>
  void on_top_free(Engine& engine, Span heap, size_t free_bytes) {
    world.regions.on_top_free(engine, heap, free_bytes, world.input);
  }

 private:
  template <class Engine>
  static bool free_some(Engine& engine) {
    const bool has_some = world.blocks.count() != 0;
    if (has_some) {
      EngineModel<Engine>(engine, world).free(world.input.below(world.blocks.count()));
    }
    return has_some;
  }
};

constexpr unsigned kMostBits = 18;
constexpr unsigned kPatience = 8;

Request some_request(Input& input) {
  Request request;
  request.size = input.magnitude(kMostBits);
  const size_t shape = input.byte();
  request.align = size_t{1} << (shape < 128 ? shape % 5 : shape % 22);
  request.offset = shape % 16 == 15 ? talc::kWordSize * input.byte() : 0;
  return request;
}

// Sizes at which sums could overflow, and alignments that no heap has.
template <class Engine>
void ask_too_much(EngineModel<Engine>& model, Input& input) {
  const size_t nearly[] = {~size_t{0}, ~size_t{0} / 2, talc::kMaxRequest,
                           size_t{1} << (talc::kWordBits == 64 ? 40 : 30)};
  model.malloc_too_much(nearly[input.below(4)] - input.byte(),
                        size_t{1} << input.below(talc::kWordBits));
}

template <class Engine>
void malloc_many(EngineModel<Engine>& model, Input& input) {
  const Request request = some_request(input);
  for (size_t left = input.byte(); left != 0; --left) {
    model.malloc(request);
  }
}

// Every `step`th of a run of blocks.
template <class Engine>
void free_many(EngineModel<Engine>& model, Input& input) {
  size_t index = input.below(BlockTable::kCapacity);
  const size_t step = input.below(4);
  for (size_t left = 4 * input.byte(); left != 0 && index < world.blocks.count(); --left) {
    model.free(index);
    index += step;
  }
}

template <class Engine>
void act_on_block(EngineModel<Engine>& model, Input& input, size_t action) {
  if (world.blocks.count() == 0) {
    return;
  }
  const size_t index = input.below(world.blocks.count());
  switch (action) {
    case 0:
      return model.grow_in_place(index, input.magnitude(kMostBits));
    case 1:
      return model.grow(index, input.magnitude(kMostBits));
    case 2:
      return model.shrink(index, input.magnitude(kMostBits) % (world.blocks[index].bytes + 1));
    case 3:
      return model.realloc(index, input.magnitude(kMostBits));
    default:
      return model.free(index);
  }
}

template <class Engine>
void act_on_heaps(Engine& engine, Input& input, size_t action) {
  switch (action) {
    case 0:
      world.regions.claim_some(engine, input);
      return;
    case 1:
      world.regions.extend_some(engine, input);
      return;
    default:
      world.regions.truncate_some(engine, input);
  }
}

// Which operation a byte stands for.
template <class Engine>
void act(Engine& engine, EngineModel<Engine>& model, Input& input) {
  const size_t action = input.byte() % 16;
  if (action < 4) {
    model.malloc(some_request(input));
  } else if (action < 10) {
    act_on_block(model, input, action - 4);
  } else if (action < 13) {
    act_on_heaps(engine, input, action - 10);
  } else if (action == 13) {
    ask_too_much(model, input);
    world.regions.for_each([&](Span heap) { model.check_allocated_span(heap); });
  } else if (action == 14) {
    malloc_many(model, input);
  } else {
    free_many(model, input);
  }
}

// An engine takes its heaps along when it is moved: the second half of the input is another's.
template <class Engine>
void play(Engine& engine, Input& input, size_t steps) {
  EngineModel<Engine> model(engine, world);
  world.regions.claim_some(engine, input);
  for (; steps != 0 && !input.is_empty(); --steps) {
    world.patience = kPatience;
    act(engine, model, input);
    model.check();
  }
}

// Without blocks each heap is one gap, but for the table, and goes when it is asked to.
template <class Engine>
void finish(Engine& engine) {
  EngineModel<Engine> model(engine, world);
  while (world.blocks.count() != 0) {
    model.free(world.blocks.count() / 2);
  }
  model.check();
  world.regions.truncate_all(engine);
  model.check();
  require(world.regions.expected().heap_count <= 1, "a heap without blocks does not go");
  world.regions.end();
}

template <class Handler, talc::Config kConfig>
void run() {
  using Engine = talc::Talc<Handler, kConfig>;
  Engine engine;
  play(engine, world.input, 16 + world.input.byte());
  Engine moved(static_cast<Engine&&>(engine));
  play(moved, world.input, ~size_t{0});
  finish(moved);
}

// The model walks the heaps itself, after each step.
constexpr talc::Config kPlain = {.counters = true, .validate = false};

constexpr talc::Config with(talc::Config config, void (*change)(talc::Config&)) {
  change(config);
  return config;
}

constexpr auto kNoQuick = with(kPlain, [](talc::Config& it) { it.quick_lists = false; });
constexpr auto kNotCompact = with(kPlain, [](talc::Config& it) { it.compact = false; });
constexpr auto kSpareTop = with(kPlain, [](talc::Config& it) { it.spare_top = true; });
constexpr auto kFixedBins = with(kPlain, [](talc::Config& it) { it.fixed_bins = 256; });
constexpr auto kFewBins =
    with(kNotCompact, [](talc::Config& it) { it.bins_per_doubling_log2 = 3; });

void run_configuration(size_t number) {
  switch (number % 8) {
    case 0:
      return run<talc::ErrOnOom, kPlain>();
    case 1:
      return run<talc::ErrOnOom, kNoQuick>();
    case 2:
      return run<talc::ErrOnOom, kNotCompact>();
    case 3:
      return run<talc::ErrOnOom, kFixedBins>();
    case 4:
      return run<talc::ErrOnOom, kFewBins>();
    case 5:
      return run<FuzzedHandler, kPlain>();
    case 6:
      return run<FuzzedHandler, kNoQuick>();
    default:
      return run<FuzzedHandler, kSpareTop>();
  }
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  talc::assertion_hook = talc::print_assertion;
  fuzz::Input input(bytes, size);
  const size_t configuration = input.byte();
  fuzz::world.begin(input);
  fuzz::run_configuration(configuration);
  return 0;
}
