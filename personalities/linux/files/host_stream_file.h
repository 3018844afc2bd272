// A byte stream of the host as a file: standard input, output and error of a program started with --exec.
#pragma once

#include "interfaces/console.h"
#include "personalities/linux/files/file.h"

namespace vari::linux {

class Vfs;

/// `flags`: kReadOnly or kWriteOnly. For input, a thread is started at the first read or poll that takes
/// what the stream delivers, so that a program that waits for input can be interrupted and can poll.
LinuxResult<Ref<File>> make_host_stream_file(Vfs& vfs, ByteStream& stream, u32 flags);

}  // namespace vari::linux
