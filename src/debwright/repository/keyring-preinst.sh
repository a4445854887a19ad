#!/bin/sh
# Two entries of one repository with different Signed-By are an error for apt, which then does
# nothing at all. What the user has written gives way, whatever its file is called: to follow a
# change of keys apt must look at the keys of this package. A copy of each changed file is kept with
# the suffix .save, over which apt passes.
set -e
name=@NAME@
uri=@URI@
suite=@SUITE@
keyring=@KEYRING@
lists="${DPKG_ROOT:-}/etc/apt"
entry="$lists/sources.list.d/$name.sources"
record="$lists/sources.list.d/$name.changed.save"

# Reads FILE; prints how many entries it has of the repository, and how many others; with write=1
# the file without ours.
one_line() {
    awk -v uri="$uri" -v suite="$suite" -v keyring="$keyring" -v write="$2" '
    function same(a, b) { sub(/\/*$/, "", a); sub(/\/*$/, "", b); return a == b }
    {
        line = $0
        sub(/#.*/, "", line)
        sub(/^[ \t]+/, "", line)
        if (line !~ /^deb(-src)?[ \t]/) { if (write) print; next }
        rest = line
        sub(/^deb(-src)?[ \t]+/, "", rest)
        if (rest ~ /^\[/) sub(/^\[[^]]*\][ \t]*/, "", rest)
        split(rest, word, /[ \t]+/)
        if (same(word[1], uri) && word[2] == suite && !index(line, "signed-by=" keyring)) {
            ours++
            if (write) print "# " $0
        } else {
            others++
            if (write) print
        }
    }
    END { if (!write) print ours + 0, others + 0 }' "$1"
}

deb822() {
    awk -v uri="$uri" -v suite="$suite" -v keyring="$keyring" -v write="$2" -v any="$3" '
    function same(a, b) { sub(/\/*$/, "", a); sub(/\/*$/, "", b); return a == b }
    function finish(    i, n, word, has_uri, has_suite, uris, suites, rest, off) {
        if (!count) return
        n = split(field["uris"], word, /[ \t]+/); uris = 0
        for (i = 1; i <= n; i++) if (word[i] != "") { uris++; if (same(word[i], uri)) has_uri = 1 }
        n = split(field["suites"], word, /[ \t]+/); suites = 0
        for (i = 1; i <= n; i++) if (word[i] != "") { suites++; if (word[i] == suite) has_suite = 1 }
        off = tolower(field["enabled"]) ~ /^[ \t]*(no|false|without|off|disable|0)[ \t]*$/
        if (!off && uris && !(has_uri && has_suite)) others++
        if (off || !has_uri || !has_suite || (!any && field["signed-by"] ~ "^[ \t]*" keyring "[ \t]*$")) {
            for (i = 1; i <= count; i++) if (write) print text[i]
        } else {
            ours++
            if (uris > 1 || suites > 1) others++
            for (i = 1; i <= count; i++) if (write) show(i, uris, suites)
        }
        count = 0
        for (i in field) delete field[i]
    }
    # One line of a stanza that gives way: what it has of other repositories or suites stays.
    function show(i, uris, suites,    drop, n, j, word, rest) {
        if (uris == 1 && suites == 1) {
            if (i == 1) print "Enabled: no"
            if (of[i] != "enabled") print text[i]
            return
        }
        drop = uris > 1 ? "uris" : "suites"
        if (of[i] != drop) { print text[i]; return }
        if (text[i] ~ /^[ \t]/) return
        n = split(field[drop], word, /[ \t]+/)
        for (j = 1; j <= n; j++)
            if (word[j] != "" && !(drop == "uris" ? same(word[j], uri) : word[j] == suite))
                rest = rest " " word[j]
        print (drop == "uris" ? "URIs:" : "Suites:") rest
    }
    /^#/ { if (count) { text[++count] = $0; of[count] = "" } else if (write) print; next }
    /^[ \t]*$/ { finish(); if (write) print; next }
    {
        text[++count] = $0
        if ($0 ~ /^[ \t]/) {
            field[last] = field[last] " " $0
        } else {
            last = tolower(substr($0, 1, index($0, ":") - 1))
            field[last] = substr($0, index($0, ":") + 1)
        }
        of[count] = last
    }
    END { finish(); if (!write) print ours + 0, others + 0 }' "$1"
}

gives_way() {
    read_it=$1
    found=$("$read_it" "$2" "" "")
    [ "${found% *}" != 0 ] || return 0
    copy="$2.save"
    number=0
    while [ -e "$copy" ]; do number=$((number + 1)); copy="$2.$number.save"; done
    if [ "${found#* }" = 0 ]; then
        mv "$2" "$copy"
    else
        cp -p "$2" "$copy"
        "$read_it" "$copy" 1 "" > "$2"
    fi
    printf '%s\t%s\n' "$copy" "$2" >> "$record"
    echo "$name-archive-keyring: $2 gives way to $entry; it is kept as $copy" >&2
}

case "$1" in
install | upgrade) ;;
*) exit 0 ;;
esac
fresh=
[ "$1" != install ] || [ -n "${2:-}" ] || fresh=yes
# The page of the repository has people put an entry here that holds the key itself. Left there, dpkg
# would ask whether it may be replaced. One that was made in another way is left to that question.
if [ -n "$fresh" ] && [ -f "$entry" ] && grep -qxF "URIs: $uri" "$entry" &&
    grep -qF 'BEGIN PGP PUBLIC KEY BLOCK' "$entry"; then
    mv -f "$entry" "$entry.save"
fi
if [ -z "$fresh" ]; then
    # Somebody who has removed the entry, or switched it off, has another one on purpose.
    [ -f "$entry" ] || exit 0
    found=$(deb822 "$entry" "" 1)
    [ "${found% *}" != 0 ] || exit 0
fi
for file in "$lists/sources.list" "$lists"/sources.list.d/*.list; do
    [ ! -f "$file" ] || gives_way one_line "$file"
done
for file in "$lists"/sources.list.d/*.sources; do
    [ ! -f "$file" ] || [ "$file" = "$entry" ] || gives_way deb822 "$file"
done
