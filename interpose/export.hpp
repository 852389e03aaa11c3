// TALC_EXPORT: the library is compiled with hidden visibility, and this lifts it, in libtalc.so and in
// libtalc.a. libtalc.map gives those of talc's own a version; libtalc.abi lists all of them.
#pragma once

#define TALC_EXPORT [[gnu::visibility("default")]]
