// A line discipline whose output is kept, for tests without any process.
#pragma once

#include <string>
#include <string_view>

#include "personalities/linux/terminal/line_discipline.h"

namespace vari::linux {

class OutputDouble final : public TerminalOutput {
 public:
  std::size_t room() override { return room_; }
  void transmit(std::span<const u8> bytes) override {
    text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (room_ != kUnlimited) room_ -= bytes.size();
  }
  void discard() override {}
  std::string take() {
    std::string taken;
    taken.swap(text_);
    return taken;
  }
  void set_room(std::size_t room) { room_ = room; }
  static constexpr std::size_t kUnlimited = 1 << 30;

 private:
  std::string text_;
  std::size_t room_ = kUnlimited;
};

inline std::span<const u8> as_bytes(std::string_view text) {
  return {reinterpret_cast<const u8*>(text.data()), text.size()};
}

class Typed {
 public:
  std::string type(std::string_view text) {
    discipline.receive(as_bytes(text));
    return output.take();
  }
  std::string print(std::string_view text) {
    discipline.write(as_bytes(text));
    return output.take();
  }
  /// What read(2) would give without blocking: "-" for EAGAIN.
  std::string read(std::size_t bytes = 4096) {
    if (!discipline.readable()) return "-";
    std::string buffer(bytes, '\0');
    const auto result = discipline.read({reinterpret_cast<u8*>(buffer.data()), bytes});
    if (result.bytes == bytes && !result.line_end) discipline.skip_end_of_file();
    buffer.resize(result.bytes);
    return buffer;
  }
  void change(u32 input, u32 output_flags, u32 local) {
    Termios termios = discipline.termios();
    termios.input = input;
    termios.output = output_flags;
    termios.local = local;
    discipline.change_termios(termios);
  }
  OutputDouble output;
  LineDiscipline discipline{output};
};

}  // namespace vari::linux
