/* WaitQueue::wait_until(): a waker makes the condition true and then wakes; the waiter publishes itself
 * and then looks. Shown: the waiter goes on (an invalid end state would be a lost wake-up), although
 * another waker wakes it for nothing.
 *
 * Negative control:
 *   -DBROKEN_ORDER    the waiter looks at its condition before it publishes itself, not after
 */
mtype = { PARKED, PENDING, SIGNALLED };

mtype state = PENDING;
bool condition = false;
bool locked = false;
bool queued = false;
byte ready = 0;

inline lock()   { atomic { !locked -> locked = true } }
inline unlock() { locked = false }

proctype Waker(bool makes_it_true) {
  bool woken = false;
  condition = condition || makes_it_true;
  lock();
  if
  :: queued ->
       queued = false;
       d_step {
         if
         :: state == PARKED -> woken = true; state = SIGNALLED
         :: state == PENDING -> state = SIGNALLED
         :: else
         fi
       }
  :: else
  fi;
  unlock();
  if
  :: woken -> d_step { assert(ready == 0); ready++ }
  :: else
  fi
}

proctype Waiter() {
  bool parked, looked;
  do
  :: condition -> break
  :: else ->
       state = PENDING;
#ifdef BROKEN_ORDER
       looked = condition;
#endif
       lock(); queued = true; unlock();
#ifndef BROKEN_ORDER
       looked = condition;
#endif
       if
       :: looked -> skip
       :: else ->
            d_step {
              parked = false;
              if
              :: state == PENDING -> state = PARKED; parked = true
              :: else
              fi
            };
            if
            :: parked -> atomic { ready > 0 -> ready-- }
            :: else
            fi
       fi;
       /* WaitQueue::remove(): by the shortcut, if it slept and its queue woke it */
       if
       :: !looked && parked -> assert(!queued)
       :: else -> lock(); queued = false; unlock()
       fi
  od;
  assert(ready == 0)
}

init { atomic { run Waiter(); run Waker(false); run Waker(true) } }
