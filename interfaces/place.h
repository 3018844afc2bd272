// What a personality asks of the place where it runs, and nothing more: contexts to run, domains to
// run them in, frames, time, random numbers, a log. The nucleus offers it in the kernels, ptrace in
// the hosted placement, IPC in a server. See docs: "run a context until it traps, then decide".
#pragma once

#include <span>
#include <string_view>

#include "base/reference.h"
#include "base/result.h"
#include "base/types.h"
#include "interfaces/registers.h"

namespace vari {

/// Why a context stopped.
enum class TrapKind : u8 {
  SystemCall,   // registers hold number and arguments; rip is behind the instruction
  PageFault,    // trap().address, trap().access; rip is at the instruction
  Exception,    // trap().vector, trap().error_code: division, breakpoint, invalid opcode…
  Interrupted,  // someone called interrupt(), or the place wanted the processor: just run again
};

/// What a memory access wanted. Combined by or.
enum class Access : u8 { None = 0, Read = 1, Write = 2, Execute = 4 };
constexpr Access operator|(Access a, Access b) {
  return static_cast<Access>(static_cast<u8>(a) | static_cast<u8>(b));
}
constexpr bool allows(Access granted, Access wanted) {
  return (static_cast<u8>(wanted) & ~static_cast<u8>(granted)) == 0;
}

struct Trap {
  TrapKind kind = TrapKind::Interrupted;
  u8 vector = 0;                 // Exception: the hardware's vector number
  Access access = Access::None;  // PageFault: what was wanted
  bool present = false;          // PageFault: a mapping exists but forbids the access
  u32 error_code = 0;            // as the hardware pushed it, for signal frames
  VirtualAddress address = {};   // PageFault
};

/// A present mapping of one 4 KiB page, as the page table records it.
struct Mapping {
  Frame frame;
  Access access = Access::None;
  bool dirty = false;
  bool accessed = false;
};

/// A protection domain: user memory and nothing else. The page table is its only record.
/// All functions may be called from any thread; concurrent calls for disjoint pages do not wait for
/// each other. Addresses must lie within [user_begin, user_end), else Error::InvalidArgument.
class Domain {
 public:
  static constexpr VirtualAddress kUserBegin{0x1000};
  /// Not all that the processor would give: a place may need a region of its own in each domain (hosted: the
  /// stub that speaks for the guest), and programs see the same addresses in all places.
  static constexpr VirtualAddress kUserEnd{0x0000'7ff0'0000'0000};

  virtual void acquire() = 0;
  /// The last release destroys the domain: tables are freed; frames are not, they are the mapper's.
  virtual void release() = 0;

  /// Maps one 4 KiB frame. Replaces what is there (and invalidates it everywhere before returning);
  /// the previous frame, if any, is returned and is again the caller's. OutOfMemory: no table frame.
  virtual Result<Frame> map(VirtualAddress page, Frame frame, Access access) = 0;
  /// Calls `removed` for each mapping that was present in [begin, begin+bytes), after no core can use
  /// it any longer. Never fails, never allocates.
  class Visitor {
   public:
    virtual void visit(VirtualAddress page, const Mapping& mapping) = 0;

   protected:
    ~Visitor() = default;
  };
  virtual void unmap(VirtualAddress begin, u64 bytes, Visitor& removed) = 0;
  /// Changes the access of all present mappings of the range, with effect on all cores at return.
  /// Access::None keeps the mapping but forbids everything. Never allocates.
  virtual void protect(VirtualAddress begin, u64 bytes, Access access) = 0;
  /// Calls `seen` for each present mapping of the range, skipping absent tables quickly. The visitor
  /// must not change this domain.
  virtual void visit(VirtualAddress begin, u64 bytes, Visitor& seen) = 0;
  /// The mapping at `page`; NotFound where nothing is present.
  virtual Result<Mapping> lookup(VirtualAddress page) = 0;

  /// Copies from or to user memory, as far as it is mapped for the access: the count of bytes copied,
  /// less than `size` where a page is absent or forbids it. The caller resolves that fault and goes
  /// on, or reports it. Never faults the caller, never blocks. Each byte is read once.
  virtual std::size_t copy_in(void* to, VirtualAddress from, std::size_t size) = 0;
  virtual std::size_t copy_out(VirtualAddress to, const void* from, std::size_t size) = 0;
  /// Fills with zeros; the count as above.
  virtual std::size_t clear(VirtualAddress to, std::size_t size) = 0;
  /// Atomic access to an aligned 32-bit word, for futexes. Fault as above.
  virtual Result<u32> load(VirtualAddress word) = 0;
  /// Stores `desired` if the word equals `expected`; the value found before.
  virtual Result<u32> compare_exchange(VirtualAddress word, u32 expected, u32 desired) = 0;

 protected:
  ~Domain() = default;
};

/// System calls that only tell a fact which the personality keeps up to date in memory: the place may answer
/// them by itself, without a trap. Call `number`, below `count`, is such a one where offsets[number] is not
/// 0: its result is the 32-bit word at facts + offsets[number], zero-extended. The word may be written at any
/// time, atomically.
struct FactCalls {
  const u16* offsets = nullptr;
  u64 count = 0;
  const void* facts = nullptr;
};

/// Register state that can be run. One runtime thread at a time runs it.
class Context {
 public:
  virtual void acquire() = 0;
  virtual void release() = 0;

