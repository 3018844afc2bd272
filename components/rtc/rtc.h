// The battery-backed clock of the PC (MC146818 and its successors), by ports 0x70 and 0x71.
#pragma once

#include "base/result.h"
#include "interfaces/environment.h"

namespace vari::components::rtc {

/// Single-threaded: its client serialises calls. Holds no state but the century register's number.
class RealTimeClock {
 public:
  /// `century_register` as the FADT says; 0: there is none, years are 1970 to 2069.
  RealTimeClock(Environment& environment, u8 century_register)
      : ports_(environment.ports), clock_(environment.clock), century_register_(century_register) {}

  /// Seconds since 1970, the clock taken as UTC. DeviceError: it doesn't answer, or not with a date.
  Result<i64> read();
  /// InvalidArgument: outside 1970 to 2099.
  Result<> set(i64 seconds_since_1970);

 private:
  struct Fields;
  u8 read_register(u8 number);
  void write_register(u8 number, u8 value);
  Result<> wait_for_no_update();
  Fields read_fields();

  PortService& ports_;
  ClockService& clock_;
  u8 century_register_;
};

}  // namespace vari::components::rtc
