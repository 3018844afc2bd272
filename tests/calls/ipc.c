// System V IPC: shmget(2), shmop(2), semget(2), semop(2), msgget(2), msgop(2), and their control calls.
#include "check.h"

#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

union semun {
  int val;
  struct semid_ds* buf;
  unsigned short* array;
};
static int key(void) {
  return 0x5a000000 | getpid();
}

CASE(shm_is_shared_by_key, "shmget shmat shmdt shmctl") {
  const int id = shmget(key(), 10000, IPC_CREAT | IPC_EXCL | 0600);
  WANT(id >= 0);
  WANT_EQ(shmget(key(), 0, 0), id);
  WANT_EQ(shmget(key(), 10000, IPC_CREAT), id);
  char* at = shmat(id, 0, 0);
  WANT(at != (char*)-1 && at[0] == 0 && at[9999] == 0);
  at[5] = 'x';
  const pid_t child = fork();
  if (child == 0) {
    char* again = shmat(id, 0, 0);
    WANT(again != at && again[5] == 'x');
    at[6] = 'y';
    _exit(again[6] == 'y' ? 0 : 1);
  }
  WANT_EQ(check_wait(child), 0);
  WANT_EQ(at[6], 'y');
  struct shmid_ds is;
  WANT_EQ(shmctl(id, IPC_STAT, &is), 0);
  WANT(is.shm_segsz == 10000 && is.shm_nattch == 1 && is.shm_cpid == getpid() && is.shm_lpid == child);
  WANT((is.shm_perm.mode & 0777) == 0600 && is.shm_perm.uid == getuid() && is.shm_atime > 0 && is.shm_ctime > 0);
  WANT_EQ(shmdt(at), 0);
  WANT_ERROR(shmdt(at), EINVAL);
  WANT_EQ(shmctl(id, IPC_STAT, &is), 0);
  WANT(is.shm_nattch == 0 && is.shm_dtime > 0);
  WANT_EQ(shmctl(id, IPC_RMID, 0), 0);
  WANT_ERROR(shmctl(id, IPC_STAT, &is), EINVAL);
  WANT_ERROR(shmget(key(), 0, 0), ENOENT);
}

CASE(shm_removed_lives_until_the_last_detach, "shmctl shmdt shmat") {
  const int id = shmget(key(), 4096, IPC_CREAT | 0600);
  char* at = shmat(id, 0, 0);
  at[0] = 7;
  WANT_EQ(shmctl(id, IPC_RMID, 0), 0);
  WANT_ERROR(shmget(key(), 0, 0), ENOENT);  // its key is free again
  struct shmid_ds is;
  WANT_EQ(shmctl(id, IPC_STAT, &is), 0);
  WANT(is.shm_perm.mode & 01000);
  WANT_EQ(at[0], 7);
  const pid_t child = fork();
  if (child == 0) _exit(at[0] == 7 ? 0 : 1);
  WANT_EQ(check_wait(child), 0);
  WANT_EQ(shmdt(at), 0);
  WANT_ERROR(shmctl(id, IPC_STAT, &is), EINVAL);
}

CASE(shm_goes_with_the_process, "shmctl shmat exit") {
  const int id = shmget(IPC_PRIVATE, 4096, 0600);
  const pid_t child = fork();
  if (child == 0) _exit(shmat(id, 0, 0) != (void*)-1 && shmctl(id, IPC_RMID, 0) == 0 ? 0 : 1);
  WANT_EQ(check_wait(child), 0);
  struct shmid_ds is;
  WANT_ERROR(shmctl(id, IPC_STAT, &is), EINVAL);
}

