// The screen as a Console: emulator, grid and display behind one lock, the keyboard's input beside
// them. Answers of the emulator can't be delivered by the writer, whose caller may hold the receiver's
// locks; a thread of the screen's own does it.
#include "components/screen/screen.h"

#include <algorithm>

#include "components/screen/emulator.h"
#include "components/screen/framebuffer.h"
#include "components/screen/grid.h"
#include "components/screen/vga_text.h"

namespace vari::components::screen {
namespace {

class Screen final : public Component<Console>, private ConsoleReceiver {
 public:
  Screen(Environment& environment, Ref<InputSource> keyboard)
      : environment_(environment), keyboard_(std::move(keyboard)) {}
  Result<> open(const Framebuffer& framebuffer);

  void write(std::span<const u8> bytes) override;
  void set_receiver(ConsoleReceiver* receiver) override;
  WindowSize window_size() override { return {.rows = grid_.rows(), .columns = grid_.columns()}; }
  const char* family() override { return "tty"; }

 protected:
  ~Screen() override;

 private:
  // The keyboard's input passes through, so that it and our answers come one at a time.
  void on_input(std::span<const u8> bytes) override;
  void on_resize(WindowSize) override {}
  void on_hangup() override {}
  static void answer(void* screen);

  Environment& environment_;
  const Ref<InputSource> keyboard_;
  VgaText text_;
  FramebufferDisplay pixels_;
  ComponentLock lock_;
  Grid grid_;
  Emulator emulator_{grid_};
  bool application_cursor_keys_ GUARDED_BY(lock_) = false;
  std::array<u8, 128> answers_ GUARDED_BY(lock_);
  std::size_t answer_bytes_ GUARDED_BY(lock_) = 0;
  ComponentSemaphore answers_wait_;
  ComponentLock receiver_lock_;  // never taken while lock_ is held
  ConsoleReceiver* receiver_ GUARDED_BY(receiver_lock_) = nullptr;
};

Result<> Screen::open(const Framebuffer& framebuffer) {
  TRY(lock_.open(environment_.threads));
  TRY(receiver_lock_.open(environment_.threads));
  TRY(answers_wait_.open(environment_.threads, 0));
  if (framebuffer.bits_per_pixel != 0) {
    TRY(pixels_.open(environment_, framebuffer));
    TRY(grid_.open(environment_.memory, pixels_));
  } else {
    TRY(text_.open(environment_));
    TRY(grid_.open(environment_.memory, text_));
  }
  emulator_.start();
  grid_.flush();
  acquire();  // the thread's own reference; it lives as long as the machine
  if (auto started = environment_.threads.start("screen answers", answer, this); !started) {
    release();
    return started;
  }
  if (keyboard_) keyboard_->set_receiver(this);
  return {};
}

Screen::~Screen() {
  if (keyboard_) keyboard_->set_receiver(nullptr);
}

void Screen::write(std::span<const u8> bytes) {
  ComponentGuard guard(lock_);
  emulator_.write(bytes);
  grid_.flush();
  if (keyboard_ && emulator_.application_cursor_keys() != application_cursor_keys_) {
    application_cursor_keys_ = emulator_.application_cursor_keys();
    keyboard_->set_application_cursor_keys(application_cursor_keys_);
  }
  if (emulator_.replies().empty()) return;
  for (const u8 byte : emulator_.replies()) {
    if (answer_bytes_ < answers_.size()) answers_[answer_bytes_++] = byte;
  }
  emulator_.clear_replies();
  answers_wait_.signal();
}

void Screen::on_input(std::span<const u8> bytes) {
  ComponentGuard guard(receiver_lock_);
  if (receiver_) receiver_->on_input(bytes);
}

void Screen::set_receiver(ConsoleReceiver* receiver) {
  ComponentGuard guard(receiver_lock_);
  receiver_ = receiver;
}

void Screen::answer(void* argument) {
  auto screen = Ref<Screen>::adopt(static_cast<Screen*>(argument));
  for (;;) {
    (void)screen->answers_wait_.wait();
    std::array<u8, 128> bytes;
    std::size_t count = 0;
    {
      ComponentGuard guard(screen->lock_);
      count = std::exchange(screen->answer_bytes_, 0);
      std::copy_n(screen->answers_.begin(), count, bytes.begin());
    }
    if (count > 0) screen->on_input({bytes.data(), count});
  }
}

}  // namespace

Result<Ref<Console>> create(Environment& environment, const Options& options) {
  auto screen = TRY(make_component<Screen>(environment.memory, environment, options.keyboard));
  TRY(screen->open(options.framebuffer));
  return Ref<Console>(std::move(screen));
}

}  // namespace vari::components::screen
