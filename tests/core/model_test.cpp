// The engine against a model of it: random operations on blocks and heaps, and moves of the engine,
// each answer and all contents checked, all invariants after each step, for several configurations
// and arena sizes.
//
// TALC_TEST_SEED repeats a run or tries another; TALC_TEST_ROUNDS makes it longer.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <memory>
#include <type_traits>

#include "core/block_model.hpp"
#include "core/heap_pool.hpp"
#include "core/test_memory.hpp"
#include "talc/core/talc.hpp"
#include "talc/oom/err_on_oom.hpp"

namespace talc {
namespace {

template <class HandlerType, Config kItsConfig>
struct Setup {
  using Handler = HandlerType;
  using Engine = Talc<HandlerType, kItsConfig>;
  using Blocks = BlockModel<HandlerType, kItsConfig>;
  static constexpr size_t kTables = kItsConfig.small_code ? 0 : 1;
};

struct Scale {
  size_t arena_bytes;
  int steps;
};

constexpr Scale kScales[] = {{256, 600},
                             {400, 600},
                             {1000, 600},
                             {4096, 600},
                             {20000, 500},
                             {70000, 400},
                             {300000, 300},
                             {size_t{1} << 20, 250},
                             {size_t{8} << 20, 100}};

template <class SetupType>
class Model : public testing::Test {
 protected:
  using Handler = typename SetupType::Handler;
  using Engine = typename SetupType::Engine;
  using Blocks = typename SetupType::Blocks;
  static constexpr bool kHasPool = !std::is_same_v<Handler, ErrOnOom>;

  void play(unsigned long seed, Scale scale) {
    Random random(seed);
    HeapPool pool(random, random.between(1, 4), scale.arena_bytes);
    auto engine = std::make_unique<Engine>(make_handler(pool, random));
    Blocks model(*engine, pool, random);
    model.failure_is_excused = kHasPool;
    max_size_ = scale.arena_bytes >> random.between(0, 8);
    max_align_log2_ = random.one_in(4) ? 22 : random.between(0, 12);
    for (int step = 0; step < scale.steps && !this->HasFailure(); ++step) {
      SCOPED_TRACE(testing::Message() << "step " << step);
      if (step % 64 == 0) {
        malloc_percent_ = random.between(15, 70);
      }
      if (random.one_in(100)) {
        engine = std::make_unique<Engine>(static_cast<Engine&&>(*engine));
        model.follow(*engine);
      }
      act(*engine, pool, model, random);
      model.check();
    }
    if (!this->HasFailure()) {
      finish(*engine, pool, model);
    }
  }

  static Handler make_handler([[maybe_unused]] HeapPool& pool, [[maybe_unused]] Random& random) {
    if constexpr (kHasPool) {
      return Handler{&pool, &random};
    } else {
      return Handler{};
    }
  }

 private:
  Request draw(Random& random) const {
    const size_t size =
        random.one_in(4) ? random.below(max_size_ + 1) : random.magnitude(max_size_);
    const size_t align = size_t{1} << random.below(random.below(max_align_log2_ + 1) + 1);
    const size_t offset = random.one_in(8) ? kWordSize * random.below(1000) : 0;
    return {size, align, offset};
  }

  void act(Engine& engine, HeapPool& pool, Blocks& model, Random& random) {
    if (pool.heap_count() == 0 || random.one_in(25)) {
      return act_on_heaps(engine, pool, random);
    }
    if (model.count() == 0 || random.below(100) < malloc_percent_) {
      return model.malloc(draw(random));
    }
    switch (random.below(11)) {
      case 0:
        return model.grow_in_place_one(random.magnitude(max_size_));
      case 1:
        return model.grow_one(random.magnitude(max_size_));
      case 2:
        return model.shrink_one();
      case 3:
        return model.resize_in_place_one(random.magnitude(2 * max_size_));
      case 4:
      case 5:
        return model.realloc_one(random.magnitude(2 * max_size_));
      default:
        return model.free_one();
    }
  }

  static void act_on_heaps(Engine& engine, HeapPool& pool, Random& random) {
    switch (random.below(3)) {
      case 0:
        pool.claim_some(engine);
        return;
      case 1:
        pool.extend_some(engine);
        return;
      default:
        pool.truncate_some(engine);
    }
  }

  // Without blocks each heap is one gap, but for the bins' table, and goes when it is asked to.
  static void finish(Engine& engine, HeapPool& pool, Blocks& model) {
    model.free_all();
    model.check();
    size_t chunk_count = 0;
    engine.for_each_heap([&](Span heap) {
      engine.get_allocated_span(heap);
      engine.for_each_chunk(heap, [&](Span, bool allocated) { chunk_count += allocated ? 1 : 0; });
    });
    EXPECT_EQ(chunk_count, pool.heap_count() == 0 ? 0U : SetupType::kTables)
        << "only the table is left";
    pool.truncate_all(engine);
    model.check();
    EXPECT_LE(pool.heap_count(), SetupType::kTables);
  }

  size_t max_size_ = 0;
  size_t max_align_log2_ = 0;
  size_t malloc_percent_ = 50;
};

using Setups = testing::Types<
    Setup<ErrOnOom, Config{}>, Setup<ErrOnOom, Config{.counters = true}>,
    Setup<ErrOnOom, Config{.quick_lists = false, .counters = true}>,
    Setup<ErrOnOom, Config{.counters = true, .compact = false}>,
    Setup<ErrOnOom, Config{.bins_per_doubling_log2 = 3, .quick_lists = false, .compact = false}>,
    Setup<ErrOnOom,
          Config{.quick_lists = false, .counters = true, .compact = false, .small_code = true}>,
    Setup<PoolHandler, Config{.quick_lists = false, .compact = false, .small_code = true}>,
    Setup<ErrOnOom, Config{.fixed_bins = 256}>, Setup<PoolHandler, Config{.counters = true}>,
    Setup<PoolHandler, Config{.quick_lists = false, .counters = true}>>;
TYPED_TEST_SUITE(Model, Setups);

TYPED_TEST(Model, AgreesWithTheEngine) {
  const char* const given_rounds = getenv("TALC_TEST_ROUNDS");
  const int rounds = given_rounds != nullptr ? atoi(given_rounds) : 2;
  unsigned long seed = test_seed(1);
  for (int round = 0; round < rounds; ++round) {
    for (const Scale scale : kScales) {
      SCOPED_TRACE(testing::Message()
                   << "TALC_TEST_SEED=" << seed << ", arenas of " << scale.arena_bytes << " bytes");
      this->play(seed, scale);
      if (this->HasFailure()) {
        return;
      }
    }
    seed += 1;
  }
}

}  // namespace
}  // namespace talc
