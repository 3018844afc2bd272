// The PC's text mode: 80 by 25 characters of code page 437 at 0xb8000, the cursor drawn by the hardware.
#pragma once

#include "components/screen/device_memory.h"
#include "components/screen/display.h"
#include "interfaces/environment.h"

namespace vari::components::screen {

class VgaText final : public Display {
 public:
  VgaText() = default;
  VgaText(const VgaText&) = delete;
  VgaText& operator=(const VgaText&) = delete;
  virtual ~VgaText();
  Result<> open(Environment& environment);

  u16 rows() const override { return kRows; }
  u16 columns() const override { return kColumns; }
  void draw(Position begin, std::span<const Cell> cells) override;
  void draw_cursor(Position at, Cell under, bool visible) override;

 private:
  static constexpr u16 kRows = 25, kColumns = 80;
  static constexpr u64 kBytes = u64{kRows} * kColumns * 2;
  void write_register(u8 number, u8 value);
  Environment* environment_ = nullptr;
  DeviceMemory memory_;
};

}  // namespace vari::components::screen
