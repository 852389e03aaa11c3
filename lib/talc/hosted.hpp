// The door to talc for programs with an operating system: all of freestanding.hpp, the handler that
// gets memory from the kernel, the lock of the C library, the process heap, and the adapters for
// standard containers.
//
// Including it replaces nothing: malloc stays what it was. libtalc.so and libtalc.a replace it.
#pragma once

#include "talc/api/memory_resource.hpp"   // IWYU pragma: export
#include "talc/api/process_heap.hpp"      // IWYU pragma: export
#include "talc/api/stl_allocator.hpp"     // IWYU pragma: export
#include "talc/c/c_heap.hpp"              // IWYU pragma: export
#include "talc/core/talc.hpp"             // IWYU pragma: export
#include "talc/oom/claim_on_oom.hpp"      // IWYU pragma: export
#include "talc/oom/err_on_oom.hpp"        // IWYU pragma: export
#include "talc/oom/oom_handler.hpp"       // IWYU pragma: export
#include "talc/os/map_on_oom.hpp"         // IWYU pragma: export
#include "talc/os/print_assertion.hpp"    // IWYU pragma: export
#include "talc/os/pthread_lock.hpp"       // IWYU pragma: export
#include "talc/stats/counters_table.hpp"  // IWYU pragma: export
#include "talc/sync/null_lock.hpp"        // IWYU pragma: export
#include "talc/sync/spin_lock.hpp"        // IWYU pragma: export
#include "talc/sync/talck.hpp"            // IWYU pragma: export
