// A logic minimiser: sets of a few bytes, in lists of them, made and dropped in deep recursion.
//
// After espresso (Brayton, Hachtel, McMullen, Sangiovanni-Vincentelli: "Logic Minimization Algorithms for
// VLSI Synthesis", 1984), in the suite of Zorn and Grunwald ("Empirical Measurements of Six
// Allocation-intensive C Programs", 1992). Covers, lists of cubes, are complemented by Shannon expansion:
// each level copies the cubes of its half of the space, and drops them on the way back. Stresses: tiny blocks whose lifetimes are nested,
// beside lists from 8 bytes to some KiB. One thread. A cover and its complement must fill the space.
#include "common.hpp"

namespace {

constexpr unsigned kVariables = 18;
constexpr uint32_t kAll = (uint32_t{1} << kVariables) - 1;
constexpr unsigned kCubes = 40;
constexpr uint64_t kCovers = 1100;

// A product of literals: bit i of `may_be_0` says that variable i may be 0 in it.
struct Cube {
  uint32_t may_be_0;
  uint32_t may_be_1;
};

// Its cubes are or-ed; the list has room for exactly those that it is made for.
struct Cover {
  Cube** cubes;
  size_t count;
};

void* allocate(size_t size) {
  void* const ptr = malloc(size);
  if (ptr == nullptr) {
    bench::fail("out of memory");
  }
  return ptr;
}

Cover make_cover(size_t room) {
  return {static_cast<Cube**>(allocate((room == 0 ? 1 : room) * sizeof(Cube*))), 0};
}

void add(Cover& cover, uint32_t may_be_0, uint32_t may_be_1) {
  Cube* const cube = static_cast<Cube*>(allocate(sizeof(Cube)));
  *cube = {may_be_0, may_be_1};
  cover.cubes[cover.count++] = cube;
}

void drop(Cover& cover) {
  for (size_t i = 0; i < cover.count; ++i) {
    free(cover.cubes[i]);
  }
  free(cover.cubes);
}

// The cubes that meet the half of the space in which the variable is `value`, without that literal.
Cover cofactor(const Cover& cover, uint32_t variable, bool value) {
  Cover half = make_cover(cover.count);
  for (size_t i = 0; i < cover.count; ++i) {
    const Cube& cube = *cover.cubes[i];
    if (((value ? cube.may_be_1 : cube.may_be_0) & variable) != 0) {
      add(half, cube.may_be_0 | variable, cube.may_be_1 | variable);
    }
  }
  return half;
}

bool holds_universe(const Cover& cover) {
  for (size_t i = 0; i < cover.count; ++i) {
    if (cover.cubes[i]->may_be_0 == kAll && cover.cubes[i]->may_be_1 == kAll) {
      return true;
    }
  }
  return false;
}

// The variable that stands in most cubes: its halves are the simplest.
uint32_t busiest_variable(const Cover& cover) {
  uint32_t best = 1;
  size_t most = 0;
  for (uint32_t variable = 1; variable <= kAll; variable <<= 1) {
    size_t count = 0;
    for (size_t i = 0; i < cover.count; ++i) {
      count += (cover.cubes[i]->may_be_0 & cover.cubes[i]->may_be_1 & variable) == 0;
    }
    if (count > most) {
      most = count;
      best = variable;
    }
  }
  return best;
}

// The two halves' cubes in one list, which takes them over, each with its literal.
Cover merge(Cover& zero, Cover& one, uint32_t variable) {
  Cover both = make_cover(zero.count + one.count);
  for (size_t i = 0; i < zero.count; ++i) {
    zero.cubes[i]->may_be_1 &= ~variable;
    both.cubes[both.count++] = zero.cubes[i];
  }
  for (size_t i = 0; i < one.count; ++i) {
    one.cubes[i]->may_be_0 &= ~variable;
    both.cubes[both.count++] = one.cubes[i];
  }
  free(zero.cubes);
  free(one.cubes);
  return both;
}

// Cubes that do not overlap, and cover exactly what `cover` does not.
Cover complement(const Cover& cover) {
  if (cover.count == 0 || holds_universe(cover)) {
    Cover result = make_cover(1);
    if (cover.count == 0) {
      add(result, kAll, kAll);
    }
    return result;
  }
  const uint32_t variable = busiest_variable(cover);
  Cover halves[2];
  for (size_t value = 0; value < 2; ++value) {
    Cover half = cofactor(cover, variable, value == 1);
    halves[value] = complement(half);
    drop(half);
  }
  return merge(halves[0], halves[1], variable);
}

// How many points of the space the cubes cover, which must not overlap.
uint64_t points(const Cover& cover) {
  uint64_t sum = 0;
  for (size_t i = 0; i < cover.count; ++i) {
    sum += uint64_t{1} << __builtin_popcount(cover.cubes[i]->may_be_0 & cover.cubes[i]->may_be_1);
  }
  return sum;
}

Cover random_cover(bench::Random& random) {
  Cover cover = make_cover(kCubes);
  for (unsigned i = 0; i < kCubes; ++i) {
    // A variable in four is a literal.
    const uint64_t bits = random.next();
    const uint32_t literals = static_cast<uint32_t>(bits & (bits >> 32)) & kAll;
    const uint32_t values = static_cast<uint32_t>(random.next());
    add(cover, kAll & ~(literals & values), kAll & ~(literals & ~values));
  }
  return cover;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse_arguments(argc, argv, 1);
  const uint64_t covers = arguments.scaled(kCovers);
  bench::Random random(0);
  uint64_t sum = 0;
  for (uint64_t i = 0; i < covers; ++i) {
    Cover cover = random_cover(random);
    Cover off = complement(cover);
    Cover on = complement(off);
    if (points(on) + points(off) != uint64_t{1} << kVariables) {
      bench::fail("a cover and its complement do not fill the space");
    }
    sum = sum * 31 + points(on) * 1000 + off.count + on.count;
    drop(on);
    drop(off);
    drop(cover);
  }
  bench::print_checksum(sum);
}
