// See arguments.h. One function a kind; the letters are those of calls.cc.
#include "arguments.h"

#include <iterator>

namespace vari::linux::fuzz {
namespace {

constexpr u64 kAll = ~u64{0}, kCurrentDirectory = static_cast<u64>(-100);

template <std::size_t kCount>
constexpr u64 one_of(const u64 (&table)[kCount], u64 which) {
  return table[which % kCount];
}

constexpr u64 kNumbers[] = {0,
                            1,
                            2,
                            3,
                            7,
                            8,
                            15,
                            16,
                            24,
                            31,
                            32,
                            63,
                            64,
                            100,
                            127,
                            128,
                            144,
                            255,
                            256,
                            511,
                            512,
                            1024,
                            4095,
                            4096,
                            4097,
                            8191,
                            8192,
                            12288,
                            0xffff,
                            0x10000,
                            0x100000,
                            0x200000,
                            0x7fff'ffff,
                            0x8000'0000,
                            0xffff'ffff,
                            0x1'0000'0000,
                            u64{1} << 40,
                            (u64{1} << 47) - 4096,
                            u64{1} << 47,
                            kAll >> 1,
                            (kAll >> 1) - 4095,
                            u64{1} << 63,
                            kAll,
                            kAll - 1,
                            kAll - 4095};
constexpr u64 kAddresses[] = {0,
                              1,
                              0xfff,
                              0x1000,
                              0x500000,
                              kImage + kImageBytes,
                              kReadOnly,
                              kReadOnly + 4090,
                              0x0000'7ff0'0000'0000 - 8,
                              0x0000'7fff'ffff'f000,
                              0x0000'8000'0000'0000,
                              0xffff'8000'0000'0000,
                              kAll,
                              kAll - 7,
                              0x1000'0000};
constexpr u64 kSignals[] = {9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 23, 34, 64};
constexpr u64 kMapFlags[] = {0x22,     0x21,  0x02,   0x01,   0x32, 0x31,    0x12, 0x11,
                             0x100022, 0x122, 0x8022, 0x4022, 0x62, 0x40022, 0x03};
constexpr u64 kCloneFlags[] = {17,         0,          0x3d0f00,    0x4111,      0x50f00,
                               0x100 | 17, 0x400 | 17, 0x200 | 17,  0x8000 | 17, 0x01200011,
                               0x1000011,  0x200011,   0x2000'0000, 0x10f00,     0x3d0f00 | 17};
constexpr u64 kUsers[] = {0, 1, 2, 1000, 65534, 0xffff'ffff, kAll};
constexpr u64 kRequests[] = {0x5401,      0x5402,      0x5403, 0x5404,      0x540a,      0x540b,
                             0x540e,      0x540f,      0x5410, 0x5411,      0x5412,      0x5413,
                             0x5414,      0x541b,      0x5420, 0x5421,      0x5422,      0x5429,
                             0x5450,      0x5451,      0x5452, 0x8004'5430, 0x4004'5431, 0x8004'5432,
                             0x8004'5438, 0x8004'5439, 0x5441, 0x802c'542a, 0x402c'542b, 0x402c'542d};

u64 bits(u8 selector, u8 value) {
  switch (selector % 4) {
    case 0: return value % 4;
    case 1: return u64{1} << value % 32;
    case 2: return value;
    default: return (u64{1} << value % 32 | u64{1} << value / 8) | selector / 4 % 4;
  }
}

u64 descriptor(Registers& registers, u8 selector, u8 value) {
  switch (selector % 8) {
    case 4:
    case 5: return slot(registers, value);
    case 6: return value % 2 ? kAll : kCurrentDirectory;
    case 7: return one_of(kNumbers, value);
    default: return value % 12;
  }
}

u64 process(Registers& registers, u8 selector, u8 value) {
  switch (selector % 8) {
    case 0: return 0;
    case 1: return kAll;
    case 2:
    case 3: return slot(registers, value);
    case 4: return 2;
    case 5: return value % 8;
    case 6: return ~u64{value % 8u} + 1;
    default: return 300 + value;
  }
}

u64 number(u8 selector, u8 value, u64 small) {
  switch (selector % 4) {
    case 0: return value % small;
    case 1: return value;
    case 2: return static_cast<u64>(static_cast<i64>(static_cast<i8>(value)));
    default: return one_of(kNumbers, value);
  }
}

u64 size(u8 selector, u8 value) {
  switch (selector % 4) {
    case 0: return 8;
    case 1: return value;
    case 2: return u64{value} * kPageBytes;
    default: return one_of(kNumbers, value);
  }
}

u64 offset(u8 selector, u8 value) {
  switch (selector % 4) {
    case 0: return value % 4 * kPageBytes;
    case 1: return u64{value} * 100;
    case 2: return (u64{value} << 12) + 1;
    default: return one_of(kNumbers, value);
  }
}

u64 memory(Registers& registers, u8 selector, u8 value) {
  switch (selector % 8) {
    case 0: return 0;
    case 1:
    case 2: return 0x1000'0000 + u64{value} * kPageBytes;
    case 3: return kImage + value % 10 * kPageBytes;
    case 4:
    case 5: return slot(registers, value);
    case 6: return slot(registers, value) + (value / 8 + 1u) * kPageBytes;
    default: return one_of(kAddresses, value);
  }
}

u64 buffer(Registers& registers, u8 selector, u8 value) {
  switch (selector % 8) {
    case 4: return kImage + kImageBytes - value % 64;
    case 5: return one_of(kAddresses, value);
    case 6: return slot(registers, value);
    case 7: return kReadOnly + u64{value} * 16;
    default: return kBuffer + u64{value} * 16;
  }
}

u64 anything(const MemoryImage& image, Registers& registers, u8 selector, u8 value) {
  switch (selector % 8) {
    case 0: return value;
    case 1: return one_of(kNumbers, value);
    case 2: return slot(registers, value);
    case 3: return buffer(registers, selector / 8, value);
    case 4: return image.places('t')[value % image.places('t').size()];
    case 5: return u64{1} << value % 64;
    case 6: return u64{value} << 24 | value;
    default: return selector / 8u * 256u + value;
  }
}

}  // namespace

u64& slot(Registers& r, u64 number) {
  u64* const registers[kSlots] = {&r.rbx, &r.rbp, &r.r12, &r.r13, &r.r14, &r.r15};
  return *registers[number % kSlots];
}

u64 argument(const MemoryImage& image, Registers& registers, char kind, Choice choice) {
  const auto [s, v] = choice;
  switch (kind) {
    case 'f': return descriptor(registers, s, v);
    case 'F': return s % 8 < 5 ? kCurrentDirectory : descriptor(registers, s / 8, v);
    case 'n': return size(s, v);
    case 'c': return number(s, v, 8);
    case 'i': return number(s, v, 16);
    case 'g': return bits(s, v);
    case 'm': return (u64{s} << 8 | v) & 0xffff;
    case 'o': return offset(s, v);
    case 'p': return process(registers, s, v);
    case 'S': return s % 4 ? one_of(kSignals, v) : v % 67;
    case 'a': return memory(registers, s, v);
    case 'L': return s % 4 == 3 ? bits(s / 4, v) | 0x22 : one_of(kMapFlags, v);
    case 'C': return s % 4 == 3 ? one_of(kCloneFlags, v) | u64{1} << s / 4 % 32 : one_of(kCloneFlags, v);
    case 'u': return one_of(kUsers, v);
    case 'K': return s % 4 == 3 ? kAll - v : v % 13;
    case 'q': return s % 2 ? one_of(kRequests, v) : 0x5401 + v % 0x60;
    case 'd': return s % 4 == 3 ? 0x1000 + v % 8 : s % 4 == 2 ? 1024 + v % 16 : v % 64;
    case 'w': return v % 16 | (s & 1 ? 128 : 0) | (s & 2 ? 256 : 0);
    case 'x': return s % 8 == 7 ? buffer(registers, s / 8, v) : kBuffer + v % 4 * 4;
    case 'b': return buffer(registers, s, v);
    case 'z': return anything(image, registers, s, v);
    default: break;
  }
  if (s % 8 == 7) return buffer(registers, s / 8, v);
  const auto& places = image.places(kind);
  return places[v % places.size()];
}

}  // namespace vari::linux::fuzz
