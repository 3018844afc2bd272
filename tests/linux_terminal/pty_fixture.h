// Programs that use terminals, on the fake place: shorthands for the calls and for looking at memory.
#pragma once

#include <gtest/gtest.h>

#include "personalities/linux/terminal/termios.h"
#include "tests/linux_process/system_double.h"

namespace vari::linux::test {

namespace request = terminal_ioctl;

enum TerminalCall : u64 { kOpenCall = 2, kPollCall = 7, kIoctlCall = 16, kAccessCall = 21 };
inline constexpr u64 kPathText = kData + 0x2000, kOut = kData + 0x2100, kIn = kData + 0x2200,
                     kArgument = kData + 0x2300, kSettings = kData + 0x2400;
inline constexpr u64 kReadWrite = 2, kNoTerminal = 0400, kNonBlocking = 04000;
/// The descriptors of open_pty(): the first ones after the standard streams.
inline constexpr u64 kMaster = 3, kSlave = 4;

constexpr u64 error(int number) {
  return static_cast<u64>(-number);
}
inline constexpr u64 kIoError = error(5), kNoEntry = error(2), kAgain = error(11);

/// Up to eight bytes as a number, as load() gives them.
constexpr u64 packed(std::string_view text) {
  u64 value = 0;
  for (std::size_t i = 0; i < text.size(); ++i) value |= u64{static_cast<u8>(text[i])} << (8 * i);
  return value;
}

struct TerminalProgram : SystemDouble {
  TerminalProgram() { add_program("first", program.next()); }

  void store_text(u64 address, const std::string& text) {
    program.step([=](Cpu& cpu) {
      for (std::size_t at = 0; at <= text.size(); at += 8)
        cpu.store(address + at, packed(std::string_view(text).substr(at, 8)));
    });
  }
  void open(const std::string& path, u64 flags, const std::string& name) {
    store_text(kPathText, path);
    program.call(kOpenCall, {kPathText, flags});
    note_result(name);
  }
  void access(const std::string& path, const std::string& name) {
    store_text(kPathText, path);
    program.call(kAccessCall, {kPathText, 0});
    note_result(name);
  }
  void write(u64 file, const std::string& text, const std::string& name) {
    store_text(kOut, text);
    program.call(kWrite, {file, kOut, text.size()});
    note_result(name);
  }
  /// Notes the count under `name`, and the first eight bytes under `name` + " text".
  void read(u64 file, u64 bytes, const std::string& name) {
    program.step([](Cpu& cpu) { cpu.store(kIn, 0); });
    program.call(kRead, {file, kIn, bytes});
    note_result(name);
    program.step([this, name](Cpu& cpu) { note(name + " text", cpu.load(kIn)); });
  }
  void control(u64 file, u32 what, u64 argument, const std::string& name) {
    program.call(kIoctlCall, {file, what, argument});
    note_result(name);
  }
  void close(u64 file) { program.call(kClose, {file}); }
  void sleep_ms(u64 milliseconds) {
    program.step([=](Cpu& cpu) {
      cpu.store(kArgument, 0);
      cpu.store(kArgument + 8, milliseconds * 1'000'000);
    });
    program.call(kNanosleep, {kArgument, 0});
  }
  /// Descriptors 3 (master) and 4 (slave), which no session controls yet.
  void open_pty() {
    open("/dev/ptmx", kReadWrite | kNoTerminal, "master");
    program.step([](Cpu& cpu) { cpu.store(kArgument, 0); });
    control(kMaster, request::kLockPty, kArgument, "unlock");
    control(kMaster, request::kOpenPeer, kReadWrite | kNoTerminal, "slave");
  }
  /// Changes c_lflag and, in raw mode, MIN and TIME.
  void settings(u32 clear, u32 set, u8 minimum, u8 time) {
    program.call(kIoctlCall, {kSlave, request::kGetTermios, kSettings});
    program.step([=](Cpu& cpu) {
      const u64 flags = cpu.load(kSettings + 8);
      cpu.store(kSettings + 8, (flags & ~(u64{clear} << 32)) | u64{set} << 32);
      const u64 characters = cpu.load(kSettings + 16) & 0xffff'ffff'ffff;
      cpu.store(kSettings + 16, characters | u64{time} << 48 | u64{minimum} << 56);
    });
    control(kSlave, request::kSetTermios, kSettings, "set");
  }
  void raw(u8 minimum, u8 time) {
    using namespace local_flag;
    settings(kCanonical | kEcho | kSignals, 0, minimum, time);
  }
  void ignore_signal(u64 number) {
    program.step([](Cpu& cpu) {
      for (u64 at = 0; at < 32; at += 8) cpu.store(kArgument + at, at == 0 ? 1 : 0);
    });
    program.call(kSigaction, {number, kArgument, 0, 8});
  }
  void exit(u64 code) { SystemDouble::exit(code); }
  /// Steps of the child follow until here() is called on what is returned; the parent has its number in rbx.
  Branch fork() {
    program.call(kFork);
    program.step([](Cpu& cpu) { cpu.r.rbx = cpu.r.rax; });
    return jump_if([](Cpu& cpu) { return cpu.r.rax != 0; });
  }
  /// Waits for a child to stop (and then kills it) or to end; notes the status.
  void wait(const std::string& name) {
    constexpr u64 kUntraced = 2;
    program.call(kWait4, {~u64{0}, kArgument, kUntraced, 0});
    program.step([this, name](Cpu& cpu) { note(name, cpu.load(kArgument) & 0xffff'ffff); });
    auto ended = jump_if([](Cpu& cpu) { return (cpu.load(kArgument) & 0xff) != 0x7f; });
    program.call(kKill, [](Cpu& cpu) { return std::vector<u64>{cpu.r.rbx, 9}; });
    program.call(kWait4, {~u64{0}, kArgument, 0, 0});
    ended.here();
  }
  /// As shells do on both sides of a fork, since either may run first.
  void put_child_into_its_own_group() {
    program.call(kSetpgid, [](Cpu& cpu) { return std::vector<u64>{cpu.r.rbx, cpu.r.rbx}; });
  }
  /// Until the parent has gone and init is the parent.
  void await_orphaned() {
    const u64 again = program.next();
    sleep_ms(5);
    program.call(kGetppid);
    program.step([again](Cpu& cpu) {
      if (cpu.r.rax != 1) cpu.jump(again);
    });
  }
  u64 noted(const std::string& name) {
    const auto all = notes(name);
    EXPECT_EQ(all.size(), 1u) << name;
    return all.empty() ? ~u64{0} : all.back();
  }
};

constexpr u64 stopped_by(u64 signal) {
  return signal << 8 | 0x7f;
}

}  // namespace vari::linux::test
