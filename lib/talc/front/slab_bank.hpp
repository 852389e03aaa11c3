// SlabBank: the slabs of one arena, and the groups of granules that they are cut from.
//
//   the engine's chunk = a group   | granule | granule | …  up to 64      tag|
//                                  |  slab   |      slab       | free        |
//   partial_[class] ──> slab ──> slab …      those with free slots; the first one is taken from
//
// A group is one chunk of the engine, of whole granules, growing with the arena: its tag is the last
// word of the last granule, whose slab does without, so that groups stand side by side. Empty slabs
// go back to their group; empty groups stay, up to kMaxEmptyBytes, until they are wanted as slabs or
// end_empty_groups gives them back to the engine, where any size can use them. Of a partial slab and
// the first of its class the lower one comes first, so that others empty. Every call happens under the
// arena's lock; `Source` is the arena, which gives chunks (take_chunk, take_granules, and what takes
// them back) and has an index(). The page map says of each granule whose it is.
#pragma once

#include "talc/base/memory.hpp"
#include "talc/core/chunk.hpp"
#include "talc/front/class_map.hpp"
#include "talc/front/page_map.hpp"
#include "talc/front/slab.hpp"

namespace talc {

// What is known of a group: bits for each granule.
struct SlabGroup {
  SlabGroup* next;
  SlabGroup* previous;
  char* base;
  uint64_t free_granules;
  uint64_t fresh_granules;   // free ones that nobody has touched
  uint64_t idle_granules;    // free ones that the last pass of the purger has left
  uint64_t purged_granules;  // free ones without memory
  unsigned granules;
  unsigned last_pass = 0;
  bool has_guard = false;

  bool is_empty() const { return free_granules == ~uint64_t{0} >> (64 - granules); }
  // Fresh ones too: a neighbour may have brought a huge page.
  uint64_t dirty_granules() const { return free_granules & ~purged_granules; }
  // Free ones without memory, neighbours with huge pages aside.
  uint64_t bare_granules() const { return free_granules & (purged_granules | fresh_granules); }
  // Which granules the pass is to purge.
  uint64_t due_granules(const PurgePass& pass) {
    if (pass.takes == PurgePass::Takes::idle && last_pass != pass.number) {
      last_pass = pass.number;
      const uint64_t due = dirty_granules() & idle_granules;
      idle_granules = dirty_granules();
      return due;
    }
    return pass.takes == PurgePass::Takes::all ? dirty_granules() : 0;
  }
  // The lowest run of `count` free granules: its index, or kNoRun.
  static constexpr unsigned kNoRun = 64;
  unsigned find(unsigned count) const {
    uint64_t runs = free_granules;
    for (unsigned i = 1; i < count; ++i) {
      runs &= runs >> 1;
    }
    return runs == 0 ? kNoRun : static_cast<unsigned>(__builtin_ctzll(runs));
  }
};

// Whether an arena may ask the kernel for a chunk that fits no gap.
enum class Growth : bool { spare, allow };

template <class Kernel>
class SlabBank {
 public:
  using Map = PageMap<Kernel>;

  // Once so much of a coarse class is out, its sizes are told apart: what they lose to rounding is
  // more than further slabs cost.
  static constexpr size_t kSharpenBytes = size_t{1} << 20;
  // What may stay in groups without a slab.
  static constexpr size_t kMaxEmptyBytes = size_t{64} << 20;
  static constexpr unsigned kNoClass = ~0U;  // of slots that no magazine held

  constexpr SlabBank() = default;

  // Takes slots for a class, at most `count`, and stores them below `end`. Returns how many: less
  // than asked for rather than beginning a slab for the rest; 0 when memory is out. Of those that
  // nobody has touched, tells those of the last slab. Some may be of the coarse class above: what
  // that had before it was sharpened would else stay half empty.
  template <class Source>
  Slab::Taken take(Source& source, unsigned size_class, unsigned count, void** end) {
    Slab::Taken taken;
    while (taken.count < count) {
      Slab* slab = partial_[size_class];
      slab = slab == nullptr ? partial_[SizeClasses::coarse_of(size_class)] : slab;
      if (slab == nullptr) {
        slab = taken.count == 0 ? begin_slab(source, size_class) : nullptr;
        if (slab == nullptr) {
          break;
        }
      }
      const Slab::Taken some = slab->take(count - taken.count, end - taken.count);
      taken = {taken.count + some.count, some.fresh};
      slots_out_[slab->size_class()] += some.count;
      lent_[size_class] += slab->size_class() != size_class ? some.count : 0;
      taken_bytes_ += some.count * slab->slot_bytes();
      if (slab->is_full()) {
        unlink(slab);
      }
    }
    return taken;
  }

