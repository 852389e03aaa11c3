// TALC_EXPORT: the library is compiled with hidden visibility, and this lifts it. libtalc.map lists
// the same functions: it decides for libtalc.so, this does for libtalc.a.
#pragma once

#define TALC_EXPORT [[gnu::visibility("default")]]
