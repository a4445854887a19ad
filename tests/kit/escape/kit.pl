# Try to get out of the sandbox this runs in. Nothing but perl-base is used.
#
#   perl kit.pl KEY=VALUE...     what the machine outside has, to be looked for:
#       disk=MAJOR:MINOR  pid=N  key=SERIAL  socket=NAME  port=N  file=PATH  mark=TEXT
#
# One line for each attempt: NAME, `refused`, `ESCAPED` or `absent`, and why, with tabs between.
# No attempt harms the machine when it succeeds: a file of the kernel's is opened for writing and
# nothing is written, the clock is set to what it says, a module is no module, a disk is read.
use strict;

my %know = map { split /=/, $_, 2 } @ARGV;
chomp(my $machine = `uname -m`);
my @names = qw(mount umount2 mknodat init_module finit_module settimeofday ptrace bpf add_key keyctl
    userfaultfd io_uring_setup perf_event_open open_by_handle_at name_to_handle_at syslog swapon
    kexec_load acct);
my %numbers = (
    x86_64 => [165, 166, 259, 175, 313, 164, 101, 321, 248, 250, 323, 425, 298, 304, 303, 103, 167,
        246, 163],
    # The kernel's asm-generic/unistd.h, of aarch64 and riscv64.
    generic => [40, 39, 33, 105, 273, 170, 117, 280, 217, 219, 282, 425, 241, 265, 264, 116, 224,
        104, 89],
);
my %call;
@call{@names} = @{ $numbers{$machine} || $numbers{generic} };
my ($AT_FDCWD, $S_IFBLK, $MS_RDONLY, $MS_REMOUNT, $MS_BIND) = (-100, 060000, 1, 32, 4096);
my $O_WRONLY = 1;
# Not below /run or /tmp, where no device may be opened.
my $place = -w '/var/lib' ? '/var/lib/kit' : "/tmp/kit.$$";
mkdir $place;

sub said {
    my ($name, $outcome, $why) = @_;
    $why =~ s/\s+/ /g;
    print "$name\t$outcome\t$why\n";
}

# A call that gives 0 or more has worked; ENOSYS is a kernel, or an emulator, without it.
sub attempt {
    my ($name, $done) = @_;
    my $why = "$!";
    if ($done >= 0) { said($name, 'ESCAPED', 'it was done') }
    else { said($name, 'refused', $why) }
    return $done >= 0;
}

sub call {
    my ($name, @words) = @_;
    return syscall($call{$name}, @words);
}

sub mounted {
    my ($source, $kind, $flags, $data) = @_;
    my $target = "$place/m";
    mkdir $target;
    my @words = map { my $copy = $_; $copy } ($source, $target, $kind);
    return call('mount', @words, $flags || 0, my $options = $data || '');
}

sub unmount { my $target = "$place/m"; call('umount2', $target, 2); return }

sub opened_for_writing {
    my ($name, @paths) = @_;
    my $why = '';
    for my $path (@paths) {
        my $file;
        if (sysopen($file, $path, $O_WRONLY)) {
            return said($name, 'ESCAPED', "$path opens for writing");
        }
        $why = "$path: $!" if -e $path;
    }
    return said($name, $why ? 'refused' : 'absent', $why || "no @paths");
}

# Disks and devices
if ($know{disk}) {
    my ($major, $minor) = split /:/, $know{disk};
    my $node = "$place/disk";
    my $number = ($major << 8) | ($minor & 0xff) | (($minor & ~0xff) << 12);
    my $made = call('mknodat', $AT_FDCWD, $node, $S_IFBLK | 0600, $number);
    if ($made < 0) { said('mknod of a disk', 'refused', "$!") }
    elsif (open(my $disk, '<', $node)) { said('mknod of a disk', 'ESCAPED', 'and it can be read') }
    else { said('mknod of a disk', 'refused', "a node is made, reading it: $!") }
    my $done = -1;
    for my $kind (qw(ext4 xfs btrfs)) {
        $done = mounted($node, $kind, $MS_RDONLY);
        last if $done >= 0 || $! == 16;
    }
    # Busy: the machine itself has it mounted for writing, or it would be mounted now.
    if ($done < 0 && $! == 16) { said('mount of a disk', 'ESCAPED', 'the kernel has it open') }
    else { unmount() if attempt('mount of a disk', $done) }
    unlink $node;
}
my $devices = mounted('devices', 'devtmpfs');
unmount() if attempt('mount of devtmpfs', $devices);
opened_for_writing('device nodes', '/dev/mem', '/dev/kmem', '/dev/port', glob('/dev/[shvx]d[a-z]'),
    glob('/dev/nvme*'), grep { -c $_ } '/dev/kmsg');

# Files of the kernel
opened_for_writing('sysrq', '/proc/sysrq-trigger');
opened_for_writing('core_pattern', '/proc/sys/kernel/core_pattern');
opened_for_writing('modprobe path', '/proc/sys/kernel/modprobe');
opened_for_writing('power state', '/sys/power/state', '/sys/power/disk');
opened_for_writing('uevent helper', '/sys/kernel/uevent_helper');
if (mounted('proc', 'proc') >= 0) {
    opened_for_writing('core_pattern by a new proc', "$place/m/sys/kernel/core_pattern");
    unmount();
}
else { said('core_pattern by a new proc', 'refused', "$!") }
{
    my $path = '/proc/sys';
    my $none = '';
    call('mount', $none, $path, $none, $MS_REMOUNT | $MS_BIND, $none);
    opened_for_writing('core_pattern by a remount', '/proc/sys/kernel/core_pattern');
}
if (mounted('sysfs', 'sysfs') >= 0) {
    opened_for_writing('uevent helper by a new sysfs', "$place/m/kernel/uevent_helper");
    unmount();
}
else { said('uevent helper by a new sysfs', 'refused', "$!") }