  // Takes slots back, in order. Returns the first one that is no slot in use, and what is wrong with
  // it, or `end`. Nothing has changed for that one. If a magazine held them, its class is said: of the
  // coarse class above it has only what was lent to it and never handed out. Cost: some 80 instructions
  // a slot; of neighbours, 24 each.
  template <class Source>
  Slab::Stop put(Source& source, void** blocks, void** end, unsigned magazine_class = kNoClass) {
    while (blocks != end) {
      auto* const slab = static_cast<Slab*>(Map::get_slab(*blocks));
      if (slab == nullptr || slab->arena() != source.index()) [[unlikely]] {
        return {blocks, Slab::Put::free_already};  // all of its slab was
      }
      const bool was_full = slab->is_full();
      const Slab::Stop stop = slab->put(blocks, end);
      if (stop.at == blocks) [[unlikely]] {
        return stop;
      }
      const auto count = static_cast<size_t>(stop.at - blocks);
      slots_out_[slab->size_class()] -= count;
      if (magazine_class != slab->size_class() && magazine_class != kNoClass) [[unlikely]] {
        lent_[magazine_class] -= count;
      }
      freed_bytes_ += count * slab->slot_bytes();
      blocks = stop.at;
      if (was_full) {
        link(slab);
      }
      // One partial slab stays, so that a block that comes and goes does not begin and end a slab.
      if (slab->is_empty() && (slab->next != nullptr || slab->previous != nullptr)) {
        end_slab(source, slab);
      }
      if (stop.why == Slab::Put::free_already) [[unlikely]] {
        return stop;
      }
    }
    return {end, Slab::Put::ok};
  }

  bool has_empty_groups() const { return empty_granules_ != 0; }
  template <class Source>
  void end_empty_groups(Source& source) {
    for (SlabGroup* group = groups_; group != nullptr;) {
      SlabGroup* const next = group->next;
      if (group->is_empty()) {
        end_group(source, group);
      }
      group = next;
    }
  }

  // Gives back the empty slabs that put keeps, and all empty groups. Returns whether there were any.
  template <class Source>
  bool trim(Source& source) {
    bool has_trimmed = has_empty_groups();
    for (Slab* slab : partial_) {
      while (slab != nullptr) {
        Slab* const next = slab->next;
        if (slab->is_empty()) {
          end_slab(source, slab);
          has_trimmed = true;
        }
        slab = next;
      }
    }
    end_empty_groups(source);
    return has_trimmed;
  }

  // Purges what the pass is to take of slabs and groups: empty slabs go back to their group, whole
  // granules and free pages within slabs to the kernel, groups without memory to the engine. A pass is
  // begin_purge, and then purge until it is over, perhaps in parts, of which each looks at whole slabs and
  // groups. Cost: linear in the number of slabs that have free slots, and in their slots.
  void begin_purge() { walk_ = {.slab = partial_[0], .has_groups = true}; }
  template <class Source>
  void purge(Source& source, PurgePass& pass) {
    for (; walk_.size_class < SizeClasses::kCount; walk_.slab = first_of(++walk_.size_class)) {
      while (walk_.slab != nullptr) {
        if (!pass.may_go_on()) {
          return;
        }
        Slab* const slab = walk_.slab;
        walk_.slab = slab->next;
        pass.count_step();
        purge_slab(source, *slab, pass);
      }
    }
    if (walk_.has_groups) {
      walk_ = {.size_class = SizeClasses::kCount, .group = groups_};
    }
    while (walk_.group != nullptr && pass.may_go_on()) {
      SlabGroup* const group = walk_.group;
      walk_.group = group->next;
      pass.count_step();
      purge_group(source, *group, pass);
    }
  }

