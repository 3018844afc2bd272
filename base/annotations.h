// What clang's thread-safety analysis is told of locks, and the two branch hints of the KOS paper.
#pragma once

#if defined(__clang__)
#define VARI_ANNOTATION(x) __attribute__((x))
#else
#define VARI_ANNOTATION(x)
#endif

#define CAPABILITY(name) VARI_ANNOTATION(capability(name))
#define SCOPED_CAPABILITY VARI_ANNOTATION(scoped_lockable)
#define GUARDED_BY(lock) VARI_ANNOTATION(guarded_by(lock))
#define POINTER_GUARDED_BY(lock) VARI_ANNOTATION(pt_guarded_by(lock))
#define REQUIRES(...) VARI_ANNOTATION(requires_capability(__VA_ARGS__))
#define REQUIRES_SHARED(...) VARI_ANNOTATION(requires_shared_capability(__VA_ARGS__))
#define ACQUIRE(...) VARI_ANNOTATION(acquire_capability(__VA_ARGS__))
#define ACQUIRE_SHARED(...) VARI_ANNOTATION(acquire_shared_capability(__VA_ARGS__))
#define RELEASE(...) VARI_ANNOTATION(release_capability(__VA_ARGS__))
#define RELEASE_SHARED(...) VARI_ANNOTATION(release_shared_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) VARI_ANNOTATION(try_acquire_capability(__VA_ARGS__))
#define EXCLUDES(...) VARI_ANNOTATION(locks_excluded(__VA_ARGS__))
#define RETURN_CAPABILITY(x) VARI_ANNOTATION(lock_returned(x))
#define NO_THREAD_SAFETY_ANALYSIS VARI_ANNOTATION(no_thread_safety_analysis)

/// The case to make fast: what happens when the system is loaded, not what happens most often when it is idle
/// (KOS paper, section 4.9). Macros, because clang forgets an expectation when it inlines the function around
/// it: tests/kernel/loaded_paths.cc measures that they do something.
#define fastpath(...) __builtin_expect(static_cast<bool>(__VA_ARGS__), true)
#define slowpath(...) __builtin_expect(static_cast<bool>(__VA_ARGS__), false)
