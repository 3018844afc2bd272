/* The wait protocol of runtime/wait.cc, thread.cc and timer_queue.cc.
 *
 * One thread waits twice, in two queues, with a deadline, cancellable. Two signallers, the timer and a
 * canceller want to wake it. Shown: exactly one wins each wait; the thread is made ready exactly once if
 * it parked, and never otherwise; it always goes on; nobody touches a Wait or its links after the wait
 * has ended.
 *
 * Negative controls (each must be found):
 *   -DBROKEN_CLAIM   the winner's exchange is a load and a store
 *   -DBROKEN_REMOVE  the waiter takes its links back without the queues' locks
 *   -DBROKEN_CANCEL  the waiter does not wait for a canceller that is at it
 *   -DBROKEN_PARK    the thread parks by a store instead of an exchange
 */
#define ROUNDS 2
#define TRIES  2

mtype = { PARKED, PENDING, SIGNALLED, TIMEDOUT, CANCELLED };
mtype = { NONE, PENDING_CANCEL, PUBLISHED, BUSY };

mtype state = PENDING;      /* Wait::state_ */
mtype cancel = NONE;        /* Thread::cancel_ */
bool alive = false;         /* the Wait and its links exist */
byte wins = 0;
byte ready = 0;             /* the thread is in a ready queue */
bool done = false;

bool locked[3];             /* queue 0, queue 1, timers */
bool queued[3];             /* the wait's membership in each; under its lock */

inline lock(i)   { atomic { !locked[i] -> locked[i] = true } }
inline unlock(i) { locked[i] = false }

/* try_win(): won tells; woken if the winner must make the thread ready. */
#ifdef BROKEN_CLAIM
inline try_win(outcome, won, woken) {
  assert(alive);
  seen = state;
  if
  :: seen == PARKED || seen == PENDING ->
       state = outcome; won = true; woken = (seen == PARKED); wins++
  :: else -> won = false; woken = false
  fi
}
#else
inline try_win(outcome, won, woken) {
  d_step {
    assert(alive);
    if
    :: state == PARKED || state == PENDING ->
         woken = (state == PARKED); state = outcome; won = true; wins++
    :: else -> won = false; woken = false
    fi
  }
}
#endif

inline make_ready() { d_step { assert(ready == 0); ready++ } }

/* A signaller (i < 2) or the timer: takes the link out, claims, and makes ready after the lock. */
inline wake(i, outcome) {
  lock(i);
  won = false; woken = false;
  if
  :: queued[i] -> queued[i] = false; try_win(outcome, won, woken)
  :: else
  fi;
  unlock(i);
  if
  :: woken -> make_ready()
  :: else
  fi
}

inline take_back(i) {
#ifdef BROKEN_REMOVE
  queued[i] = false
#else
  lock(i); queued[i] = false; unlock(i)
#endif
}

proctype Signaller(byte i) {
  byte tries = 0; bool won, woken; mtype seen;
  do
  :: tries < TRIES -> tries++; wake(i, SIGNALLED)
  :: break
  od
}

/* A deadline that is in the queue comes some time. */
proctype Timer() {
  bool won, woken; mtype seen;
end:
  do
  :: queued[2] -> wake(2, TIMEDOUT)
  :: done -> break
  od
}

proctype Canceller() {
  byte tries = 0; bool won, woken; mtype seen;
  do
  :: tries < TRIES ->
       tries++;
       if
       :: atomic { cancel == NONE -> cancel = PENDING_CANCEL }
       :: cancel == PENDING_CANCEL || cancel == BUSY -> skip
       :: atomic { cancel == PUBLISHED -> cancel = BUSY };
          try_win(CANCELLED, won, woken);
          cancel = (won -> NONE : PENDING_CANCEL);
          if
          :: woken -> make_ready()
          :: else
          fi
       fi
  :: break
  od
}

proctype Waiter() {
  byte round = 0; bool won, woken, published, parked; mtype seen;
  do
  :: round < ROUNDS ->
       round++;
       d_step { state = PENDING; wins = 0; alive = true; parked = false }
       lock(0); queued[0] = true; unlock(0);
       lock(1); queued[1] = true; unlock(1);

       /* Wait::block() */
       published = false;
       if
       :: atomic { cancel == NONE -> cancel = PUBLISHED; published = true }
       :: cancel == PENDING_CANCEL ->
            try_win(CANCELLED, won, woken);
            assert(!woken);
            if
            :: won -> cancel = NONE
            :: else
            fi
       fi;
       lock(2); queued[2] = true; unlock(2);
       if
       :: state == PENDING ->
            /* the successor's step, when the registers are saved */
#ifdef BROKEN_PARK
            if
            :: state == PENDING -> state = PARKED; parked = true
            :: else
            fi;
#else
            d_step {
              if
              :: state == PENDING -> state = PARKED; parked = true
              :: else
              fi
            }
#endif
            if
            :: parked -> atomic { ready > 0 -> ready-- }
            :: else
            fi
       :: else
       fi;
       assert(state != PENDING && state != PARKED);

       lock(2); queued[2] = false; unlock(2);
       if
       :: published ->
            if
            :: atomic { cancel == PUBLISHED -> cancel = NONE }
            :: cancel != PUBLISHED ->
#ifndef BROKEN_CANCEL
                 cancel != BUSY
#else
                 skip
#endif
            fi
       :: else
       fi;
       take_back(0);
       take_back(1);
       d_step {
         assert(wins == 1);
         assert(ready == 0);
         assert(!queued[0] && !queued[1] && !queued[2]);
         alive = false
       }
  :: else -> break
  od;
  done = true
}

init {
  atomic {
    run Waiter(); run Signaller(0); run Signaller(1); run Timer(); run Canceller()
  }
}
