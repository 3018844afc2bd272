// The I/O APIC (Intel 82093AA data sheet): a redirection entry a pin, reached through an index register;
// and the masking of the two 8259s that it replaces.
#pragma once

#include "base/types.h"

namespace vari::machine {

class IoApic {
 public:
  IoApic() = default;
  /// `registers`: mapped uncached. All pins are masked.
  IoApic(void* registers, u32 first_interrupt);

  u32 first_interrupt() const { return first_interrupt_; }
  u32 pins() const { return pins_; }
  bool serves(u32 interrupt) const { return interrupt - first_interrupt_ < pins_; }

  struct Route {
    u8 vector = 0;
    bool level = false, active_low = false;
    u8 apic_id = 0;  // physical destination
    bool masked = true;
  };
  /// The caller excludes others: index and data register belong together.
  void set_route(u32 pin, const Route& route) const;

 private:
  u32 read(u32 index) const {
    registers_[0] = index;
    return registers_[4];
  }
  void write(u32 index, u32 value) const {
    registers_[0] = index;
    registers_[4] = value;
  }

  volatile u32* registers_ = nullptr;
  u32 first_interrupt_ = 0;
  u32 pins_ = 0;
};

/// Moves the 8259s' vectors out of the exceptions' way and masks all their lines; a spurious one may
/// still come, and is ignored.
void mask_legacy_controllers();

}  // namespace vari::machine
