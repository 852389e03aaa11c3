// The heap behind malloc in a WebAssembly module, as macros choose it when the module is compiled:
//
//   (none)               fast: what the engine has against scattered blocks, memory grows by an eighth
//   TALC_WASM_SMALL      small: the least code, memory grows by no more than is needed
//   TALC_WASM_ARENA=n    either, in a static array of n bytes: the memory never grows
//
// One module, one thread: nothing here is locked. malloc.cpp and operator_new.cpp must be compiled with the
// same macros.
#pragma once

#include "talc/c/c_heap.hpp"
#include "talc/oom/claim_on_oom.hpp"
#include "talc/oom/wasm_handler.hpp"

namespace talc::wasm {

#ifdef TALC_WASM_SMALL
inline constexpr Config kConfig{.quick_lists = false, .compact = false, .small_code = true};
inline constexpr unsigned kGrowthLog2 = 0;
#else
inline constexpr Config kConfig{.compact = false};
inline constexpr unsigned kGrowthLog2 = 3;
#endif

#ifdef TALC_WASM_ARENA
alignas(CHeap<Talc<ClaimOnOom, kConfig>>::kAlign) inline char arena[TALC_WASM_ARENA];
inline constinit CHeap heap{Talc<ClaimOnOom, kConfig>{ClaimOnOom{Span::from_array(arena)}}};
#else
inline constinit CHeap<Talc<WasmHandler<kGrowthLog2>, kConfig>> heap;
#endif

}  // namespace talc::wasm