# Control groups
my @agents = grep { -e } glob('/sys/fs/cgroup/release_agent /sys/fs/cgroup/*/release_agent');
opened_for_writing('release_agent', @agents);
my $hierarchy = mounted('none', 'cgroup', 0, 'devices');
if ($hierarchy >= 0) {
    opened_for_writing('release_agent by a new mount', "$place/m/release_agent");
    unmount();
}
else { said('release_agent by a new mount', 'refused', "$!") }

# Calls
my $nonsense = "not a module\0" x 8;
sub module {
    my ($name, $done) = @_;
    my $why = "$!";
    my $refused = $done < 0 && ($! == 1 || $! == 38);
    return said($name, $refused ? 'refused' : 'ESCAPED', $refused ? $why : "the kernel read it: $why");
}
module('kernel module', call('init_module', $nonsense, length $nonsense, my $none = ''));
open(my $self, '<', $0);
module('kernel module by a file', call('finit_module', fileno($self), $none, 0));
my $swap = "$place/none";
module('swap', call('swapon', $swap, 0));
module('another kernel', call('kexec_load', 0, 0, 0, 0xffff));
{
    # The machine's time zone, UTC as it is, and no time: it asks for the right and changes nothing.
    my $zone = pack('ii', 0, 0);
    attempt('clock', call('settimeofday', 0, $zone));
}
my $map = pack('LLLLLL', 2, 4, 4, 1, 0, 0) . "\0" x 100;
attempt('bpf', call('bpf', 0, $map, length $map));
attempt('userfaultfd', call('userfaultfd', 1));
my $ring = "\0" x 256;
attempt('io_uring', call('io_uring_setup', 1, $ring));
my $event = pack('LLQ', 1, 128, 0) . "\0" x 112;
attempt('perf events', call('perf_event_open', $event, -1, 0, -1, 0));
my $messages = "\0" x 4096;
attempt('messages of the kernel', call('syslog', 3, $messages, length $messages));
module('accounting', call('acct', $swap));
{
    my $handle = pack('LL', 128, 0) . "\0" x 128;
    my $mount = pack('i', 0);
    my $root = '/';
    call('name_to_handle_at', $AT_FDCWD, $root, $handle, $mount, 0);
    open(my $directory, '<', '/');
    attempt('files by number', call('open_by_handle_at', fileno($directory), $handle, 0));
}

# Keys
{
    my ($kind, $name, $data) = ('user', "kit$$", 'x');
    attempt('new key', call('add_key', $kind, $name, $data, 1, -4));
    if ($know{key}) {
        my $buffer = "\0" x 64;
        attempt('key of the machine', call('keyctl', 11, $know{key} + 0, $buffer, 64));
    }
}

# Processes, files and sockets of the machine
if ($know{pid}) {
    my $done = call('ptrace', 0x4206, $know{pid} + 0, 0, 0);
    my $why = "$!";
    my ($theirs, $words) = ('');
    $theirs = join '', <$words> if open($words, '<', "/proc/$know{pid}/cmdline");
    my $found = $done >= 0 && index($theirs, $know{mark}) >= 0;
    said('ptrace', $found ? 'ESCAPED' : 'refused', $found ? 'it is traced' : $why || 'another process');
}
if ($know{file}) {
    my @found = grep {
        my $file;
        open($file, '<', $_) && index(join('', <$file>), $know{mark}) >= 0
    } map { "$_$know{file}" } '', glob('/proc/[0-9]*/root'), glob('/proc/[0-9]*/cwd');
    said('a file of the machine', @found ? 'ESCAPED' : 'refused', @found ? "@found" : 'no way there');
}
require Socket;
if ($know{socket}) {
    socket(my $socket, 1, 1, 0);
    my $address = pack('S', 1) . "\0$know{socket}";
    attempt('abstract socket', connect($socket, $address) ? 0 : -1);
}
if ($know{port}) {
    socket(my $socket, 2, 1, 6);
    my $address = Socket::pack_sockaddr_in($know{port}, Socket::inet_aton('127.0.0.1'));
    attempt('port of the machine', connect($socket, $address) ? 0 : -1);
}
attempt('vsock', socket(my $guest, 40, 1, 0) ? 0 : -1);

# Terminals
{
    my $typed = "\0";
    my ($any, $why) = (0, 'no terminal');
    for my $path ('/dev/tty', '/dev/console') {
        next unless open(my $terminal, '+<', $path);
        if (ioctl($terminal, 0x5412, $typed)) { $any = $path; last }
        $why = "$path: $!";
    }
    my $outcome = $any ? 'ESCAPED' : $why eq 'no terminal' ? 'absent' : 'refused';
    said('TIOCSTI', $outcome, $any || $why);
}
rmdir "$place/m";
rmdir $place;
