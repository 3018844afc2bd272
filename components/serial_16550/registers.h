// The 16550's registers and bits (National Semiconductor PC16550D data sheet, section 8).
#pragma once

#include "base/types.h"

namespace vari::components::serial_16550::registers {

// Offsets from the base port.
inline constexpr u16 kData = 0, kInterruptEnable = 1, kInterruptIdentity = 2, kFifoControl = 2,
                     kLineControl = 3, kModemControl = 4, kLineStatus = 5, kModemStatus = 6, kScratch = 7;
// With kDivisorLatch set in the line control register.
inline constexpr u16 kDivisorLow = 0, kDivisorHigh = 1;

inline constexpr u8 kReceiveInterrupt = 1, kTransmitInterrupt = 2, kLineStatusInterrupt = 4;
inline constexpr u8 kNoInterruptPending = 1;
inline constexpr u8 kFifoEnable = 1, kFifoClearReceive = 2, kFifoClearTransmit = 4, kFifoTrigger8 = 0x80;
inline constexpr u8 kEightBits = 3, kDivisorLatch = 0x80;
inline constexpr u8 kDataTerminalReady = 1, kRequestToSend = 2, kOut1 = 4, kOut2 = 8, kLoopback = 0x10;
inline constexpr u8 kDataReady = 1, kOverrun = 2, kBreak = 0x10, kTransmitEmpty = 0x20, kTransmitIdle = 0x40;

inline constexpr u32 kBaudBase = 115200;
inline constexpr unsigned kFifoBytes = 16;

}  // namespace vari::components::serial_16550::registers
