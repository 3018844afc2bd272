// A multithreaded program: pools, monitors, files, memory maps, children, garbage, timers, a hook at its end.
import java.io.*;
import java.nio.*;
import java.nio.channels.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.stream.*;

public class Job {
  static int waiting = 0;
  static final Object monitor = new Object();

  static boolean prime(int n) {
    for (int i = 2; i * i <= n; i++) if (n % i == 0) return false;
    return n > 1;
  }

  static void pools() throws Exception {
    var pool = Executors.newFixedThreadPool(8);
    var parts = new ArrayList<Future<Integer>>();
    for (int part = 0; part < 16; part++) {
      final int from = part * 2000;
      parts.add(pool.submit(() -> (int) IntStream.range(from, from + 2000).filter(Job::prime).count()));
    }
    int primes = 0;
    for (var part : parts) primes += part.get();
    pool.shutdown();
    System.out.println("primes " + primes + " " + pool.awaitTermination(10, TimeUnit.SECONDS));
    System.out.println("parallel " + IntStream.range(0, 20000).parallel().filter(Job::prime).count());
  }

  static void monitors() throws Exception {
    final int[] count = {0};
    var threads = new ArrayList<Thread>();
    for (int i = 0; i < 6; i++) {
      var thread = new Thread(() -> {
        for (int n = 0; n < 5000; n++) synchronized (count) { count[0]++; }
        synchronized (monitor) {
          if (++waiting == 6) monitor.notifyAll();
          while (waiting < 6) try { monitor.wait(); } catch (InterruptedException e) { return; }
        }
      });
      threads.add(thread);
      thread.start();
    }
    for (var thread : threads) thread.join();
    System.out.println("counted " + count[0]);
    var sleeper = new Thread(() -> {
      try { Thread.sleep(100000); } catch (InterruptedException e) { System.out.println("interrupted"); }
    });
    sleeper.start();
    sleeper.interrupt();
    sleeper.join();
    var queue = new SynchronousQueue<Integer>();
    var giver = new Thread(() -> { for (int i = 0; i < 200; i++) try { queue.put(i); } catch (InterruptedException e) { return; } });
    giver.start();
    int sum = 0;
    for (int i = 0; i < 200; i++) sum += queue.take();
    System.out.println("handed over " + sum);
  }

  static void files() throws Exception {
    var folder = Files.createTempDirectory("job");
    var file = folder.resolve("numbers");
    Files.write(file, IntStream.range(0, 1000).mapToObj(Integer::toString).collect(Collectors.toList()));
    System.out.println("lines " + Files.lines(file).mapToInt(Integer::parseInt).sum() + " " + Files.size(file));
    try (var channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE); var lock = channel.lock()) {
      var map = channel.map(FileChannel.MapMode.READ_WRITE, 0, 8192);
      map.put(5000, (byte) '!');
      map.force();
      System.out.println("mapped " + (char) map.get(0) + " " + lock.isValid() + " " + channel.size());
    }
    Files.move(file, folder.resolve("moved"), StandardCopyOption.ATOMIC_MOVE);
    Files.createSymbolicLink(folder.resolve("link"), Path.of("moved"));
    try (var entries = Files.list(folder)) {
      System.out.println(entries.map(path -> path.getFileName().toString()).sorted().collect(Collectors.joining(" ")));
    }
    System.out.println((char) Files.readAllBytes(folder.resolve("link"))[5000]);
    try { Files.newInputStream(folder.resolve("none")); } catch (NoSuchFileException e) { System.out.println("no such file"); }
  }

  static void children() throws Exception {
    var child = new ProcessBuilder("/bin/sh", "-c", "read line; echo got $line; exit 3").redirectErrorStream(true).start();
    try (var out = child.outputWriter()) { out.write("words\n"); }
    System.out.println(new String(child.getInputStream().readAllBytes()).trim() + " " + child.waitFor());
    var long_one = new ProcessBuilder("sleep", "1000").start();
    long_one.destroy();
    System.out.println("ended by " + (long_one.waitFor() - 128) + " " + long_one.isAlive());
  }

  static void garbage() {
    long sum = 0;
    var kept = new ArrayDeque<byte[]>();
    for (int i = 0; i < 20000; i++) {
      var piece = new byte[4096];
      piece[i % 4096] = 1;
      kept.add(piece);
      if (kept.size() > 500) sum += kept.remove().length;
    }
    System.gc();
    System.out.println("garbage " + sum);
  }

  static int depth(int n) { return depth(n + 1) + 1; }

  public static void main(String[] words) throws Exception {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook")));
    pools();
    monitors();
    files();
    children();
    garbage();
    try { depth(0); } catch (StackOverflowError e) { System.out.println("stack overflow is caught"); }
    try { Object nothing = words.length > 5 ? "" : null; nothing.hashCode(); } catch (NullPointerException e) { System.out.println("null is caught"); }
    var ticks = new CountDownLatch(3);
    var timer = Executors.newScheduledThreadPool(1);
    timer.scheduleAtFixedRate(ticks::countDown, 10, 10, TimeUnit.MILLISECONDS);
    System.out.println("ticks " + ticks.await(20, TimeUnit.SECONDS));
    timer.shutdownNow();
    new ProcessBuilder("kill", "-TERM", Long.toString(ProcessHandle.current().pid())).start();
    Thread.sleep(100000);
  }
}
