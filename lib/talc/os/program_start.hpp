// ProgramStart: the name and the environment that the program was started with, for a constructor.
//
// glibc hands to constructors what it hands to main, and a library that is initialised before all
// others must take it from there: `environ` need not be set yet. Other libcs (musl) hand over nothing,
// but have set their variables. Used by interpose/process.cpp.
#pragma once

#include <errno.h>
#include <unistd.h>

namespace talc {

struct ProgramStart {
  const char* name;  // null: there is none
  const char* const* environment;

  // From a constructor's second and third argument, which only glibc sets.
  static ProgramStart from([[maybe_unused]] char** argv, [[maybe_unused]] char** environment) {
#ifdef __GLIBC__
    return {argv != nullptr ? argv[0] : nullptr, environment};
#else
    return {program_invocation_name, environ};
#endif
  }
};

}  // namespace talc
