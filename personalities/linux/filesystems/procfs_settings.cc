// /proc/sys: what sysctl and programs read. Few of them can be set.
#include "personalities/linux/files/asynchronous_io.h"
#include "personalities/linux/filesystems/procfs.h"
#include "personalities/linux/filesystems/queue_fs.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

namespace {

using Kind = ProcNode::Kind;

LinuxResult<> host_name(const ProcSubject& subject, TextBuffer& to) {
  char name[65];
  subject.personality.copy_host_name(name);
  to.print(&name[0], "\n");
  return {};
}

LinuxResult<> set_host_name(const ProcSubject& subject, std::string_view text) {
  if (!subject.reader.may(Capability::Administration)) return std::unexpected(Errno::Perm);
  subject.personality.set_host_name(text.substr(0, text.find('\n')));
  return {};
}

LinuxResult<> domain_name(const ProcSubject& subject, TextBuffer& to) {
  char name[65];
  subject.personality.copy_domain_name(name);
  to.print(&name[0], "\n");
  return {};
}

LinuxResult<> system_name(const ProcSubject&, TextBuffer& to) {
  to.put("Linux\n");
  return {};
}

LinuxResult<> release(const ProcSubject& subject, TextBuffer& to) {
  to.print(subject.personality.parts().release, "\n");
  return {};
}

LinuxResult<> version(const ProcSubject& subject, TextBuffer& to) {
  to.print(subject.personality.parts().version, "\n");
  return {};
}

LinuxResult<> maximum_pid(const ProcSubject& subject, TextBuffer& to) {
  to.print(subject.personality.processes().maximum_id(), "\n");
  return {};
}

/// Sixteen random bytes in the form of a UUID, version 4.
LinuxResult<> uuid(const ProcSubject& subject, TextBuffer& to) {
  u8 bytes[16];
  subject.personality.place().random(bytes);
  bytes[6] = static_cast<u8>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<u8>((bytes[8] & 0x3f) | 0x80);
  for (unsigned i = 0; i < sizeof bytes; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) to.put('-');
    to.put(Hex{bytes[i], 2});
  }
  to.put('\n');
  return {};
}

template <u64 kValue>
LinuxResult<> constant(const ProcSubject&, TextBuffer& to) {
  to.print(kValue, "\n");
  return {};
}

constexpr ProcNode kRandom[] = {
    {.name = "entropy_avail", .text = &constant<256>},
    {.name = "poolsize", .text = &constant<256>},
    {.name = "uuid", .text = &uuid},
};
std::span<const ProcNode> random_nodes() {
  return kRandom;
}

constexpr ProcNode kKernel[] = {
    {.name = "cap_last_cap", .text = &constant<40>},
    {.name = "domainname", .text = &domain_name},
    {.name = "hostname", .mode = 0644, .text = &host_name, .write = &set_host_name},
    {.name = "ngroups_max", .text = &constant<GroupList::kMaximum>},
    {.name = "osrelease", .text = &release},
    {.name = "ostype", .text = &system_name},
    {.name = "pid_max", .text = &maximum_pid},
    {.name = "random", .kind = Kind::Directory, .mode = 0555, .children = &random_nodes},
    {.name = "version", .text = &version},
};
std::span<const ProcNode> kernel_nodes() {
  return kKernel;
}

constexpr ProcNode kMemory[] = {
    {.name = "max_map_count", .text = &constant<65530>},
    {.name = "overcommit_memory", .text = &constant<0>},
};
std::span<const ProcNode> memory_nodes() {
  return kMemory;
}

constexpr ProcNode kQueues[] = {
    {.name = "msg_default", .text = &constant<QueueSetting().most_messages>},
    {.name = "msg_max", .text = &constant<QueueFileSystem::kOrdinaryLimit.most_messages>},
    {.name = "msgsize_default", .text = &constant<QueueSetting().message_bytes>},
    {.name = "msgsize_max", .text = &constant<QueueFileSystem::kOrdinaryLimit.message_bytes>},
    {.name = "queues_max", .text = &constant<QueueFileSystem::kMostQueues>},
};
std::span<const ProcNode> queue_nodes() {
  return kQueues;
}

LinuxResult<> asynchronous_requests(const ProcSubject& subject, TextBuffer& to) {
  to.print(__atomic_load_n(&subject.personality.asynchronous_requests(), __ATOMIC_RELAXED), "\n");
  return {};
}

constexpr ProcNode kFiles[] = {
    {.name = "aio-max-nr", .text = &constant<AsynchronousContext::kMostOfAll>},
    {.name = "aio-nr", .text = &asynchronous_requests},
    {.name = "file-max", .text = &constant<1048576>},
    {.name = "mqueue", .kind = Kind::Directory, .mode = 0555, .children = &queue_nodes},
    {.name = "nr_open", .text = &constant<1048576>},
    {.name = "pipe-max-size", .text = &constant<1048576>},
};
std::span<const ProcNode> file_nodes() {
  return kFiles;
}

constexpr ProcNode kSettings[] = {
    {.name = "fs", .kind = Kind::Directory, .mode = 0555, .children = &file_nodes},
    {.name = "kernel", .kind = Kind::Directory, .mode = 0555, .children = &kernel_nodes},
    {.name = "vm", .kind = Kind::Directory, .mode = 0555, .children = &memory_nodes},
};

}  // namespace

std::span<const ProcNode> proc_settings_nodes() {
  return kSettings;
}

}  // namespace vari::linux
