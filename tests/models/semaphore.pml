/* A semaphore on the stack of who waits for it: it is gone as soon as wait() returns. Shown: the
 * signaller uses neither semaphore, lock nor link after that, although the waiter, if it slept, takes no
 * lock on its way out.
 *
 * Negative controls:
 *   -DBROKEN_UNLOCK   the signaller makes the thread ready before it releases the lock
 *   -DBROKEN_SHORTCUT the way out without the lock is taken also by a waiter that did not sleep
 *   -DBROKEN_COUNT    wait() takes a count without the lock
 */
mtype = { PARKED, PENDING, SIGNALLED };

mtype state = PENDING;
byte count = 0;
bool alive = true;
bool locked = false;
bool queued = false;
byte ready = 0;

inline lock()   { atomic { !locked -> assert(alive); locked = true } }
inline unlock() { d_step { assert(alive); locked = false } }
inline make_ready() {
  if
  :: woken -> ready++
  :: else
  fi
}

proctype Signaller() {
  bool woken = false;
  lock();
  if
  :: queued ->
       queued = false;
       d_step {
         assert(alive);
         woken = (state == PARKED);
         state = SIGNALLED
       }
  :: else -> count++
  fi;
#ifdef BROKEN_UNLOCK
  make_ready();
  unlock()
#else
  unlock();
  make_ready()
#endif
}

proctype Waiter() {
  bool parked = false;
#ifdef BROKEN_COUNT
  if
  :: atomic { count > 0 -> count-- }; goto through
  :: else
  fi;
#endif
  lock();
  if
  :: count > 0 -> count--; unlock(); goto through
  :: else -> queued = true
  fi;
  unlock();
  d_step {
    if
    :: state == PENDING -> state = PARKED; parked = true
    :: else
    fi
  };
  if
  :: parked -> atomic { ready > 0 -> ready-- }
  :: else
  fi;
  assert(state == SIGNALLED);
#ifdef BROKEN_SHORTCUT
  goto through;
#endif
  if
  :: parked -> assert(!queued)
  :: else -> lock(); queued = false; unlock()
  fi;
through:
  alive = false
}

init { atomic { run Waiter(); run Signaller() } }
