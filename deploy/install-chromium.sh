#!/bin/sh
# Installs the browser that the browser tests drive, where that is allowed. Without it they are skipped, in CI they fail.
command -v chromium >/dev/null && exit 0
as_root=
[ "$(id -u)" = 0 ] || as_root="sudo -n"
echo "setup: installing the package chromium for the browser tests"
{ $as_root apt-get -qq update && $as_root apt-get -qq -y --no-install-recommends install chromium; } >/dev/null 2>&1 ||
    echo "setup: could not; the browser tests are skipped until somebody installs the package chromium" >&2
