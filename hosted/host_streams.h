// The host's standard streams as ByteStreams, for one command; and what both kinds of output share.
#pragma once

#include "hosted/host_input.h"
#include "interfaces/console.h"

namespace vari::hosted {

/// Writes all to a descriptor; a slow reader holds the calling thread up, not its core. A reader that has
/// gone swallows the rest.
void write_to_host(int descriptor, std::span<const u8> bytes);

class HostInputStream final : public ByteStream {
 public:
  explicit HostInputStream(HostEvents& events) : input_(events, 0) {}
  /// Starts to read ahead, with a thread that tells the observer.
  Result<> start();
  void* query_raw(InterfaceId wanted) override { return wanted == kInterface ? this : nullptr; }
  void acquire() override {}
  void release() override {}
  std::size_t read(std::span<u8> to) override;
  bool readable() override { return input_.available() > 0 || input_.ended(); }
  void write(std::span<const u8>) override {}
  void set_observer(ByteStreamObserver* observer) override;

 private:
  void pump();

  HostInput input_;
  runtime::Mutex mutex_;  // of the reader
  runtime::WaitQueue arrived_;
  runtime::Mutex observer_mutex_;
  ByteStreamObserver* observer_ GUARDED_BY(observer_mutex_) = nullptr;
};

class HostOutputStream final : public ByteStream {
 public:
  explicit HostOutputStream(int descriptor) : descriptor_(descriptor) {}
  void* query_raw(InterfaceId wanted) override { return wanted == kInterface ? this : nullptr; }
  void acquire() override {}
  void release() override {}
  std::size_t read(std::span<u8>) override { return 0; }
  bool readable() override { return true; }
  void write(std::span<const u8> bytes) override;

 private:
  const int descriptor_;
  runtime::Mutex mutex_;
};

}  // namespace vari::hosted
