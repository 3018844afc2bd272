// The master's side of a pseudo-terminal: it reads what the discipline puts out, writes what the
// discipline takes as typed, and its close is the line's hang-up.
#include "personalities/linux/terminal/pty.h"

#include "personalities/linux/files/file_table.h"
#include "personalities/linux/files/vfs.h"
#include "personalities/linux/memory/user_memory.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/process.h"
#include "personalities/linux/process/task.h"
#include "personalities/linux/signals/signal.h"
#include "personalities/linux/terminal/terminals.h"

namespace vari::linux {

using namespace terminal_ioctl;

namespace {
constexpr std::size_t kPieceBytes = 256;
}

PtyTerminal::PtyTerminal(Personality& personality, u32 index, u32 device_number)
    : Terminal(personality, "pts/", index, device_number) {
  locked([](LineDiscipline&) {});  // publishes the first state
}

void PtyTerminal::transmit(std::span<const u8> bytes) {
  for (const u8 byte : bytes) output_[output_end_++ % kOutputBytes] = byte;
  if (bytes.empty() || output_waits_) return;
  __atomic_store_n(&output_waits_, true, __ATOMIC_SEQ_CST);
  // Waking only takes spinlocks, so it may be done here, under lock_.
  wake_master_readers();
}

void PtyTerminal::wake_master_readers() {
  master_readers_.wake_all();
  master_poll_queue_.wake(poll_event::kIn | poll_event::kReadNormal);
}

void PtyTerminal::on_state(u32 risen) {
  if (!(risen & kInputRoom)) return;
  master_writers_.wake_all();
  master_poll_queue_.wake(poll_event::kOut | poll_event::kWriteNormal);
}

LinuxResult<u64> PtyTerminal::master_read(Transfer& to, bool non_blocking) {
  if (to.remaining() == 0) return 0;
  for (;;) {
    u8 piece[kPieceBytes];
    u64 total = 0;
    for (;;) {
      const std::size_t wanted = std::min<u64>(sizeof piece, to.remaining());
      const std::size_t count = locked([&](LineDiscipline& discipline) {
        std::size_t taken = 0;
        while (taken < wanted && output_read_ != output_end_)
          piece[taken++] = output_[output_read_++ % kOutputBytes];
        discipline.flush_echoes();  // there is room again
        __atomic_store_n(&output_waits_, output_read_ != output_end_, __ATOMIC_SEQ_CST);
        return taken;
      });
      if (count == 0) break;
      const auto moved = to.put({piece, count});
      if (!moved) return total > 0 ? LinuxResult<u64>(total) : moved;
      total += *moved;
      if (*moved < count || count < wanted) break;
    }
    if (total > 0) return total;
    if (slaves_gone()) return std::unexpected(Errno::Io);
    if (non_blocking) return std::unexpected(Errno::Again);
    TRY(master_readers_.wait_until([&] { return master_readable(); }, kForever,
                                   runtime::Cancellation::Respect));
  }
}

LinuxResult<u64> PtyTerminal::master_write(Transfer& from, bool non_blocking) {
  u64 total = 0;
  while (from.remaining() > 0) {
    if (!(state() & kInputRoom)) {
      if (non_blocking && total > 0) return total;
      if (non_blocking) return std::unexpected(Errno::Again);
      const auto room = master_writers_.wait_until([&] { return (state() & kInputRoom) != 0; }, kForever,
                                                   runtime::Cancellation::Respect);
      if (!room && total > 0) return total;
      TRY(room);
    }
    u8 piece[kPieceBytes];
    const auto taken = from.take(piece);
    if (!taken) return total > 0 ? LinuxResult<u64>(total) : taken;
    if (*taken == 0) break;
    // A piece always fits what waits in front of the discipline, since that is empty where there is room.
    total += receive({piece, *taken});
  }
  return total;
}

u32 PtyTerminal::master_poll(PollTable* table) {
  using namespace poll_event;
  if (table) table->watch(master_poll_queue_);
  u32 events = 0;
  if (__atomic_load_n(&output_waits_, __ATOMIC_ACQUIRE)) events |= kIn | kReadNormal;
  if (slaves_gone()) events |= kHangUp;
  if (state() & kInputRoom) events |= kOut | kWriteNormal;
  return events;
}

std::size_t PtyTerminal::master_queued() {
  return locked([&](LineDiscipline&) { return output_end_ - output_read_; });
}

LinuxResult<> PtyTerminal::may_open() {
  if (slave_locked() || !__atomic_load_n(&master_open_, __ATOMIC_ACQUIRE)) return std::unexpected(Errno::Io);
  return {};
}

void PtyTerminal::file_opened() {
  __atomic_add_fetch(&slave_files_, 1, __ATOMIC_ACQ_REL);
  __atomic_store_n(&slaves_gone_, false, __ATOMIC_RELEASE);
}

void PtyTerminal::file_closed() {
  if (__atomic_sub_fetch(&slave_files_, 1, __ATOMIC_ACQ_REL) != 0) return;
  __atomic_store_n(&slaves_gone_, true, __ATOMIC_SEQ_CST);
  master_readers_.wake_all();
  master_poll_queue_.wake(poll_event::kHangUp);
}

void PtyTerminal::master_closed() {
  __atomic_store_n(&master_open_, false, __ATOMIC_SEQ_CST);
  hang_up();
}

PtyMasterFile::~PtyMasterFile() {
  terminal_->master_closed();
  Personality& personality = terminal_->personality();
  personality.vfs().remove_device_node(*node_.dentry);
  personality.terminals().release_pty(terminal_->index());
}

LinuxResult<u64> PtyMasterFile::open_peer(Task& task, u64 flags) {
  constexpr u64 kKnown = kAccessMode | kNoControllingTerminal | kNonBlock | kCloseOnExec;
  if (flags & ~kKnown) return std::unexpected(Errno::Invalid);
  const u32 kept = static_cast<u32>(flags & ~u64{kCloseOnExec});
  auto file = TRY(terminal_->personality().terminals().open_peer(task, node_, terminal_, kept));
  return TRY(task.files().add(std::move(file), flags & kCloseOnExec,
                              task.process().soft_limit(Resource::OpenFiles)));
}

LinuxResult<u64> PtyMasterFile::ioctl(Task& task, u32 request, u64 argument) {
  switch (request) {
    case kGetPtyNumber: TRY(task.user().write(argument, terminal_->index())); return 0;
    case kLockPty: terminal_->lock_slave(TRY(task.user().read<i32>(argument)) != 0); return 0;
    case kGetPtyLock: TRY(task.user().write(argument, static_cast<i32>(terminal_->slave_locked()))); return 0;
    case kOpenPeer: return open_peer(task, argument);
    case kInputQueued:
      TRY(task.user().write(argument, static_cast<i32>(terminal_->master_queued())));
      return 0;
    case kSignalSlave: {
      if (argument < 1 || argument > signal::kCount) return std::unexpected(Errno::Invalid);
      JobControl::signal_foreground(terminal_->personality(), *terminal_, static_cast<int>(argument));
      return 0;
    }
    case kSetControlling:
    case kGiveUpControlling: return std::unexpected(Errno::NotTerminal);
    default: return terminal_->control(task, request, argument);
  }
}

}  // namespace vari::linux