  // Whether a slot begins at `block`. Needs no lock, and where a slab is one granule and no guard no metadata.
  // Requires: the page map says that a slab of the class is there.
  static bool is_slot(const void* block, unsigned size_class) {
    if (Slab::granules_of(size_class) == 1 && !may_reach_guard(block, size_class)) [[likely]] {
      return Slab::is_slot_in_granule(block, size_class);
    }
    const auto* const slab = static_cast<const Slab*>(Map::get_slab(block));
    return slab != nullptr && slab->is_slot(block);
  }

  // Slots of a class that are blocks of the program, or in magazines or on their way back.
  size_t slots_out(unsigned size_class) const { return slots_out_[size_class]; }
  // Slots of the coarse class that this one was given, but for those that magazines gave back unused.
  size_t lent(unsigned size_class) const { return lent_[size_class]; }
  // Slabs of a class, and their slots.
  size_t slabs(unsigned size_class) const { return slabs_[size_class]; }
  size_t slots(unsigned size_class) const { return slots_[size_class]; }
  // Bytes of all slots that are not out.
  size_t free_slot_bytes() const {
    size_t bytes = 0;
    for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
      bytes += (slots_[i] - slots_out_[i]) * SizeClasses::size_of(i);
    }
    return bytes;
  }
  // Bytes of slots ever taken back.
  size_t freed_bytes() const { return freed_bytes_; }
  // Bytes of groups that are no slots out of the bank.
  size_t free_bytes() const { return group_bytes() - (taken_bytes_ - freed_bytes_); }
  // Bytes of all slabs.
  size_t slab_bytes() const { return slab_granules_ * kGranuleSize; }
  // Bytes of all groups.
  size_t group_bytes() const { return group_granules_ * kGranuleSize; }
  // Of free slots and of free granules those without memory, in bytes. Cost: linear in partial slabs and
  // groups.
  size_t purged_bytes() const {
    size_t bytes = 0;
    for (const Slab* slab : partial_) {
      for (; slab != nullptr; slab = slab->next) {
        bytes += slab->purged_bytes(Kernel::page_size());
      }
    }
    for (const SlabGroup* group = groups_; group != nullptr; group = group->next) {
      const auto count = static_cast<size_t>(__builtin_popcountll(group->bare_granules()));
      bytes += count * kGranuleSize;
    }
    return bytes;
  }
  // Whether this free granule of a group is one of those. Cost: linear in groups.
  bool is_bare(const char* granule) const {
    for (const SlabGroup* group = groups_; group != nullptr; group = group->next) {
      if (region_of(*group).contains(granule)) {
        const auto at = static_cast<size_t>(granule - group->base) / kGranuleSize;
        return (group->bare_granules() >> at & 1) != 0;
      }
    }
    return false;
  }

 private:
  // A group is this share of all there are, within limits. The least holds any slab.
  static constexpr unsigned kGroupShare = 16;
  static constexpr unsigned kMinGroupGranules = 4;
  static constexpr unsigned kMaxGroupGranules = 64;
  // What an arena's first heap has beside its first granule, of MapOnOom::kMinStep: each end of a group is a
  // page that is written for its tag alone.
  static constexpr unsigned kFirstGroupGranules = 15;
  // A slab's first cache line has all that is needed to put a slot back but, of many slots, its bit.
  static constexpr size_t kMetadataAlign = 64;

  // ---- slabs ----

  void link(Slab* slab) {
    Slab** place = &partial_[slab->size_class()];
    Slab* const first = *place;
    Slab* previous = nullptr;
    if (first != nullptr && first->base() < slab->base()) {
      previous = first;
      place = &first->next;
    }
    slab->previous = previous;
    slab->next = *place;
    if (slab->next != nullptr) {
      slab->next->previous = slab;
    }
    *place = slab;
  }

  Slab* first_of(unsigned size_class) const {
    return size_class < SizeClasses::kCount ? partial_[size_class] : nullptr;
  }

