// Tests of os/fault.hpp: the exact line of each fault.
#include "talc/os/fault.hpp"

#include <gtest/gtest.h>

namespace talc {
namespace {

const void* pointer(size_t address) { return reinterpret_cast<const void*>(address); }

TEST(FaultDeathTest, PrintsOneLineAndAborts) {
  const auto aborted = testing::KilledBySignal(SIGABRT);
  EXPECT_EXIT(raise_fault(Fault::double_free, pointer(0x12abcdef)), aborted,
              "^talc: double free: 0x12abcdef\n$");
  EXPECT_EXIT(raise_fault(Fault::use_after_free, pointer(16)), aborted,
              "^talc: use after free: 0x10\n$");
  EXPECT_EXIT(raise_fault(Fault::invalid_pointer, pointer(0)), aborted,
              "^talc: invalid pointer: 0x0\n$");
  EXPECT_EXIT(raise_fault(Fault::misaligned_pointer, pointer(~size_t{0})), aborted,
              "^talc: misaligned pointer: 0xf+\n$");
  EXPECT_EXIT(raise_fault(Fault::corrupt_block, pointer(1)), aborted,
              "^talc: corrupt block: 0x1\n$");
}

}  // namespace
}  // namespace talc
