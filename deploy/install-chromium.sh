#!/bin/sh
# Installs the browser that the browser tests drive, and a screen for it, where that is allowed. Without the browser they are
# skipped, in CI they fail; without the screen it runs without a window.
command -v chromium >/dev/null && command -v Xvfb >/dev/null && exit 0
as_root=
[ "$(id -u)" = 0 ] || as_root="sudo -n"
echo "setup: installing the packages chromium and xvfb for the browser tests"
{ $as_root apt-get -qq update && $as_root apt-get -qq -y --no-install-recommends install chromium xvfb; } >/dev/null 2>&1 ||
    echo "setup: could not; the browser tests are skipped until somebody installs the package chromium" >&2
