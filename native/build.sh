#!/bin/bash
# Build our pjsua2 wheel: native/build.sh [PYTHON], or ask for the one there is: native/build.sh --cached PYTHON
# The last line on stdout is the wheel's path; progress goes to stderr. The result is cached by the content of
# this folder, the Python version and the machine's architecture; a second run only prints the path.
#   HOTLINE_CACHE=DIR         where to cache (default ~/.cache/minsheng-hotline)
#   PJPROJECT_TARBALL=FILE    pjproject's source, for a machine without a Debian registry
set -euo pipefail

UPSTREAM=2.17
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHED=
if [ "${1:-}" = --cached ]; then CACHED=1; shift; fi
PYTHON=${1:-python3}
CACHE=${HOTLINE_CACHE:-$HOME/.cache/minsheng-hotline}/native

say() { printf 'pjsua2 [%3d s] %s\n' "$SECONDS" "$*" >&2; }
die() { printf 'native/build.sh: %s\n' "$*" >&2; exit 1; }

# Run a step; what it prints goes to the log, which is shown when the step fails.
step() {
    local title=$1; shift
    say "$title"
    # In the background, because set -e does not hold in what is called under a condition.
    "$@" >>"$LOG" 2>&1 &
    if wait $!; then return; fi
    tail -n 25 "$LOG" >&2
    cp "$LOG" "$CACHE/failed.log"
    die "failed while $title (the last lines are above, all of it is in $CACHE/failed.log)"
}

cache_key() {
    local files
    files=$(cd "$HERE" && find VERSION build.sh config_site.h media patches requirements-build.txt setup.py sip -type f | LC_ALL=C sort)
    { "$PYTHON" -c 'import platform, sys, sysconfig
print(sys.implementation.cache_tag, sysconfig.get_platform(), *platform.libc_ver())'
      cd "$HERE" && while read -r file; do sha256sum "$file"; done <<<"$files"; } | sha256sum | cut -c1-16
}

