# Perl over files: temporary ones, locks, links, times, directories, pipes, signals, tied hashes.
use strict; use File::Temp qw(tempdir); use File::Find; use File::Copy; use POSIX; use Fcntl qw(:flock :mode); use DB_File; use Storable qw(nstore retrieve);
$| = 1;
my $d = tempdir(CLEANUP => 1);
for my $i (1 .. 50) { mkdir "$d/$i" or die; open my $f, ">", "$d/$i/f" or die; print $f "x" x $i; close $f }
my ($n, $s) = (0, 0); find(sub { $n++; $s += -s if -f }, $d); print "$n $s\n";
open my $l, ">", "$d/lock"; flock($l, LOCK_EX) or die;
my $pid = fork; if (!$pid) { open my $m, ">", "$d/lock"; POSIX::_exit(flock($m, LOCK_EX | LOCK_NB) ? 1 : 0) } waitpid $pid, 0; print "status $?\n";
printf "%o\n", (stat "$d/1/f")[2]; print join(",", map { s{.*/}{}r } sort glob("$d/4*")), "\n"; my $out = `echo a | tr a b`; print $out;
open my $p, "-|", "seq 5" or die; print while <$p>; close $p;
sysopen(my $e, "$d/n", O_CREAT | O_EXCL | O_RDWR) or die; sysopen(my $e2, "$d/n", O_CREAT | O_EXCL) or print "$!\n";
rename "$d/n", "$d/m" or die; link "$d/m", "$d/k"; print((stat "$d/k")[3], "\n"); utime 1, 2, "$d/k"; print join(" ", (stat "$d/k")[8, 9]), "\n";
truncate("$d/k", 100); print -s "$d/k", "\n"; symlink "k", "$d/s"; print readlink("$d/s"), " ", -l "$d/s", "\n"; copy("$d/k", "$d/copy"); print -s "$d/copy", "\n";
tie my %h, 'DB_File', "$d/db", O_RDWR | O_CREAT, 0644, $DB_BTREE or die; $h{$_} = $_ * $_ for 1 .. 2000; untie %h; tie %h, 'DB_File', "$d/db", O_RDONLY, 0644, $DB_BTREE or die; print scalar(keys %h), " $h{44}\n"; untie %h;
nstore({a => [1, 2, 3]}, "$d/st"); print retrieve("$d/st")->{a}[2], "\n"; opendir(my $dh, $d); print scalar(my @x = readdir $dh), "\n";
local $SIG{ALRM} = sub { print "alarm\n" }; alarm 1; pause(); print "done\n";
