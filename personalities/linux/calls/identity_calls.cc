// Users and groups. A change makes new credentials and publishes them; who may change what is the rule of
// the Linux manual pages: CAP_SETUID and CAP_SETGID anything, others only among the ids that they already
// have.
#include <algorithm>

#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

namespace {

constexpr u32 kUnchanged = ~u32{0};

/// One of the two families, so that the rules stand here once.
struct Ids {
  u32 Identity::* real;
  u32 Identity::* effective;
  u32 Identity::* saved;
  u32 Identity::* file;
  Capability any;  // lets a task take ids that it does not have
};
constexpr Ids kUsers{&Identity::user, &Identity::effective_user, &Identity::saved_user, &Identity::file_user,
                     Capability::SetUser};
constexpr Ids kGroups{&Identity::group, &Identity::effective_group, &Identity::saved_group,
                      &Identity::file_group, Capability::SetGroup};

LinuxResult<> publish(Task& task, const Ids& ids, Identity& identity) {
  if (&ids == &kUsers) identity.capabilities = after_user_change(task.identity(), identity);
  return TaskInternals::set_identity(task, identity);
}

LinuxResult<> set_one(Task& task, const Ids& ids, u32 id) {
  Identity identity = task.identity();
  if (identity.may(ids.any)) {
    identity.*ids.real = identity.*ids.saved = id;
  } else if (id != identity.*ids.real && id != identity.*ids.saved) {
    return std::unexpected(Errno::Perm);
  }
  identity.*ids.effective = identity.*ids.file = id;
  return publish(task, ids, identity);
}

LinuxResult<> set_two(Task& task, const Ids& ids, u32 real, u32 effective) {
  Identity identity = task.identity();
  const Identity old = identity;
  const bool any = old.may(ids.any);
  if (real != kUnchanged) {
    if (!any && real != old.*ids.real && real != old.*ids.effective) return std::unexpected(Errno::Perm);
    identity.*ids.real = real;
  }
  if (effective != kUnchanged) {
    if (!any && effective != old.*ids.real && effective != old.*ids.effective && effective != old.*ids.saved)
      return std::unexpected(Errno::Perm);
    identity.*ids.effective = effective;
  }
  if (real != kUnchanged || (effective != kUnchanged && effective != old.*ids.real))
    identity.*ids.saved = identity.*ids.effective;
  identity.*ids.file = identity.*ids.effective;
  return publish(task, ids, identity);
}

LinuxResult<> set_three(Task& task, const Ids& ids, u32 real, u32 effective, u32 saved) {
  Identity identity = task.identity();
  const Identity old = identity;
  const auto allowed = [&](u32 id) {
    return id == kUnchanged || old.may(ids.any) || id == old.*ids.real || id == old.*ids.effective ||
           id == old.*ids.saved;
  };
  if (!allowed(real) || !allowed(effective) || !allowed(saved)) return std::unexpected(Errno::Perm);
  if (real != kUnchanged) identity.*ids.real = real;
  if (effective != kUnchanged) identity.*ids.effective = effective;
  if (saved != kUnchanged) identity.*ids.saved = saved;
  identity.*ids.file = identity.*ids.effective;
  return publish(task, ids, identity);
}

/// The previous id; a change that is not allowed is no error, and shows by asking again.
i64 set_file_id(Task& task, const Ids& ids, u32 id) {
  Identity identity = task.identity();
  const u32 old = identity.*ids.file;
  if (id != kUnchanged && (identity.may(ids.any) || id == identity.*ids.real ||
                           id == identity.*ids.effective || id == identity.*ids.saved || id == old)) {
    identity.*ids.file = id;
    if (&ids == &kUsers) identity.capabilities = after_file_user_change(task.identity(), identity);
    (void)TaskInternals::set_identity(task, identity);
  }
  return old;
}

LinuxResult<> get_three(Task& task, const Ids& ids, const Arguments& arguments) {
  const auto& identity = task.identity();
  TRY(task.user().write(arguments.a[0], identity.*ids.real));
  TRY(task.user().write(arguments.a[1], identity.*ids.effective));
  return task.user().write(arguments.a[2], identity.*ids.saved);
}

LinuxResult<u64> get_groups(Task& task, i32 room, u64 address) {
  const auto& identity = task.identity();
  if (room < 0) return std::unexpected(Errno::Invalid);
  const auto groups = identity.groups();
  if (room) {
    if (static_cast<u32>(room) < groups.size()) return std::unexpected(Errno::Invalid);
    TRY(task.user().copy_out(address, groups.data(), groups.size_bytes()));
  }
  return groups.size();
}

LinuxResult<> set_groups(Task& task, u64 count, u64 address) {
  Identity identity = task.identity();
  if (!identity.may(Capability::SetGroup)) return std::unexpected(Errno::Perm);
  if (count > GroupList::kMaximum) return std::unexpected(Errno::Invalid);
  const auto list = TRY(GroupList::create(static_cast<u32>(count)));
  TRY(task.user().copy_in(list->ids().data(), address, count * sizeof(u32)));
  std::ranges::sort(list->ids());
  identity.group_list = list;
  return TaskInternals::set_identity(task, identity);
}

u32 id_of(u64 argument) {
  return static_cast<u32>(argument);
}

}  // namespace

