# Enter a sandbox, with its bounds, and run a command there. Nothing but perl-base is used.
#
#   perl enter.pl --target=PID --namespaces=LIST --calls=LIST --filter=FILE --wdns=DIRECTORY
#                 [--setuid=N --setgid=N] -- COMMAND [WORD]...
#
# What nsenter(1) does, and then what runc does for `exec`: a session keyring of its own, the
# bounding set of the sandbox's first process, and its filter of system calls. It is written in
# Perl since every command of a check comes by here: Perl starts in a tenth of Python's time.
# `calls` are this machine's numbers of setns, prctl, seccomp and keyctl, in that order.
use strict;

my ($PR_SET_DUMPABLE, $PR_CAPBSET_DROP, $SET_MODE_FILTER, $JOIN_SESSION_KEYRING) = (4, 24, 1, 1);
my ($EPERM, $ENOENT, $ENOSYS) = (1, 2, 38);
my ($WNOHANG, $WUNTRACED) = (1, 2);

my %option;
while (@ARGV) {
    my $word = shift;
    last if $word eq '--';
    $word =~ /\A--([a-z]+)=(.*)\z/s or die "enter: what is $word?\n";
    $option{$1} = $2;
}
my ($setns, $prctl, $seccomp, $keyctl) = split /,/, $option{calls};
my @spaces = split /,/, $option{namespaces};
my $home = "/proc/$option{target}";

sub content {
    open(my $file, '<', $_[0]) or die "enter: $_[0]: $!\n";
    local $/;
    return scalar readline $file;
}

# Until the command has begun, nobody inside may look into this process of the machine's.
syscall($prctl, $PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 or die "enter: prctl: $!\n";
my $filter = content($option{filter});
my ($bounds) = content("$home/status") =~ /^CapBnd:\s*([0-9a-f]+)$/m;
my @doors = map { open(my $door, '<', "$home/ns/$_") or die "enter: $home/ns/$_: $!\n"; $door } @spaces;
for my $number (0 .. $#doors) {
    syscall($setns, fileno($doors[$number]), 0) == 0 or die "enter: $spaces[$number]: $!\n";
}

my $child = fork;
defined $child or die "enter: fork: $!\n";
if ($child) {
    @doors = ();
    wait_for($child);
}

if (grep { $_ eq 'user' } @spaces) {
    identify(0, 0);
}
my $joined = syscall($keyctl, $JOIN_SESSION_KEYRING, 0);
$joined >= 0 || $! == $ENOSYS || $! == $EPERM or die "enter: keyctl: $!\n";
my $mask = hex($bounds);
for my $capability (0 .. 63) {
    next if $mask >> $capability & 1;
    last if syscall($prctl, $PR_CAPBSET_DROP, $capability, 0, 0, 0) != 0;
}
chdir $option{wdns} or die "enter: $option{wdns}: $!\n";
my $header = pack('S x![J] P', length($filter) / 8, $filter);
syscall($seccomp, $SET_MODE_FILTER, 0, $header) == 0 or die "enter: seccomp: $!\n";
identify($option{setuid}, $option{setgid}) if defined $option{setuid};
exec { $ARGV[0] } @ARGV;
my $code = $! == $ENOENT ? 127 : 126;
print STDERR "enter: failed to execute $ARGV[0]: $!\n";
exit $code;

sub identify {
    my ($user, $group) = @_;
    $) = "$group $group";
    $( = $group;
    ($<, $>) = ($user, $user);
    $< == $user && $> == $user && $( + 0 == $group && $) + 0 == $group
        or die "enter: cannot become $user:$group: $!\n";
}

# End as the command does, and stop with it.
sub wait_for {
    my ($child) = @_;
    while (1) {
        next if waitpid($child, $WUNTRACED) != $child;
        if (($? & 0xff) == 0x7f) {
            kill 'STOP', $$;
            kill 'CONT', $child;
            next;
        }
        my $signal = $? & 0x7f;
        exit($? >> 8) unless $signal;
        $SIG{$_} = 'DEFAULT' for keys %SIG;
        kill $signal, $$;
        exit(128 + $signal);
    }
}
