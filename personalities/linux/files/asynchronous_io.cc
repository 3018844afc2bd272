// See asynchronous_io.h.
#include "personalities/linux/files/asynchronous_io.h"

#include <algorithm>

#include "personalities/linux/personality.h"

namespace vari::linux {

using runtime::Guard;

bool AsynchronousPoll::Watch::on_events(u32 events) {
  if (poll->finished() || (events != 0 && !(events & poll->request_.events))) return false;
  constexpr Nanoseconds kNow = 1;
  poll->context_.personality_.timers().set(*poll, kNow);
  return true;
}

void AsynchronousPoll::watch(PollQueue& queue) {
  for (auto& watch : watches_) {
    if (watch.queue) continue;
    watch.poll = this;
    watch.queue = &queue;
    queue.add(watch);
    return;
  }
  UNREACHABLE();
}

void AsynchronousPoll::start() {
  request_.file->poll(this);
  if (const u32 events = events_now()) finish(events);
}

Nanoseconds AsynchronousPoll::on_timer(Nanoseconds) {
  if (finished()) return kForever;
  if (const u32 events = events_now()) finish(events);
  return kForever;
}

bool AsynchronousPoll::finish(u32 events) {
  if (__atomic_exchange_n(&finished_, true, __ATOMIC_ACQ_REL)) return false;
  context_.complete({request_.data, request_.address, static_cast<i64>(events)}, request_.told.get());
  return true;
}

AsynchronousPoll::~AsynchronousPoll() {
  for (auto& watch : watches_)
    if (watch.queue) watch.queue->remove(watch);
  // Order: once out of the queues nobody sets the timer again.
  context_.personality_.timers().cancel(*this);
}

LinuxResult<Ref<AsynchronousContext>> AsynchronousContext::create(Personality& personality, u64 address,
                                                                  u32 most) {
  u64& all = personality.asynchronous_requests();
  if (__atomic_add_fetch(&all, most, __ATOMIC_RELAXED) > kMostOfAll) {
    __atomic_sub_fetch(&all, most, __ATOMIC_RELAXED);
    return std::unexpected(Errno::Again);
  }
  auto* events = static_cast<AsynchronousEvent*>(runtime::allocate(most * sizeof(AsynchronousEvent)));
  AsynchronousContext* context =
      events ? new (runtime::kFallible) AsynchronousContext(personality, address, most, events) : nullptr;
  if (!context) {
    if (events) runtime::free(events, most * sizeof(AsynchronousEvent));
    __atomic_sub_fetch(&all, most, __ATOMIC_RELAXED);
    return std::unexpected(Errno::NoMemory);
  }
  return Ref<AsynchronousContext>::adopt(context);
}

AsynchronousContext::~AsynchronousContext() {
  drop_polls(true);
  runtime::free(events_, most_ * sizeof(AsynchronousEvent));
  __atomic_sub_fetch(&personality_.asynchronous_requests(), most_, __ATOMIC_RELAXED);
}

LinuxResult<> AsynchronousContext::reserve() {
  Guard guard(lock_);
  if (count_ + reserved_ == most_) return std::unexpected(Errno::Again);
  ++reserved_;
  return {};
}

void AsynchronousContext::give_back() {
  Guard guard(lock_);
  --reserved_;
}

void AsynchronousContext::complete(const AsynchronousEvent& event, File* told) {
  {
    Guard guard(lock_);
    --reserved_;
    events_[(first_ + count_) % most_] = event;
    __atomic_store_n(&count_, count_ + 1, __ATOMIC_RELEASE);
  }
  waiters_.wake_all();
  if (told) static_cast<EventFile*>(told)->signal();
}

LinuxResult<> AsynchronousContext::add_poll(AsynchronousPoll::Request request) {
  drop_polls(false);
  auto* poll = new (runtime::kFallible) AsynchronousPoll(*this, std::move(request));
  if (!poll) return std::unexpected(Errno::NoMemory);
  Guard guard(polls_mutex_);
  polls_.push_back(*poll);
  poll->start();
  return {};
}

LinuxResult<> AsynchronousContext::cancel_poll(u64 request) {
  Guard guard(polls_mutex_);
  for (auto& poll : polls_)
    if (poll.address() == request && poll.cancel()) return {};
  return std::unexpected(Errno::NoEntry);
}

void AsynchronousContext::drop_polls(bool all) {
  Polls ended;
  {
    Guard guard(polls_mutex_);
    for (auto at = polls_.begin(); at != polls_.end();) {
      auto& poll = *at++;
      if (!all && !poll.finished()) continue;
      polls_.erase(polls_.iterator_to(poll));
      ended.push_back(poll);
    }
  }
  // Without the mutex, for the end of a file may block.
  ended.clear_and_dispose([](AsynchronousPoll* poll) { delete poll; });
}

LinuxResult<u64> AsynchronousContext::take(UserMemory user, u64 address, u64 most) {
  constexpr u64 kBatch = 16;
  Guard reaper(reapers_);  // so that what is copied is still first when it is taken out
  u64 done = 0;
  while (done < most) {
    AsynchronousEvent batch[kBatch];
    u32 count = 0;
    {
      Guard guard(lock_);
      count = static_cast<u32>(std::min({u64{count_}, kBatch, most - done}));
      for (u32 i = 0; i < count; ++i) batch[i] = events_[(first_ + i) % most_];
    }
    if (count == 0) break;
    const auto copied =
        user.copy_out(address + done * sizeof(AsynchronousEvent), batch, count * sizeof(AsynchronousEvent));
    if (!copied) {
      if (done) break;
      return std::unexpected(copied.error());
    }
    Guard guard(lock_);
    first_ = (first_ + count) % most_;
    __atomic_store_n(&count_, count_ - count, __ATOMIC_RELAXED);
    done += count;
  }
  return done;
}

LinuxResult<> AsynchronousContext::wait(Nanoseconds deadline) {
  const auto waited = waiters_.wait_until([this] { return has_events() || closed(); }, deadline,
                                          runtime::Cancellation::Respect);
  if (closed()) return std::unexpected(Errno::Invalid);
  if (!waited)
    return std::unexpected(waited.error() == Error::TimedOut ? Errno::TimedOut : Errno::Interrupted);
  return {};
}

void AsynchronousContext::close() {
  __atomic_store_n(&closed_, true, __ATOMIC_RELEASE);
  waiters_.wake_all();
  drop_polls(true);
}

}  // namespace vari::linux
