// Big integers: each intermediate result of the arithmetic is a block of its own, of 4 to 28 bytes.
//
// After cfrac by Dave Barrett, which factors numbers by continued fractions with reference-counted big
// integers, in the suite of Zorn and Grunwald ("Empirical Measurements of Six Allocation-intensive C
// Programs", 1992). This expands the square root of a number of 38 digits,
// with the convergents modulo that number, keeps some of them as "relations", and frees them later.
// Stresses: the shortest path of malloc and free, blocks that live for a few instructions. One thread.
//
// With P, Q, b as in the textbooks, P[i]^2 + Q[i] Q[i-1] = N holds at each step, and is verified.
#include "common.hpp"

namespace {

__extension__ using Wide = unsigned __int128;

constexpr uint64_t kSteps = 1400000;
constexpr size_t kKept = 2000;
constexpr uint64_t kStepsPerRelation = 4;
constexpr uint64_t kRoot = 0x5bd1e9955bd1e995ULL;    // floor(sqrt(N))
constexpr uint64_t kExcess = 0x1b873593cc9e2d51ULL;  // N - floor(sqrt(N))^2

// Digits of 16 bits, lowest first; never changed once it is made.
struct Big {
  uint16_t references;
  uint16_t used;
  uint16_t digits[];
};

Big* make_big(size_t digits) {
  Big* const big = static_cast<Big*>(malloc(sizeof(Big) + digits * sizeof(uint16_t)));
  if (big == nullptr) {
    bench::fail("out of memory");
  }
  big->references = 1;
  big->used = static_cast<uint16_t>(digits);
  return big;
}

void drop(Big* big) {
  big->references = static_cast<uint16_t>(big->references - 1);
  if (big->references == 0) {
    free(big);
  }
}

Big* keep(Big* big) {
  big->references = static_cast<uint16_t>(big->references + 1);
  return big;
}

Big* trimmed(Big* big) {
  while (big->used > 0 && big->digits[big->used - 1] == 0) {
    big->used = static_cast<uint16_t>(big->used - 1);
  }
  return big;
}

Big* from_wide(Wide value) {
  Big* const big = make_big(8);
  for (size_t i = 0; i < 8; ++i) {
    big->digits[i] = static_cast<uint16_t>(value >> (16 * i));
  }
  return trimmed(big);
}

Wide to_wide(const Big* big) {
  Wide value = 0;
  for (size_t i = big->used; i > 0; --i) {
    value = value << 16 | big->digits[i - 1];
  }
  return value;
}

bool less(const Big* a, const Big* b) {
  if (a->used != b->used) {
    return a->used < b->used;
  }
  for (size_t i = a->used; i > 0; --i) {
    if (a->digits[i - 1] != b->digits[i - 1]) {
      return a->digits[i - 1] < b->digits[i - 1];
    }
  }
  return false;
}

// a * factor + b
Big* multiply_add(const Big* a, uint32_t factor, const Big* b) {
  const size_t digits = (a->used > b->used ? a->used : b->used) + size_t{3};
  Big* const result = make_big(digits);
  uint64_t carry = 0;
  for (size_t i = 0; i < digits; ++i) {
    carry += i < a->used ? uint64_t{a->digits[i]} * factor : 0;
    carry += i < b->used ? b->digits[i] : 0;
    result->digits[i] = static_cast<uint16_t>(carry);
    carry >>= 16;
  }
  return trimmed(result);
}

// a - b; a must not be less.
Big* subtract(const Big* a, const Big* b) {
  Big* const result = make_big(a->used);
  int32_t borrow = 0;
  for (size_t i = 0; i < a->used; ++i) {
    const int32_t digit = int32_t{a->digits[i]} - (i < b->used ? b->digits[i] : 0) - borrow;
    borrow = digit < 0;
    result->digits[i] = static_cast<uint16_t>(digit);
  }
  return trimmed(result);
}

void replace(Big*& variable, Big* value) {
  drop(variable);
  variable = value;
}

// Leaves the rest in `number`. The quotient must fit 32 bits; it is small most of the time, so that one
// finds it by subtraction of the divisor, after doubling it a few times.
uint32_t divide(Big*& number, Big* divisor) {
  Big* const zero = make_big(0);
  Big* multiple = keep(divisor);
  uint32_t times = 1;
  for (;;) {
    Big* const twice = multiply_add(multiple, 2, zero);
    if (less(number, twice)) {
      drop(twice);
      break;
    }
    replace(multiple, twice);
    times *= 2;
  }
  uint32_t quotient = 0;
  for (;; times /= 2) {
    if (!less(number, multiple)) {
      replace(number, subtract(number, multiple));
      quotient += times;
    }
    if (times == 1) {
      break;
    }
    replace(multiple, multiply_add(divisor, times / 2, zero));
  }
  drop(multiple);
  drop(zero);
  return quotient;
}

// The state of the expansion: p, q and a of this step, q and a of the one before.
class Expansion {
 public:
  uint32_t step() {
    Big* rest = multiply_add(root_, 1, p_);
    const uint32_t b = divide(rest, q_);
    Big* const next_p = subtract(root_, rest);
    drop(rest);
    Big* const next_q = next_q_of(b, next_p);
    Big* next_a = multiply_add(a_, b, last_a_);
    divide(next_a, n_);
    replace(p_, next_p);
    replace(last_q_, q_);
    q_ = next_q;
    replace(last_a_, a_);
    a_ = next_a;
    return b;
  }

  Big* convergent() { return keep(a_); }

  void verify() const {
    if (to_wide(p_) * to_wide(p_) + to_wide(q_) * to_wide(last_q_) != to_wide(n_)) {
      bench::fail("an intermediate result is wrong");
    }
  }

 private:
  // last_q + b * (p - next_p), whose second term may be negative.
  Big* next_q_of(uint32_t b, const Big* next_p) {
    const bool falls = less(next_p, p_);
    Big* const difference = falls ? subtract(p_, next_p) : subtract(next_p, p_);
    Big* result;
    if (falls) {
      result = multiply_add(difference, b, last_q_);
    } else {
      Big* const zero = make_big(0);
      Big* const product = multiply_add(difference, b, zero);
      result = subtract(last_q_, product);
      drop(product);
      drop(zero);
    }
    drop(difference);
    return result;
  }

  Big* const root_ = from_wide(kRoot);
  Big* const n_ = from_wide(Wide{kRoot} * kRoot + kExcess);
  // After the first step, in which b is the root itself.
  Big* p_ = from_wide(kRoot);
  Big* q_ = from_wide(kExcess);
  Big* last_q_ = from_wide(1);
  Big* a_ = from_wide(kRoot);
  Big* last_a_ = from_wide(1);
};

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse_arguments(argc, argv, 1);
  const uint64_t steps = arguments.scaled(kSteps);
  Big** const relations = bench::make_table<Big*>(kKept);
  bench::Random random(0);
  Expansion expansion;
  uint64_t sum = 0;
  for (uint64_t i = 0; i < steps; ++i) {
    sum += expansion.step();
    if (i % kStepsPerRelation == 0) {
      expansion.verify();
      Big*& slot = relations[random.in(0, kKept)];
      if (slot != nullptr) {
        sum = sum * 31 + static_cast<uint64_t>(to_wide(slot));
        drop(slot);
      }
      slot = expansion.convergent();
    }
  }
  bench::print_checksum(sum);
}
