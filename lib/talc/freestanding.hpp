// The door to talc for code without an operating system: engine, handlers, the locks that need none.
//
// Everything behind it compiles with -ffreestanding -fno-exceptions -fno-rtti, includes <stddef.h>
// and <stdint.h> only, and links with -nostdlib where memcpy, memmove and memset exist.
#pragma once

#include "talc/c/c_heap.hpp"              // IWYU pragma: export
#include "talc/core/talc.hpp"             // IWYU pragma: export
#include "talc/oom/claim_on_oom.hpp"      // IWYU pragma: export
#include "talc/oom/err_on_oom.hpp"        // IWYU pragma: export
#include "talc/oom/oom_handler.hpp"       // IWYU pragma: export
#include "talc/oom/wasm_handler.hpp"      // IWYU pragma: export
#include "talc/stats/counters_table.hpp"  // IWYU pragma: export
#include "talc/sync/null_lock.hpp"        // IWYU pragma: export
#include "talc/sync/spin_lock.hpp"        // IWYU pragma: export
#include "talc/sync/talck.hpp"            // IWYU pragma: export
