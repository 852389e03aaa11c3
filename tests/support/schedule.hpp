// Schedule: which of many calls of the kernel a test refuses.
#pragma once

namespace talc {

// Which calls are refused, of all that are made from the start on, the first one being number 0.
struct Schedule {
  enum class Which { none, only, from, every };
  Which which = Which::none;
  int number = 0;

  bool refuses(int call) const {
    switch (which) {
      case Which::only:
        return call == number;
      case Which::from:
        return call >= number;
      case Which::every:
        return call % number == number - 1;
      case Which::none:
        break;
    }
    return false;
  }
};

}  // namespace talc
