// Errors are values: Result<T> is std::expected<T, Error>, and TRY passes an error on to the caller.
// A personality with its own error numbers makes them constructible by `convert_error` (see
// personalities/linux/errno.h); TRY then converts at the border, in one place.
#pragma once

#include <expected>
#include <utility>

namespace vari {

/// All that can go wrong in the nucleus and in components. Kept small on purpose: an error says what
/// the caller can do about it, the log says the rest.
enum class [[nodiscard]] Error : unsigned char {
  OutOfMemory,       // frames, heap or address space are exhausted; retry may succeed later
  InvalidArgument,   // the request makes no sense, whatever the state
  NotFound,          // the named thing does not exist
  AlreadyExists,     // the name or place is taken
  PermissionDenied,  // it exists, but not for this caller
  Fault,             // a user address is not mapped as the access wants it
  Interrupted,       // a blocking operation was cancelled
  TimedOut,          // a blocking operation reached its deadline
  WouldBlock,        // it can't be done now, and the caller asked not to wait
  Unsupported,       // this object or machine can't do that, ever
  Busy,              // in use by somebody else
  OutOfRange,        // an index, offset or length lies outside the object
  Malformed,         // data from outside violates its format
  NoSpace,           // a container of fixed size is full
  DeviceError,       // hardware reported a failure
  Closed,            // the peer has gone
  LimitReached,      // a configured limit forbids more of them
};

template <class T = void>
using Result = std::expected<T, Error>;

/// A short English name, for logs and panics.
constexpr const char* name_of(Error error) {
  switch (error) {
    case Error::OutOfMemory: return "out of memory";
    case Error::InvalidArgument: return "invalid argument";
    case Error::NotFound: return "not found";
    case Error::AlreadyExists: return "already exists";
    case Error::PermissionDenied: return "permission denied";
    case Error::Fault: return "bad user address";
    case Error::Interrupted: return "interrupted";
    case Error::TimedOut: return "timed out";
    case Error::WouldBlock: return "would block";
    case Error::Unsupported: return "unsupported";
    case Error::Busy: return "busy";
    case Error::OutOfRange: return "out of range";
    case Error::Malformed: return "malformed";
    case Error::NoSpace: return "no space";
    case Error::DeviceError: return "device error";
    case Error::Closed: return "closed";
    case Error::LimitReached: return "limit reached";
  }
  return "unknown error";
}

/// Where an error of type From enters a function that speaks errors of type To. The identity here;
/// a personality adds overloads in its own namespace, found through To.
template <class E>
constexpr E convert_error(E error, const E*) {
  return error;
}

namespace detail {
template <class E>
struct Propagated {
  E error;
  template <class T, class F>
  constexpr operator std::expected<T, F>() const {
    return std::unexpected<F>(convert_error(error, static_cast<const F*>(nullptr)));
  }
};
template <class T, class E>
constexpr T take(std::expected<T, E>& result) {
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}
}  // namespace detail

}  // namespace vari

/// Evaluates to the value of a Result; an error returns from the enclosing function at once.
#define TRY(...)                                                                                          \
  ({                                                                                                      \
    auto try_result_ = (__VA_ARGS__);                                                                     \
    if (!try_result_.has_value()) [[unlikely]]                                                            \
      return ::vari::detail::Propagated<typename decltype(try_result_)::error_type>{try_result_.error()}; \
    ::vari::detail::take(try_result_);                                                                    \
  })
