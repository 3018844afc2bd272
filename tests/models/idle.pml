/* How a core goes to rest and is woken: Scheduler::run_idle_loop(), pick(), deliver(), and the port's
 * idle() and notify(). One core; others make THREADS threads ready on it, each once. Shown: all run (an
 * invalid end state would be a core that rests beside a ready thread).
 *
 * The core itself runs with interrupts disabled up to the halt; `pending` is preemption_pending_.
 *
 * Negative controls:
 *   -DBROKEN_HALT   a notify() that comes before the halt is lost (no interrupt shadow, no latch)
 *   -DBROKEN_PICK   the core looks at its queue and clears `pending` in two steps, without the lock
 *   -DBROKEN_TELL   who finds `pending` set by another does not notify, but sets it outside the lock
 */
#define THREADS 3

bool locked = false;
byte queue = 0;             /* ready threads */
bool running = false;       /* the core runs a thread, not its idle thread; under the lock */
bool pending = false;
bool latched = false;       /* the interrupt of a notify() waits at the core */
bool halted = false;
byte ran = 0;

inline lock()   { atomic { !locked -> locked = true } }
inline unlock() { locked = false }

inline notify() {
#ifdef BROKEN_HALT
  d_step {
    if
    :: halted -> latched = true
    :: else
    fi
  }
#else
  latched = true
#endif
}

/* pick(): one thread becomes the core's, or none is there and the idle thread stays. */
inline pick() {
#ifdef BROKEN_PICK
  found = (queue > 0);
  if
  :: found -> lock(); queue--; running = true; unlock()
  :: else
  fi;
  pending = false
#else
  lock();
  if
  :: queue > 0 -> queue--; running = true; found = true
  :: else -> running = false; found = false
  fi;
  pending = false;
  unlock()
#endif
}

active proctype Core() {
  bool found;
  do
  :: ran == THREADS -> break
  :: else ->
       pick();
       do
       :: found -> ran++; pick()       /* it runs, blocks, and the next is picked */
       :: else -> break
       od;
       if
       :: ran == THREADS -> break
       :: else
       fi;
#ifdef BROKEN_PICK
       running = false;
#endif
       /* idle(): halt until an interrupt; one that is latched ends it at once */
       halted = true;
       atomic { latched -> latched = false; halted = false }
  od
}

active [THREADS] proctype Waker() {
  bool tell;
  lock();
  queue++;
  tell = false;
  if
  :: !running ->
       tell = !pending;
#ifndef BROKEN_TELL
       pending = true
#endif
  :: else
  fi;
  unlock();
#ifdef BROKEN_TELL
  tell = !pending;
  pending = true;
#endif
  if
  :: tell -> notify()
  :: else
  fi
}