check_tools() {
    local missing=() tool header include
    for tool in gcc g++ make swig patch tar xz flock; do
        command -v "$tool" >/dev/null || missing+=("$tool")
    done
    for header in opus/opus.h srtp2/srtp.h openssl/ssl.h speex/speex_resampler.h speex/speex.h; do
        echo "#include <$header>" | gcc -E - >/dev/null 2>&1 || missing+=("$header")
    done
    include=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    [ -e "$include/Python.h" ] || missing+=("Python.h of $PYTHON")
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || missing+=("the venv module of $PYTHON")
    [ ${#missing[@]} -eq 0 ] || die "missing: $(printf '%s, ' "${missing[@]}" | sed 's/, $//'). Install them: apt-get install \$(cat native/apt.txt)"
}

# Debian carries pjproject inside the source package of asterisk, in unstable. Take it from where this machine
# takes its packages, with lists of our own, so that the system's are left as they are.
fetch_tarball() {
    local remedy="Get pjproject $UPSTREAM's source elsewhere (asterisk_*.orig-Xpjproject.tar.xz of Debian, or upstream's own tarball) and set PJPROJECT_TARBALL to its path"
    local keyring=/usr/share/keyrings/debian-archive-keyring.gpg site folder=$WORK/apt
    command -v apt-get >/dev/null && [ -r "$keyring" ] || die "this is not a Debian machine, so pjproject's source cannot be fetched. $remedy."
    site=$(apt-get indextargets --format '$(SITE)' 'Origin: Debian' 2>/dev/null | head -n 1)
    # Before the first apt-get update there is no Origin: take the release's own main archive.
    [ -n "$site" ] || site=$(apt-get indextargets --no-release-info --format '$(SITE)' "Release: $(. /etc/os-release && echo "$VERSION_CODENAME")" 2>/dev/null | head -n 1)
    [ -n "$site" ] || die "apt knows no Debian archive on this machine, so pjproject's source cannot be fetched. $remedy."
    mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
    echo "deb-src [signed-by=$keyring] $site sid main" >"$folder/sources.list"
    local apt=(apt-get -q -o "Dir::Etc::SourceList=$folder/sources.list" -o Dir::Etc::SourceParts=-
               -o "Dir::State::Lists=$folder/lists" -o "Dir::Cache=$folder/cache" -o Acquire::Retries=2)
    say "fetching pjproject's source from Debian"
    if ! (cd "$folder" && "${apt[@]}" update && "${apt[@]}" source --download-only asterisk) >>"$LOG" 2>&1; then
        tail -n 5 "$LOG" >&2
        die "pjproject's source cannot be fetched: no Debian registry answered. $remedy."
    fi
    local found=("$folder"/asterisk_*.orig-Xpjproject.tar.*)
    [ -e "${found[0]}" ] || die "Debian's asterisk package no longer carries pjproject. $remedy."
    TARBALL=${found[0]}
}

unpack() {
    local kept=$CACHE/pjproject-$UPSTREAM.tar.xz version
    TARBALL=${PJPROJECT_TARBALL:-}
    if [ -n "$TARBALL" ]; then
        [ -r "$TARBALL" ] || die "PJPROJECT_TARBALL names $TARBALL, which cannot be read: give the path of pjproject $UPSTREAM's source"
    elif [ -r "$kept" ]; then
        TARBALL=$kept
    else
        fetch_tarball
    fi
    mkdir "$WORK/src"
    tar xf "$TARBALL" -C "$WORK/src" --strip-components=1 2>>"$LOG" ||
        die "$TARBALL is not a readable tar archive: remove it, or set PJPROJECT_TARBALL to pjproject $UPSTREAM's source"
    [ -r "$WORK/src/version.mak" ] || die "$TARBALL is not pjproject's source (no version.mak in it): set PJPROJECT_TARBALL to pjproject $UPSTREAM's"
    version=$(sed -n 's/^export PJ_VERSION_\(MAJOR\|MINOR\|REV\|SUFFIX\) *:= *//p' "$WORK/src/version.mak" | paste -sd. | sed 's/\.*$//')
    [ "$version" = "$UPSTREAM" ] ||
        die "the source is pjproject $version, but our patches are for $UPSTREAM: set PJPROJECT_TARBALL to $UPSTREAM's source, or move native/ to $version (native/README.md says how)"
    local patch
    for patch in "$HERE"/patches/*.patch; do
        patch -d "$WORK/src" -p1 --fuzz=0 --batch <"$patch" >>"$LOG" 2>&1 ||
            die "$(basename "$patch") does not apply to $TARBALL: it is another $UPSTREAM than ours; set PJPROJECT_TARBALL to the original, or renew the patch (native/README.md says how)"
    done
    # Kept only once it has proved to be the right one.
    if [ -z "${PJPROJECT_TARBALL:-}" ] && [ "$TARBALL" != "$kept" ]; then
        cp "$TARBALL" "$kept.$$" && mv "$kept.$$" "$kept"
    fi
    cp "$HERE/config_site.h" "$WORK/src/pjlib/include/pj/config_site.h"
}

configure() {
    cd "$WORK/src"
    LIBS=-lspeexdsp ./aconfigure --enable-epoll --disable-sound --disable-video --disable-sdl --disable-ffmpeg \
        --disable-v4l2 --disable-openh264 --disable-vpx --disable-opencore-amr --disable-silk --disable-bcg729 \
        --disable-lyra --disable-upnp --disable-libyuv --disable-libwebrtc --disable-libuuid --disable-speex-aec \
        --disable-speex-codec --disable-ilbc-codec --disable-gsm-codec --disable-g7221-codec --disable-l16-codec \
        --with-external-srtp --with-external-speex --enable-speex-resample
}

libraries() { make -C "$WORK/src" dep && make -C "$WORK/src" -j"$(nproc)" lib; }

# Upstream's own flags for the Python module (cflags), and how to link it (ldflags, libs).
flags() { (cd "$WORK/src/pjsip-apps/src/swig/python" && make --no-print-directory -f helper.mak "$1"); }

# The wrapper is one huge file: compiled beside the libraries, not after them. -O1 is for its size only, nothing
# in it is worked hard.
wrapper() {
    local swig=$WORK/src/pjsip-apps/src/swig sources=$WORK/src include dir
    include=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    # Error messages name the source file: as it lies in the repository, not on the machine that built it.
    local names=-ffile-prefix-map=$HERE=native includes=("-I$HERE/media" "-I$HERE/sip" "-I$swig")
    for dir in pjlib pjlib-util pjnath pjmedia pjsip; do includes+=("-I$sources/$dir/include"); done
    cd "$WORK/wheel"
    swig "${includes[@]}" -c++ -w312 -threads -python -o pjsua2_wrap.cpp "$HERE/media/module.i"
    g++ $(flags cflags) -O1 "$names" -I"$include" "${includes[@]}" -c pjsua2_wrap.cpp -o pjsua2_wrap.o
    local file
    for file in "$HERE"/media/*.cpp "$HERE"/sip/*.cpp; do
        g++ $(flags cflags) "$names" -Wall -Wextra -Wno-unused-parameter "${includes[@]}" -c "$file" -o "$(basename "$file" .cpp).o"
    done
}

build_tools() {
    "$PYTHON" -m venv "$WORK/venv"
    "$WORK/venv/bin/python" -m pip install -q --disable-pip-version-check -r "$HERE/requirements-build.txt"
}

package() {
    cd "$WORK/wheel"
    cp "$HERE/setup.py" .
    PJSUA2_VERSION=$(cat "$HERE/VERSION") PJSUA2_OBJECTS=$(echo ./*.o) \
        PJSUA2_LINK="$(flags ldflags | tr '\n' ' ') $(flags libs | sed 's/^/-l/' | tr '\n' ' ')" \
        "$WORK/venv/bin/python" setup.py -q bdist_wheel
    PATH=$WORK/venv/bin:$PATH "$WORK/venv/bin/auditwheel" repair -w "$WORK/out" dist/*.whl
}

# The wheel must import, and be what it says, before anybody gets it.
prove() {
    "$WORK/venv/bin/python" -m pip install -q --disable-pip-version-check --no-index --no-deps "$WORK"/out/*.whl
    cd / && "$WORK/venv/bin/python" -c 'import pjsua2; pjsua2.PcmPort(); pjsua2.DuplexTap(); pjsua2.PromptPort()'
}

command -v "$PYTHON" >/dev/null || die "there is no $PYTHON: give the path of a Python 3.11 or 3.12"
KEY=$(cache_key)
DONE=$CACHE/$KEY
if [ -n "$CACHED" ]; then compgen -G "$DONE/*.whl"; exit; fi    # exit 1 and no word: there is none
if ! compgen -G "$DONE/*.whl" >/dev/null; then
    check_tools
    mkdir -p "$CACHE"
    exec 9>"$CACHE/lock"
    flock 9         # a second build of the same waits for the first and finds its wheel
fi
if ! compgen -G "$DONE/*.whl" >/dev/null; then
    WORK=$(mktemp -d)
    wrapper_pid=
    trap 'kill $wrapper_pid 2>/dev/null || true; rm -rf "$WORK"' EXIT
    LOG=$WORK/build.log
    mkdir "$WORK/wheel" "$WORK/out"
    export CFLAGS="-O2 -fPIC -DNDEBUG -pthread" CXXFLAGS="-O2 -fPIC -DNDEBUG -pthread"
    unpack
    step "making the build venv (needs PyPI)" build_tools
    step "configuring pjproject $UPSTREAM" configure
    wrapper >"$WORK/wrapper.log" 2>&1 &
    wrapper_pid=$!
    step "compiling pjproject's libraries (about a minute)" libraries
    say "compiling the Python module (about a minute)"
    wait "$wrapper_pid" || { LOG=$WORK/wrapper.log; step "compiling the Python module" false; }
    step "packing the wheel" package
    step "trying the wheel" prove
    rm -rf "$DONE.part" && mkdir "$DONE.part" && cp "$WORK"/out/*.whl "$DONE.part/"
    rm -rf "$DONE" && mv "$DONE.part" "$DONE"
    say "done"
fi
compgen -G "$DONE/*.whl"