  void unlink(Slab* slab) {
    if (walk_.slab == slab) [[unlikely]] {
      walk_.slab = slab->next;
    }
    if (slab->next != nullptr) {
      slab->next->previous = slab->previous;
    }
    (slab->previous == nullptr ? partial_[slab->size_class()] : slab->previous->next) = slab->next;
    slab->next = slab->previous = nullptr;
  }

  template <class Source>
  [[gnu::noinline]] Slab* begin_slab(Source& source, unsigned size_class) {
    if (slots_out_[size_class] * SizeClasses::size_of(size_class) >= kSharpenBytes) {
      ClassMap<Kernel>::sharpen(size_class);
    }
    const unsigned granules = Slab::granules_of(size_class);
    void* const metadata = source.take_chunk(Slab::metadata_bytes(size_class), kMetadataAlign);
    if (metadata == nullptr) {
      return nullptr;
    }
    SlabGroup* const group = group_with(source, granules);
    if (group == nullptr) {
      source.return_chunk(metadata, Slab::metadata_bytes(size_class));
      return nullptr;
    }
    const unsigned at = group->find(granules);
    const uint64_t mask = mask_of(granules) << at;
    const bool is_fresh = ((group->fresh_granules | group->purged_granules) & mask) == mask;
    empty_granules_ -= group->is_empty() ? group->granules : 0;
    group->free_granules &= ~mask;
    group->fresh_granules &= ~mask;
    group->idle_granules &= ~mask;
    group->purged_granules &= ~mask;
    if (group->free_granules == 0) {
      unlink(group);
    }
    slab_granules_ += granules;
    const size_t reserved_bytes = at + granules == group->granules ? reserved_of(*group) : 0;
    auto* const slab = new (kPlacement, metadata)
        Slab(group->base + at * kGranuleSize, source.index(), size_class, reserved_bytes, is_fresh);
    slab->group = group;
    slabs_[size_class] += 1;
    slots_[size_class] += slab->slots();
    Map::set_slab(slab->region(), slab);
    Map::set(slab->region(), PageEntry::small(source.index(), size_class));
    link(slab);
    return slab;
  }

  // Its granules, as bits of its group.
  static uint64_t granules_in_group(const Slab& slab) {
    const auto at = static_cast<size_t>(slab.base() - slab.group->base) / kGranuleSize;
    return mask_of(Slab::granules_of(slab.size_class())) << at;
  }

  // Returns its group, null if that has ended, too.
  template <class Source>
  [[gnu::noinline]] SlabGroup* end_slab(Source& source, Slab* slab) {
    SlabGroup* const group = slab->group;
    const uint64_t granules = granules_in_group(*slab);
    unlink(slab);
    Map::set(slab->region(), PageEntry::returned());
    Map::set_slab(slab->region(), nullptr);
    slab_granules_ -= Slab::granules_of(slab->size_class());
    slabs_[slab->size_class()] -= 1;
    slots_[slab->size_class()] -= slab->slots();
    if (group->free_granules == 0) {
      link(group);
    }
    group->free_granules |= granules;
    source.return_chunk(slab, Slab::metadata_bytes(slab->size_class()));
    if (group->is_empty()) {
      empty_granules_ += group->granules;
      if (empty_granules_ * kGranuleSize > kMaxEmptyBytes) {
        return end_group(source, group) ? nullptr : group;
      }
    }
    return group;
  }

  // ---- groups ----

  static constexpr uint64_t mask_of(unsigned granules) { return ~uint64_t{0} >> (64 - granules); }

  // groups_ is sorted by address. It holds only those with free granules, which are few.
  void link(SlabGroup* group) {
    SlabGroup* previous = nullptr;
    SlabGroup* next = groups_;
    while (next != nullptr && next->base < group->base) {
      previous = next;
      next = next->next;
    }
    group->previous = previous;
    group->next = next;
    (previous == nullptr ? groups_ : previous->next) = group;
    if (next != nullptr) {
      next->previous = group;
    }
  }

  void unlink(SlabGroup* group) {
    if (walk_.group == group) [[unlikely]] {
      walk_.group = group->next;
    }
    (group->previous == nullptr ? groups_ : group->previous->next) = group->next;
    if (group->next != nullptr) {
      group->next->previous = group->previous;
    }
  }

