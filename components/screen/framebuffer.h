// A linear framebuffer of 16, 24 or 32 bits a pixel as a grid of 8 by 16 characters.
#pragma once

#include "components/screen/device_memory.h"
#include "components/screen/display.h"
#include "components/screen/font.h"
#include "interfaces/boot_information.h"
#include "interfaces/environment.h"

namespace vari::components::screen {

class FramebufferDisplay final : public Display {
 public:
  FramebufferDisplay() = default;
  FramebufferDisplay(const FramebufferDisplay&) = delete;
  FramebufferDisplay& operator=(const FramebufferDisplay&) = delete;
  virtual ~FramebufferDisplay();
  /// Unsupported: a pixel format or a size that makes no grid. Clears it.
  Result<> open(Environment& environment, const Framebuffer& framebuffer);

  u16 rows() const override { return rows_; }
  u16 columns() const override { return columns_; }
  void draw(Position begin, std::span<const Cell> cells) override;
  void draw_cursor(Position at, Cell under, bool visible) override;

 private:
  void draw_cell(Position at, Cell cell);
  void put_pixel(u64 offset, u32 pixel);
  u32 pixel_of(u8 colour) const;
  u64 bytes() const { return u64{format_.pitch_bytes} * format_.height; }

  Environment* environment_ = nullptr;
  Framebuffer format_;
  DeviceMemory memory_;
  u16 rows_ = 0, columns_ = 0;
  u8 pixel_bytes_ = 0;
  u32 palette_[16] = {};
};

}  // namespace vari::components::screen
