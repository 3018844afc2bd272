// The clock driver against a clock in software, in all its modes and with updates in awkward moments.
#include "components/rtc/rtc.h"

#include <gtest/gtest.h>

#include <ctime>
#include <random>

#include "host_support/fake_environment.h"

namespace vari::components::rtc {
namespace {

using testing_support::FakeEnvironment;
using testing_support::PortDevice;

/// An MC146818: 128 registers, an update flag, and a second that passes when the test says so.
class FakeClockChip final : public PortDevice {
 public:
  explicit FakeClockChip(FakeEnvironment& environment) { environment.ports.place(0x70, 2, *this); }
  u8 read(u16 port) override {
    if (port == 0x70) return 0xff;
    if (index_ == 10) {
      if (updating_reads > 0) {
        --updating_reads;
        return 0x80;
      }
      return 0;
    }
    if (reads_until_tick > 0 && --reads_until_tick == 0) show(now + 1);
    return registers_[index_];
  }
  void write(u16 port, u8 value) override {
    if (port == 0x70) {
      index_ = value & 0x7f;
    } else {
      registers_[index_] = value;
    }
  }
  void set_mode(bool binary, bool hours24, u8 century) {
    registers_[11] = static_cast<u8>((binary ? 4 : 0) | (hours24 ? 2 : 0));
    century_ = century;
  }
  void show(std::time_t time) {
    now = time;
    std::tm parts{};
    gmtime_r(&time, &parts);
    put(0, parts.tm_sec);
    put(2, parts.tm_min);
    int hour = parts.tm_hour;
    const bool hours24 = registers_[11] & 2;
    if (!hours24) hour = (hour + 11) % 12 + 1;
    put(4, hour);
    if (!hours24 && parts.tm_hour >= 12) registers_[4] |= 0x80;
    put(7, parts.tm_mday);
    put(8, parts.tm_mon + 1);
    put(9, parts.tm_year % 100);
    if (century_) put(century_, 19 + parts.tm_year / 100);
  }
  u8& reg(u8 number) { return registers_[number]; }

  std::time_t now = 0;
  int updating_reads = 0, reads_until_tick = 0;

 private:
  void put(u8 number, int value) {
    registers_[number] = static_cast<u8>(registers_[11] & 4 ? value : value / 10 << 4 | value % 10);
  }
  u8 registers_[128] = {};
  u8 index_ = 0, century_ = 0;
};

struct Rtc : testing::Test {
  FakeEnvironment fake;
  FakeClockChip chip{fake};
};

TEST_F(Rtc, ReadsAllModes) {
  std::mt19937_64 random(3);
  for (const bool binary : {false, true}) {
    for (const bool hours24 : {false, true}) {
      for (const u8 century : {0, 0x32}) {
        chip.set_mode(binary, hours24, century);
        RealTimeClock clock(fake.environment, century);
        for (int i = 0; i < 300; ++i) {
          // Without a century, 1970 to 2069; with one, to 2099.
          const i64 time = static_cast<i64>(random() % (century ? 4102444800 : 3155760000));
          chip.show(time);
          const auto read = clock.read();
          ASSERT_TRUE(read);
          ASSERT_EQ(*read, time) << binary << hours24 << int{century};
        }
      }
    }
  }
}

TEST_F(Rtc, WhatIsSetIsRead) {
  for (const bool binary : {false, true}) {
    for (const bool hours24 : {false, true}) {
      chip.set_mode(binary, hours24, 0x32);
      RealTimeClock clock(fake.environment, 0x32);
      for (const i64 time :
           {i64{0}, i64{951782399}, i64{951782400}, i64{1709210096}, i64{1767225599}, i64{4102444799}}) {
        ASSERT_TRUE(clock.set(time));
        EXPECT_EQ(clock.read().value_or(-1), time);
      }
    }
  }
}

TEST_F(Rtc, RefusesTimesThatItCannotHold) {
  RealTimeClock clock(fake.environment, 0x32);
  EXPECT_EQ(clock.set(-1).error(), Error::InvalidArgument);
  EXPECT_EQ(clock.set(4102444800).error(), Error::InvalidArgument);
  EXPECT_EQ(clock.set(INT64_MAX).error(), Error::InvalidArgument);
}

TEST_F(Rtc, WaitsForAnUpdateToEnd) {
  chip.set_mode(false, true, 0);
  chip.show(1'000'000'000);
  chip.updating_reads = 20;
  RealTimeClock clock(fake.environment, 0);
  EXPECT_EQ(clock.read().value_or(-1), 1'000'000'000);
}

TEST_F(Rtc, AnUpdateBetweenTwoRegistersTearsNothing) {
  chip.set_mode(false, true, 0x32);
  RealTimeClock clock(fake.environment, 0x32);
  // The last second of a year: every register changes.
  const std::time_t eve = 946684799;
  for (int reads = 1; reads < 20; ++reads) {
    chip.show(eve);
    chip.reads_until_tick = reads;
    const auto read = clock.read();
    ASSERT_TRUE(read);
    EXPECT_TRUE(*read == eve || *read == eve + 1) << *read;
  }
}

TEST_F(Rtc, AClockThatNeverRestsIsAnError) {
  chip.updating_reads = 1 << 30;
  RealTimeClock clock(fake.environment, 0);
  EXPECT_EQ(clock.read().error(), Error::DeviceError);
}

TEST_F(Rtc, NonsenseIsAnError) {
  chip.set_mode(true, true, 0);
  chip.show(1'000'000'000);
  chip.reg(8) = 13;
  RealTimeClock clock(fake.environment, 0);
  EXPECT_EQ(clock.read().error(), Error::DeviceError);
}

TEST(RtcAbsent, IsAnError) {
  FakeEnvironment fake;
  RealTimeClock clock(fake.environment, 0x32);
  EXPECT_EQ(clock.read().error(), Error::DeviceError);
}

}  // namespace
}  // namespace vari::components::rtc