CASE(shm_attaches_where_asked, "shmat mmap") {
  const int id = shmget(IPC_PRIVATE, 8192, 0600);
  char* room = mmap(0, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  WANT(shmat(id, room, 0) == (void*)-1 && errno == EINVAL);  // something is there
  WANT(shmat(id, room, SHM_REMAP) == room);
  WANT_EQ(shmdt(room), 0);
  munmap(room, 65536);
  WANT(shmat(id, room + 1, 0) == (void*)-1 && errno == EINVAL);
  WANT(shmat(id, room + 4097, SHM_RND) == room + 4096);
  WANT(shmat(id, 0, SHM_REMAP) == (void*)-1 && errno == EINVAL);
  char* quiet = shmat(id, 0, SHM_RDONLY);
  WANT(quiet != (char*)-1);
  WANT_ERROR(mprotect(quiet, 4096, PROT_READ | PROT_WRITE), EACCES);
  WANT_EQ(shmctl(id, IPC_RMID, 0), 0);
}

CASE(shm_refusals, "shmget shmat shmctl shmdt") {
  WANT_ERROR(shmget(IPC_PRIVATE, 0, 0600), EINVAL);
  const int id = shmget(key(), 4096, IPC_CREAT | 0600);
  WANT_ERROR(shmget(key(), 4096, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
  WANT_ERROR(shmget(key(), 8192, 0), EINVAL);
  WANT_ERROR(shmget(key() + 1, 4096, 0), ENOENT);
  WANT(shmat(-1, 0, 0) == (void*)-1 && errno == EINVAL);
  WANT_ERROR(shmctl(-1, IPC_STAT, 0), EINVAL);
  WANT_ERROR(shmctl(id, 99, 0), EINVAL);
  WANT_ERROR(syscall(SYS_shmctl, id, IPC_STAT, 8), EFAULT);
  WANT_ERROR(shmdt((void*)&id), EINVAL);
  WANT_EQ(setgid(1000), 0);
  WANT_EQ(setuid(1000), 0);
  WANT_ERROR(shmget(key(), 4096, 0400), EACCES);
  WANT(shmat(id, 0, 0) == (void*)-1 && errno == EACCES);
  struct shmid_ds is;
  WANT_ERROR(shmctl(id, IPC_STAT, &is), EACCES);
  WANT_ERROR(shmctl(id, IPC_RMID, 0), EPERM);
}

CASE(shm_set_changes_owner_and_mode, "shmctl") {
  const int id = shmget(IPC_PRIVATE, 4096, 0600);
  struct shmid_ds is;
  WANT_EQ(shmctl(id, IPC_STAT, &is), 0);
  is.shm_perm.uid = 1000, is.shm_perm.mode = 0640;
  WANT_EQ(shmctl(id, IPC_SET, &is), 0);
  WANT_EQ(shmctl(id, IPC_STAT, &is), 0);
  WANT(is.shm_perm.uid == 1000 && (is.shm_perm.mode & 0777) == 0640);
  WANT_EQ(setuid(1000), 0);
  WANT_EQ(shmctl(id, IPC_RMID, 0), 0);
}

static int change(int id, int number, int by, int flags) {
  struct sembuf one = {number, by, flags};
  return semop(id, &one, 1);
}
CASE(sem_counts, "semget semop semctl") {
  const int id = semget(IPC_PRIVATE, 3, 0600);
  WANT(id >= 0);
  WANT_EQ(semctl(id, 1, SETVAL, (union semun){.val = 5}), 0);
  WANT_EQ(semctl(id, 1, GETVAL), 5);
  WANT_EQ(change(id, 1, -3, 0), 0);
  WANT_EQ(semctl(id, 1, GETVAL), 2);
  WANT_EQ(semctl(id, 1, GETPID), getpid());
  WANT_ERROR(change(id, 1, -3, IPC_NOWAIT), EAGAIN);
  WANT_ERROR(change(id, 1, 0, IPC_NOWAIT), EAGAIN);
  WANT_EQ(change(id, 0, 0, IPC_NOWAIT), 0);
  unsigned short all[3] = {9, 9, 9};
  WANT_EQ(semctl(id, 0, GETALL, (union semun){.array = all}), 0);
  WANT(all[0] == 0 && all[1] == 2 && all[2] == 0);
  all[2] = 7;
  WANT_EQ(semctl(id, 0, SETALL, (union semun){.array = all}), 0);
  WANT_EQ(semctl(id, 2, GETVAL), 7);
  struct semid_ds is;
  WANT_EQ(semctl(id, 0, IPC_STAT, (union semun){.buf = &is}), 0);
  WANT(is.sem_nsems == 3 && is.sem_otime > 0 && (is.sem_perm.mode & 0777) == 0600);
  WANT_EQ(semctl(id, 0, IPC_RMID), 0);
  WANT_ERROR(semctl(id, 0, GETVAL), EINVAL);
}

CASE(sem_operations_are_all_or_none, "semop") {
  const int id = semget(IPC_PRIVATE, 2, 0600);
  struct sembuf two[2] = {{0, 1, 0}, {1, -1, IPC_NOWAIT}};
  WANT_ERROR(semop(id, two, 2), EAGAIN);
  WANT_EQ(semctl(id, 0, GETVAL), 0);
  WANT_EQ(change(id, 1, 1, 0), 0);
  WANT_EQ(semop(id, two, 2), 0);
  WANT(semctl(id, 0, GETVAL) == 1 && semctl(id, 1, GETVAL) == 0);
  WANT_EQ(semctl(id, 0, IPC_RMID), 0);
}

CASE(sem_wakes_who_waits, "semop semctl") {
  const int id = semget(IPC_PRIVATE, 1, 0600);
  const pid_t more = fork();
  if (more == 0) _exit(change(id, 0, -2, 0) == 0 ? 0 : 1);
  WANT_SOON(semctl(id, 0, GETNCNT) == 1);
  WANT_EQ(change(id, 0, 1, 0), 0);
  WANT_EQ(semctl(id, 0, GETNCNT), 1);
  const pid_t zero = fork();
  if (zero == 0) _exit(change(id, 0, 0, 0) == 0 ? 0 : 1);
  WANT_SOON(semctl(id, 0, GETZCNT) == 1);
  WANT_EQ(change(id, 0, 1, 0), 0);
  WANT_EQ(check_wait(more), 0);
  WANT_EQ(check_wait(zero), 0);
  WANT_EQ(semctl(id, 0, IPC_RMID), 0);
}

CASE(sem_undo_undoes_at_exit, "semop semctl") {
  const int id = semget(IPC_PRIVATE, 2, 0600);
  WANT_EQ(semctl(id, 0, SETVAL, (union semun){.val = 5}), 0);
  const pid_t child = fork();
  if (child == 0) {
    WANT_EQ(change(id, 0, -3, SEM_UNDO), 0);
    WANT_EQ(change(id, 1, 2, SEM_UNDO), 0);
    WANT_EQ(change(id, 1, 4, 0), 0);
    _exit(semctl(id, 0, GETVAL) == 2 ? 0 : 1);
  }
  WANT_EQ(check_wait(child), 0);
  WANT_EQ(semctl(id, 0, GETVAL), 5);
  WANT_EQ(semctl(id, 1, GETVAL), 4);
  const pid_t other = fork();
  if (other == 0) {
    change(id, 0, -3, SEM_UNDO);
    kill(getpid(), SIGKILL);
  }
  waitpid(other, 0, 0);
  WANT_EQ(semctl(id, 0, GETVAL), 5);
  WANT_EQ(semctl(id, 0, IPC_RMID), 0);
}

static void nothing(int number) {
  (void)number;
}
CASE(sem_waits_end, "semop semtimedop semctl") {
  const int id = semget(IPC_PRIVATE, 1, 0600);
  struct sembuf one = {0, -1, 0};
  WANT_ERROR(syscall(SYS_semtimedop, id, &one, 1, &(struct timespec){0, 20000000}), EAGAIN);
  struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, 0);
  alarm(1);
  WANT_ERROR(semop(id, &one, 1), EINTR);
  const pid_t child = fork();
  if (child == 0) _exit(semop(id, &one, 1) == -1 && errno == EIDRM ? 0 : 1);
  WANT_SOON(semctl(id, 0, GETNCNT) == 1);
  WANT_EQ(semctl(id, 0, IPC_RMID), 0);
  WANT_EQ(check_wait(child), 0);
}

CASE(sem_refusals, "semget semop semctl semtimedop") {
  WANT_ERROR(semget(IPC_PRIVATE, 0, 0600), EINVAL);
  WANT_ERROR(semget(IPC_PRIVATE, -1, 0600), EINVAL);
  WANT_ERROR(semget(IPC_PRIVATE, 100000, 0600), EINVAL);
  const int id = semget(key(), 2, IPC_CREAT | 0600);
  WANT_ERROR(semget(key(), 3, 0), EINVAL);
  WANT_ERROR(semget(key(), 2, IPC_CREAT | IPC_EXCL), EEXIST);
  WANT_ERROR(semget(key() + 1, 2, 0), ENOENT);
  struct sembuf one = {0, 1, 0};
  WANT_ERROR(syscall(SYS_semop, id, &one, 0), EINVAL);
  WANT_ERROR(syscall(SYS_semop, id, &one, 501), E2BIG);
  WANT_ERROR(syscall(SYS_semop, id, 8, 1), EFAULT);
  WANT_ERROR(syscall(SYS_semop, -1, &one, 1), EINVAL);
  WANT_ERROR(change(id, 2, 1, 0), EFBIG);
  WANT_ERROR(semctl(id, 0, SETVAL, (union semun){.val = 32768}), ERANGE);
  WANT_ERROR(semctl(id, 0, SETVAL, (union semun){.val = -1}), ERANGE);
  WANT_EQ(semctl(id, 0, SETVAL, (union semun){.val = 32767}), 0);
  WANT_ERROR(change(id, 0, 1, 0), ERANGE);
  WANT_ERROR(semctl(id, 2, GETVAL), EINVAL);
  WANT_ERROR(semctl(id, 0, 99), EINVAL);
  WANT_ERROR(syscall(SYS_semtimedop, id, &one, 1, &(struct timespec){0, -1}), EINVAL);
  WANT_EQ(setgid(1000), 0);
  WANT_EQ(setuid(1000), 0);
  WANT_ERROR(change(id, 0, -1, 0), EACCES);
  WANT_ERROR(semctl(id, 0, GETVAL), EACCES);
  WANT_ERROR(semctl(id, 0, IPC_RMID), EPERM);
}

struct text {
  long type;
  char text[64];
};
static int put(int id, long type, const char* text, int flags) {
  struct text one = {.type = type};
  strcpy(one.text, text);
  return msgsnd(id, &one, strlen(text) + 1, flags);
}
static const char* take(int id, long type, int flags) {
  static struct text one;
  memset(&one, 0, sizeof one);
  return msgrcv(id, &one, sizeof one.text, type, flags) < 0 ? "" : one.text;
}
CASE(msg_types_choose, "msgget msgsnd msgrcv msgctl") {
  const int id = msgget(IPC_PRIVATE, 0600);
  WANT(id >= 0);
  WANT_EQ(put(id, 3, "three", 0), 0);
  WANT_EQ(put(id, 1, "one", 0), 0);
  WANT_EQ(put(id, 2, "two", 0), 0);
  WANT_EQ(put(id, 1, "one more", 0), 0);
  struct msqid_ds is;
  WANT_EQ(msgctl(id, IPC_STAT, &is), 0);
  WANT(is.msg_qnum == 4 && is.msg_lspid == getpid() && is.msg_stime > 0 && is.msg_qbytes >= 1024);
  WANT(strcmp(take(id, 2, 0), "two") == 0);
  WANT(strcmp(take(id, -2, 0), "one") == 0);
  WANT(strcmp(take(id, 3, MSG_EXCEPT), "one more") == 0);
  WANT(strcmp(take(id, 0, 0), "three") == 0);
  WANT(take(id, 0, IPC_NOWAIT)[0] == 0 && errno == ENOMSG);
  WANT_EQ(msgctl(id, IPC_STAT, &is), 0);
  WANT(is.msg_qnum == 0 && is.msg_lrpid == getpid());
  WANT_EQ(msgctl(id, IPC_RMID, 0), 0);
}

CASE(msg_fills_up, "msgsnd msgrcv") {
  const int id = msgget(IPC_PRIVATE, 0600);
  static struct {
    long type;
    char text[8192];
  } big = {.type = 1};
  int count = 0;
  while (count < 1000 && msgsnd(id, &big, sizeof big.text, IPC_NOWAIT) == 0) ++count;
  WANT(errno == EAGAIN && count >= 1 && count < 1000);
  const pid_t child = fork();
  if (child == 0) _exit(msgsnd(id, &big, sizeof big.text, 0) == 0 ? 0 : 1);
  WANT_EQ(msgrcv(id, &big, sizeof big.text, 0, 0), sizeof big.text);
  WANT_EQ(check_wait(child), 0);
  WANT_EQ(msgctl(id, IPC_RMID, 0), 0);
}

CASE(msg_waits_end, "msgrcv msgsnd msgctl") {
  const int id = msgget(IPC_PRIVATE, 0600);
  const pid_t child = fork();
  if (child == 0) _exit(strcmp(take(id, 5, 0), "hello") == 0 ? 0 : 1);
  WANT_EQ(put(id, 4, "not this", 0), 0);
  WANT_EQ(put(id, 5, "hello", 0), 0);
  WANT_EQ(check_wait(child), 0);
  struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, 0);
  alarm(1);
  WANT(take(id, 6, 0)[0] == 0 && errno == EINTR);
  const pid_t other = fork();
  if (other == 0) _exit(take(id, 7, 0)[0] == 0 && errno == EIDRM ? 0 : 1);
  nanosleep(&(struct timespec){0, 50000000}, 0);
  WANT_EQ(msgctl(id, IPC_RMID, 0), 0);
  int status;
  WANT_EQ(waitpid(other, &status, 0), other);
  WANT(WIFEXITED(status));
}

CASE(msg_refusals, "msgget msgsnd msgrcv msgctl") {
  const int id = msgget(key(), IPC_CREAT | 0600);
  struct text one = {.type = 1};
  WANT_ERROR(msgget(key(), IPC_CREAT | IPC_EXCL | 0600), EEXIST);
  WANT_ERROR(msgget(key() + 1, 0), ENOENT);
  WANT_ERROR(put(id, 0, "x", 0), EINVAL);
  WANT_ERROR(put(id, -1, "x", 0), EINVAL);
  WANT_ERROR(put(-1, 1, "x", 0), EINVAL);
  WANT_ERROR(syscall(SYS_msgsnd, id, &one, 1 << 20, 0), EINVAL);
  WANT_ERROR(syscall(SYS_msgsnd, id, 8, 1, 0), EFAULT);
  WANT_EQ(put(id, 1, "four", 0), 0);
  WANT_ERROR(msgrcv(id, &one, 2, 0, 0), E2BIG);
  WANT_EQ(msgrcv(id, &one, 2, 0, MSG_NOERROR), 2);
  WANT_ERROR(msgrcv(id, &one, -1, 0, 0), EINVAL);
  WANT_ERROR(msgctl(id, 99, 0), EINVAL);
  WANT_ERROR(syscall(SYS_msgctl, id, IPC_STAT, 8), EFAULT);
  WANT_EQ(setgid(1000), 0);
  WANT_EQ(setuid(1000), 0);
  WANT_ERROR(put(id, 1, "x", 0), EACCES);
  WANT_ERROR(msgrcv(id, &one, 2, 0, IPC_NOWAIT), EACCES);
  WANT_ERROR(msgctl(id, IPC_RMID, 0), EPERM);
}