  // The lowest group with a run of free granules: memory that was used before, if there is any. A new
  // group rather fills gaps, though it be small, than it makes the heap grow.
  template <class Source>
  SlabGroup* group_with(Source& source, unsigned granules) {
    for (SlabGroup* group = groups_; group != nullptr; group = group->next) {
      if (group->find(granules) != SlabGroup::kNoRun) {
        return group;
      }
    }
    const auto share = static_cast<unsigned>(group_granules_ / kGroupShare);
    const unsigned wanted = group_granules_ == 0        ? kFirstGroupGranules
                            : share < kMinGroupGranules ? kMinGroupGranules
                            : share > kMaxGroupGranules ? kMaxGroupGranules
                                                        : share;
    SlabGroup* group = nullptr;
    for (unsigned size = wanted; group == nullptr && size >= granules; size /= 2) {
      group = begin_group(source, size, Growth::spare);
    }
    group = group == nullptr ? begin_group(source, wanted, Growth::allow) : group;
    return group == nullptr && granules < wanted ? begin_group(source, granules, Growth::allow)
                                                 : group;
  }

  template <class Source>
  SlabGroup* begin_group(Source& source, unsigned granules, Growth growth) {
    void* const metadata = source.take_chunk(sizeof(SlabGroup), kMetadataAlign);
    if (metadata == nullptr) {
      return nullptr;
    }
    bool is_fresh = false;
    void* const base = source.take_granules(granules * kGranuleSize - kTagSize, growth, is_fresh);
    if (base == nullptr) {
      source.return_chunk(metadata, sizeof(SlabGroup));
      return nullptr;
    }
    auto* const group = new (kPlacement, metadata) SlabGroup{nullptr,
                                                             nullptr,
                                                             static_cast<char*>(base),
                                                             mask_of(granules),
                                                             is_fresh ? mask_of(granules) : 0,
                                                             0,
                                                             0,
                                                             granules};
    if constexpr (kGuardsGroups) {
      // A slab of one granule must have room beside the two pages.
      group->has_guard =
          2 * Kernel::page_size() < kGranuleSize && Kernel::try_guard(guard_of(*group));
    }
    Map::set(region_of(*group), PageEntry::returned());
    link(group);
    empty_granules_ += granules;
    group_granules_ += granules;
    return group;
  }

  // False: it stays, for slabs.
  template <class Source>
  bool end_group(Source& source, SlabGroup* group) {
    if constexpr (kGuardsGroups) {
      if (group->has_guard && !Kernel::try_unguard(guard_of(*group))) {
        return false;
      }
    }
    unlink(group);
    empty_granules_ -= group->granules;
    group_granules_ -= group->granules;
    const Span region = region_of(*group);
    Map::set(region, PageEntry::heap(source.index()));
    source.return_chunk(group, sizeof(SlabGroup));
    source.return_granules(region.base, region.size() - kTagSize);
    return true;
  }

  // ---- purging ----

  template <class Source>
  void purge_slab(Source& source, Slab& slab, PurgePass& pass) {
    const uint64_t free = slab.free_pages(Kernel::page_size());
    const uint64_t due = free == 0 ? 0 : slab.due_pages(free, pass);
    if (due != 0 && slab.is_empty() && due == slab.dirty_pages(free)) {
      // What was idle as a slab is so as granules, for the walk over groups that follows.
      const uint64_t granules = granules_in_group(slab);
      if (SlabGroup* const group = end_slab(source, &slab)) {
        group->idle_granules |= granules;
      }
      return;
    }
    for_each_run(due, [&](unsigned at, unsigned count) {
      const Span pages = pages_of(slab, at, count);
      if (Kernel::purge(pages)) {
        pass.count_call(pages.size());
        slab.set_purged(mask_of(count) << at);
      }
    });
    pass.dirty_bytes += pop_count(slab.dirty_pages(free)) << Slab::kUnitLog2;
  }