LinuxResult<> TaskInternals::set_identity(Task& task, const Identity& identity) {
  auto credentials = TRY(runtime::make<Credentials>(identity));
  task.facts_.set_identity(identity);
  Guard<SpinLock> guard(task.process_->lock_);
  const auto& before = task.credentials_->identity();
  if (before.effective_user != identity.effective_user ||
      before.effective_group != identity.effective_group || before.file_user != identity.file_user ||
      before.file_group != identity.file_group ||
      (identity.capabilities.permitted & ~before.capabilities.permitted)) {
    task.process_->settings_.dumpable = false;
    task.parent_death_signal_ = 0;
  }
  std::swap(task.credentials_, credentials);
  return {};
}

i64 call_getuid(Task& task, const Arguments&) {
  return task.identity().user;
}
i64 call_getgid(Task& task, const Arguments&) {
  return task.identity().group;
}
i64 call_geteuid(Task& task, const Arguments&) {
  return task.identity().effective_user;
}
i64 call_getegid(Task& task, const Arguments&) {
  return task.identity().effective_group;
}

i64 call_setuid(Task& task, const Arguments& arguments) {
  if (id_of(arguments.a[0]) == kUnchanged) return failure(Errno::Invalid);
  return to_return_value(set_one(task, kUsers, id_of(arguments.a[0])));
}
i64 call_setgid(Task& task, const Arguments& arguments) {
  if (id_of(arguments.a[0]) == kUnchanged) return failure(Errno::Invalid);
  return to_return_value(set_one(task, kGroups, id_of(arguments.a[0])));
}
i64 call_setreuid(Task& task, const Arguments& arguments) {
  return to_return_value(set_two(task, kUsers, id_of(arguments.a[0]), id_of(arguments.a[1])));
}
i64 call_setregid(Task& task, const Arguments& arguments) {
  return to_return_value(set_two(task, kGroups, id_of(arguments.a[0]), id_of(arguments.a[1])));
}
i64 call_setresuid(Task& task, const Arguments& arguments) {
  return to_return_value(
      set_three(task, kUsers, id_of(arguments.a[0]), id_of(arguments.a[1]), id_of(arguments.a[2])));
}
i64 call_setresgid(Task& task, const Arguments& arguments) {
  return to_return_value(
      set_three(task, kGroups, id_of(arguments.a[0]), id_of(arguments.a[1]), id_of(arguments.a[2])));
}
i64 call_getresuid(Task& task, const Arguments& arguments) {
  return to_return_value(get_three(task, kUsers, arguments));
}
i64 call_getresgid(Task& task, const Arguments& arguments) {
  return to_return_value(get_three(task, kGroups, arguments));
}
i64 call_setfsuid(Task& task, const Arguments& arguments) {
  return set_file_id(task, kUsers, id_of(arguments.a[0]));
}
i64 call_setfsgid(Task& task, const Arguments& arguments) {
  return set_file_id(task, kGroups, id_of(arguments.a[0]));
}
i64 call_getgroups(Task& task, const Arguments& arguments) {
  return to_return_value(get_groups(task, static_cast<i32>(arguments.a[0]), arguments.a[1]));
}
i64 call_setgroups(Task& task, const Arguments& arguments) {
  return to_return_value(set_groups(task, static_cast<u32>(arguments.a[0]), arguments.a[1]));
}

}  // namespace vari::linux
