// A tiny user program for tests of contexts: machine code in one page, a stack in another, in a domain of
// its own. The code of each test is written in assembly in user_code.S.
#pragma once

#include "base/reference.h"
#include "nucleus/context.h"
#include "nucleus/domain.h"
#include "tests/kernel/kernel_test.h"

namespace vari::kernel_tests {

extern "C" const u8 user_code_begin[], user_code_end[];

class UserProgram {
 public:
  static constexpr VirtualAddress kCode{0x400000}, kStack{0x500000}, kData{0x600000};

  /// `entry`: a label of user_code.S.
  UserProgram(Test& test, const u8* entry) : test_(test) {
    auto domain = nucleus::DomainWith<nucleus::SynchronousTlb>::create(test.memory(), test.tlb());
    if (!domain) return;
    domain_ = *domain;
    map(kCode, Access::Read | Access::Execute, 0);
    map(kStack, Access::Read | Access::Write, 1);
    map(kData, Access::Read | Access::Write, 2);
    const auto bytes = static_cast<std::size_t>(user_code_end - user_code_begin);
    __builtin_memcpy(test.memory().frames().window().at(frames_[0]), user_code_begin, bytes);
    auto context = nucleus::Context::create(*domain_);
    if (!context) return;
    context_ = *context;
    context_->registers().rip = kCode.value + static_cast<u64>(entry - user_code_begin);
    context_->registers().rsp = kStack.value + kPageBytes;
  }
  ~UserProgram() {
    context_ = {};
    domain_ = {};
    for (const Frame frame : frames_) {
      if (frame) test_.memory().frames().free(frame);
    }
  }
  UserProgram(const UserProgram&) = delete;

  bool ready() const { return static_cast<bool>(context_); }
  Context& context() { return *context_; }
  Registers& registers() { return context_->registers(); }
  Domain& domain() { return *domain_; }
  u64* data() { return test_.memory().frames().window().at<u64>(frames_[2]); }

 private:
  void map(VirtualAddress page, Access access, unsigned index) {
    const auto frame = test_.memory().frames().allocate();
    if (!frame) return;
    frames_[index] = *frame;
    if (!domain_->map(page, *frame, access)) test_.fail("map", __FILE_NAME__, __LINE__);
  }

  Test& test_;
  Ref<vari::Domain> domain_;
  Ref<vari::Context> context_;
  Frame frames_[3];
};

}  // namespace vari::kernel_tests
