// Reads and sets the PC's clock. The one difficulty is the update: once a second the chip changes its
// registers, for up to 2 ms, and what is read meanwhile may be torn. It announces that 244 µs before
// by a bit. So: wait until the bit is clear, read, and read again until two readings agree, since a
// thread that was preempted in between can meet the next update.
// Source: Motorola MC146818A data sheet; Intel 82093 chipset manuals for the century.
#include "components/rtc/rtc.h"

namespace vari::components::rtc {
namespace {

constexpr u16 kIndexPort = 0x70, kDataPort = 0x71;
constexpr u8 kSeconds = 0, kMinutes = 2, kHours = 4, kDay = 7, kMonth = 8, kYear = 9, kStatusA = 10,
             kStatusB = 11;
constexpr u8 kUpdateInProgress = 0x80;                         // in A
constexpr u8 kTwentyFourHours = 2, kBinary = 4, kHold = 0x80;  // in B
constexpr u8 kAfternoon = 0x80;                                // in hours of the 12-hour form

constexpr u8 from_decimal(u8 value) {
  return static_cast<u8>((value >> 4) * 10 + (value & 15));
}
constexpr u8 to_decimal(u8 value) {
  return static_cast<u8>(value / 10 << 4 | value % 10);
}

struct Date {
  i64 year;
  u32 month, day;
};

/// Days since 1970-01-01 in the Gregorian calendar: years are counted from March, so that a leap day
/// ends a year, and in eras of 400 years.
constexpr i64 days_of(Date date) {
  const i64 year = date.month <= 2 ? date.year - 1 : date.year;
  const i64 era = year / 400;
  const i64 year_of_era = year - era * 400;
  const i64 day_of_year = (153 * ((date.month + 9) % 12) + 2) / 5 + date.day - 1;
  const i64 day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}
static_assert(days_of({1970, 1, 1}) == 0);
static_assert(days_of({2000, 3, 1}) == 11017);

/// The inverse, for days from 1970 on.
constexpr Date date_of(i64 days) {
  days += 719468;
  const i64 era = days / 146097;
  const i64 day_of_era = days - era * 146097;
  const i64 year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const i64 day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const i64 month_from_march = (5 * day_of_year + 2) / 153;
  const u32 month = static_cast<u32>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  return {era * 400 + year_of_era + (month <= 2 ? 1 : 0), month,
          static_cast<u32>(day_of_year - (153 * month_from_march + 2) / 5 + 1)};
}
static_assert(date_of(11016).month == 2 && date_of(11016).day == 29);

constexpr i64 kSecondsADay = 86400;
constexpr i64 kLastYear = 2099;

}  // namespace

struct RealTimeClock::Fields {
  u8 seconds = 0, minutes = 0, hours = 0, day = 0, month = 0, year = 0, century = 0;
  bool operator==(const Fields&) const = default;
};

u8 RealTimeClock::read_register(u8 number) {
  ports_.write8(kIndexPort, number);
  return ports_.read8(kDataPort);
}

void RealTimeClock::write_register(u8 number, u8 value) {
  ports_.write8(kIndexPort, number);
  ports_.write8(kDataPort, value);
}

Result<> RealTimeClock::wait_for_no_update() {
  constexpr Nanoseconds kStep = 50'000, kLongest = 20 * kMillisecond;
  for (Nanoseconds waited = 0; waited < kLongest; waited += kStep) {
    if (!(read_register(kStatusA) & kUpdateInProgress)) return {};
    clock_.delay_ns(kStep);
  }
  return std::unexpected(Error::DeviceError);
}

RealTimeClock::Fields RealTimeClock::read_fields() {
  Fields fields{.seconds = read_register(kSeconds),
                .minutes = read_register(kMinutes),
                .hours = read_register(kHours),
                .day = read_register(kDay),
                .month = read_register(kMonth),
                .year = read_register(kYear)};
  if (century_register_ != 0) fields.century = read_register(century_register_);
  return fields;
}

Result<i64> RealTimeClock::read() {
  TRY(wait_for_no_update());
  Fields fields = read_fields();
  for (unsigned attempt = 0;; ++attempt) {
    TRY(wait_for_no_update());
    const Fields again = read_fields();
    if (again == fields) break;
    if (attempt == 10) return std::unexpected(Error::DeviceError);
    fields = again;
  }
  const u8 mode = read_register(kStatusB);
  const bool afternoon = fields.hours & kAfternoon;
  fields.hours &= 0x7f;
  if (!(mode & kBinary)) {
    for (u8* field : {&fields.seconds, &fields.minutes, &fields.hours, &fields.day, &fields.month,
                      &fields.year, &fields.century}) {
      *field = from_decimal(*field);
    }
  }
  if (!(mode & kTwentyFourHours)) fields.hours = static_cast<u8>(fields.hours % 12 + (afternoon ? 12 : 0));
  const bool has_century = fields.century >= 19 && fields.century <= 20;
  const i64 year =
      has_century ? fields.century * 100 + fields.year : fields.year + (fields.year < 70 ? 2000 : 1900);
  if (fields.seconds > 60 || fields.minutes > 59 || fields.hours > 23 || fields.day < 1 || fields.day > 31 ||
      fields.month < 1 || fields.month > 12 || fields.year > 99 || year < 1970) {
    return std::unexpected(Error::DeviceError);
  }
  return days_of({year, fields.month, fields.day}) * kSecondsADay + i64{fields.hours} * 3600 +
         i64{fields.minutes} * 60 + fields.seconds;
}

Result<> RealTimeClock::set(i64 seconds_since_1970) {
  if (seconds_since_1970 < 0) return std::unexpected(Error::InvalidArgument);
  const Date date = date_of(seconds_since_1970 / kSecondsADay);
  if (date.year > kLastYear) return std::unexpected(Error::InvalidArgument);
  const i64 second_of_day = seconds_since_1970 % kSecondsADay;
  const u8 mode = read_register(kStatusB);
  const bool binary = mode & kBinary;
  const auto encode = [binary](i64 value) {
    return binary ? static_cast<u8>(value) : to_decimal(static_cast<u8>(value));
  };
  i64 hour = second_of_day / 3600;
  const bool afternoon = hour >= 12 && !(mode & kTwentyFourHours);
  if (!(mode & kTwentyFourHours)) hour = (hour + 11) % 12 + 1;
  write_register(kStatusB, mode | kHold);  // no update while the registers disagree
  write_register(kSeconds, encode(second_of_day % 60));
  write_register(kMinutes, encode(second_of_day / 60 % 60));
  write_register(kHours, static_cast<u8>(encode(hour) | (afternoon ? kAfternoon : 0)));
  write_register(kDay, encode(date.day));
  write_register(kMonth, encode(date.month));
  write_register(kYear, encode(date.year % 100));
  if (century_register_ != 0) write_register(century_register_, encode(date.year / 100));
  write_register(kStatusB, mode & static_cast<u8>(~kHold));
  return {};
}

}  // namespace vari::components::rtc
