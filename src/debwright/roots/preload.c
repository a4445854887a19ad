/* What systemd 255 and later need under a qemu-user that lacks it (Debian 12's 7.2 does).
 *
 * Preloaded into process 1 of an emulated check system and into its systemd-executor; services do
 * not get it. Compiled when it is needed: see debwright.roots.preload.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define LIES 0x5000u /* STATX_MNT_ID and STATX_MNT_ID_UNIQUE */

/* clone(2) with CLONE_PIDFD is refused with EINVAL, which systemd takes for a lack of resources. Of
 * ENOSYS it knows what to do: posix_spawn(3) and pidfd_open(2). */
int pidfd_spawn(int *pidfd, const char *path, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    (void)pidfd, (void)path, (void)actions, (void)attributes, (void)argv, (void)envp;
    return ENOSYS;
}

/* systemd-executor is started as /proc/self/fd/N. The kernel closes N on the way to the emulator,
 * which then cannot open it: it is started by its name. */
int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    int (*real)(pid_t *, const char *, const posix_spawn_file_actions_t *,
                const posix_spawnattr_t *, char *const[], char *const[]);
    char name[4096];
    ssize_t length;

    *(void **)&real = dlsym(RTLD_NEXT, "posix_spawn");
    if (strncmp(path, "/proc/self/fd/", 14) == 0) {
        length = readlink(path, name, sizeof name - 1);
        if (length > 0) {
            name[length] = '\0';
            path = name;
        }
    }
    return real(pid, path, actions, attributes, argv, envp);
}

/* The emulator says that it tells the mount's number, and tells 0: all mounts look like one, and
 * systemd thinks that it is in a service's own root already. Without it there are other ways. */
int statx(int directory, const char *restrict path, int flags, unsigned int mask,
          struct statx *restrict buffer)
{
    int (*real)(int, const char *, int, unsigned int, struct statx *);
    int result;

    *(void **)&real = dlsym(RTLD_NEXT, "statx");
    result = real(directory, path, flags, mask, buffer);
    if (result == 0 && buffer->stx_mnt_id == 0)
        buffer->stx_mask &= ~LIES;
    return result;
}