  // f(first, count) for each run of ones.
  template <class F>
  static void for_each_run(uint64_t bits, F f) {
    while (bits != 0) {
      const auto at = static_cast<unsigned>(__builtin_ctzll(bits));
      const uint64_t above = ~(bits >> at);
      const unsigned count = above == 0 ? 64 - at : static_cast<unsigned>(__builtin_ctzll(above));
      f(at, count);
      bits &= ~(mask_of(count) << at);
    }
  }

  static size_t pop_count(uint64_t bits) { return static_cast<size_t>(__builtin_popcountll(bits)); }

  // All of the pages, though a part of one was not idle, where they are larger than 4 KiB.
  static Span pages_of(const Slab& slab, unsigned at, unsigned count) {
    const size_t page = Kernel::page_size();
    char* const base = slab.base() + (size_t{at} << Slab::kUnitLog2);
    return Span(align_down(base, page), align_up(base + (size_t{count} << Slab::kUnitLog2), page));
  }

  template <class Source>
  void purge_group(Source& source, SlabGroup& group, PurgePass& pass) {
    for_each_run(group.due_granules(pass), [&](unsigned at, unsigned count) {
      const Span pages = granules_of(group, at, count);
      if (Kernel::purge(pages)) {
        pass.count_call(pages.size());
        group.purged_granules |= mask_of(count) << at;
      }
    });
    const uint64_t dirty = group.dirty_granules();
    pass.dirty_bytes += pop_count(dirty) * kGranuleSize;
    if (pass.takes != PurgePass::Takes::nothing && dirty == 0 && group.is_empty()) {
      end_group(source, &group);
    }
  }

  // Without what the engine keeps at the end of the group, or nobody may touch; and without the first
  // page of a group that ends, where the engine soon writes: with huge pages the whole of one would be
  // back for it.
  static Span granules_of(const SlabGroup& group, unsigned at, unsigned count) {
    const size_t spared = at == 0 && group.is_empty() ? Kernel::page_size() : 0;
    char* const base = group.base + at * kGranuleSize + spared;
    char* const acme = group.base + (at + count) * kGranuleSize;
    char* const last = region_of(group).acme - Kernel::page_size() * (group.has_guard ? 2 : 1);
    return Span(base, acme < last ? acme : last);
  }

  // A page that nobody may touch, below the one with the tag: what runs over the last slab's end
  // faults there. Kernels say whether they want that, by a type that has it.
  static constexpr bool kGuardsGroups = requires { Kernel::kGuardsGroups; };
  static Span guard_of(const SlabGroup& group) {
    char* const last_page = region_of(group).acme - Kernel::page_size();
    return Span(last_page - Kernel::page_size(), last_page);
  }
  // Whether a slot at `block` would reach into what the last slab of a group does without: only its metadata
  // tells whether it is that slab.
  static bool may_reach_guard(const void* block, unsigned size_class) {
    if constexpr (kGuardsGroups) {
      return address_of(block) % kGranuleSize + SizeClasses::size_of(size_class) +
                 2 * Kernel::page_size() >
             kGranuleSize;
    }
    return false;
  }
  // What the last slab of a group does without.
  static size_t reserved_of(const SlabGroup& group) {
    return group.has_guard ? 2 * Kernel::page_size() : kTagSize;
  }

  static Span region_of(const SlabGroup& group) {
    return Span::from_base_size(group.base, group.granules * kGranuleSize);
  }

  // What a pass of the purger, which comes in parts, looks at next.
  struct Walk {
    unsigned size_class = 0;
    Slab* slab = nullptr;
    bool has_groups = false;
    SlabGroup* group = nullptr;
  };

  Slab* partial_[SizeClasses::kCount] = {};
  size_t slots_out_[SizeClasses::kCount] = {};
  size_t lent_[SizeClasses::kCount] = {};
  size_t slabs_[SizeClasses::kCount] = {};
  size_t slots_[SizeClasses::kCount] = {};
  size_t taken_bytes_ = 0;  // of slots, ever
  size_t freed_bytes_ = 0;
  SlabGroup* groups_ = nullptr;
  size_t group_granules_ = 0;
  size_t empty_granules_ = 0;  // of groups without any slab
  size_t slab_granules_ = 0;
  Walk walk_;
};

}  // namespace talc