  /// Runs user code in the context's domain until it traps. Only the owning thread calls it.
  virtual TrapKind run() = 0;
  /// Details of the last trap.
  virtual const Trap& trap() const = 0;
  /// To be read and edited by the owning thread while the context does not run.
  /// Always the same object. The system call's result goes into rax here. rflags, rip and the rest may be
  /// anything: run() forces what must be, and a rip outside user space is a trap of vector 13.
  /// fs_base and gs_base are current only until the first run(); afterwards user code may have changed
  /// them in the processor, and edits are seen only if all_registers() was called first.
  virtual Registers& registers() = 0;
  /// registers(), with fs_base and gs_base brought up to date and open for edits until the next run().
  virtual Registers& all_registers() = 0;
  /// Makes the running or next run() return Interrupted soon. From any thread; a request is never lost.
  virtual void interrupt() = 0;
  /// Processor time that the context has used while its thread was not on a core: where user code runs beside
  /// the runtime. From any thread.
  virtual Nanoseconds time_beside_ns() const { return 0; }
  /// Changes the domain (exec). Owning thread only.
  virtual void set_domain(Domain& domain) = 0;
  /// Offers calls that need no trap; both arrays must outlive the context. A place may ignore it: then they
  /// come as traps. Owning thread only, or before the first run().
  virtual void set_fact_calls(const FactCalls&) {}

  /// Vector state in the processor's XSAVE standard format (Intel SDM vol. 1, 13.4): its size on this
  /// machine, a copy of it (all the bytes), and a new one taken from untrusted bytes (Malformed if XRSTOR
  /// would fault on it). Owning thread only.
  virtual std::size_t vector_state_bytes() const = 0;
  virtual void save_vector_state(std::span<u8> to) = 0;
  virtual Result<> restore_vector_state(std::span<const u8> from) = 0;
  virtual void reset_vector_state() = 0;

 protected:
  ~Context() = default;
};

struct MemoryStatistics {
  u64 total_bytes = 0;    // RAM that the place manages
  u64 free_bytes = 0;     // frames that can be had now
  u64 nucleus_bytes = 0;  // heap, stacks and tables of the place itself
};

struct CpuStatistics {
  Nanoseconds idle_ns = 0;
  u64 context_switches = 0;
  u64 interrupts = 0;
};

/// The place itself.
class Place {
 public:
  virtual Result<Ref<Domain>> create_domain() = 0;
  /// A context with all registers zero and vector state in its initial configuration.
  virtual Result<Ref<Context>> create_context(Domain& domain) = 0;

  /// A 4 KiB frame, all zero. Blocks never; OutOfMemory when none is left.
  virtual Result<Frame> allocate_frame() = 0;
  /// As above, with unspecified old contents of this same personality's kind: the caller overwrites
  /// every byte before a program can see it.
  virtual Result<Frame> allocate_frame_uncleared() = 0;
  /// Gives it back; its contents are no longer seen by anyone.
  virtual void free_frame(Frame frame) = 0;
  /// The frame's bytes, to be read and written by the personality.
  virtual u8* window(Frame frame) = 0;

  /// Nanoseconds since start, never going back; and seconds and nanoseconds since 1970.
  virtual Nanoseconds monotonic_ns() = 0;
  virtual Nanoseconds realtime_ns() = 0;
  virtual Result<> set_realtime_ns(Nanoseconds since_1970) = 0;
  /// Fills with numbers fit for keys.
  virtual void random(std::span<u8> to) = 0;
  /// One line for the kernel's log; without newline.
  virtual void log(std::string_view line) = 0;
  /// The log's bytes from position `from` on, as far as they are still kept: copies into `to`,
  /// returns the count; `from` is moved forward where older bytes are gone.
  virtual std::size_t read_log(u64& from, std::span<char> to) = 0;

  /// How many pages a fault may as well bring in at once, a power of two: more than one where a fault costs
  /// as much as the pages do.
  virtual u64 pages_a_fault() { return 1; }

  /// A frame that begins with a UserClock (interfaces/user_clock.h), for programs to read, never to write; it
  /// stays the place's. Frame{}: programs have to ask.
  virtual Frame user_clock() { return {}; }

  /// What a program may call in place of its system-call instruction, with the same registers; 0: nothing.
  virtual VirtualAddress call_gate() { return {}; }

  /// At return every core has executed a full memory barrier since the call, as seen by the programs that it
  /// runs. May block.
  virtual void memory_barrier() = 0;

  virtual u32 cpu_count() = 0;
  virtual CpuStatistics cpu_statistics(CpuId cpu) = 0;
  virtual MemoryStatistics memory_statistics() = 0;
  /// Text for /proc/cpuinfo: the model's name, a newline, and the flags that user code may use.
  virtual std::string_view cpu_model() = 0;

  /// What the place tells of itself, as lines "name value", for /proc/vari/nucleus: how much of `to`
  /// was filled.
  virtual std::size_t describe(std::span<char>) { return 0; }

  enum class PowerAction : u8 { Off, Reset, Halt };
  /// Does not return where the machine obeys.
  virtual void power(PowerAction action) = 0;

 protected:
  ~Place() = default;
};

}  // namespace vari
