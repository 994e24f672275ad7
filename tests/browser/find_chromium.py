"""Finds a Chromium for the browser tests, and with --install gets one where there is none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """Path of the system's Chromium, or of Playwright's own; None where there is neither."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def install_chromium() -> str | None:
    """Get Debian's package when we are root and apt is there, else Playwright's download."""
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (
            ["apt-get", "update", "-qq"],
            [
                "apt-get",
                "install",
                "-y",
                "-qq",
                "--no-install-recommends",
                "chromium",
                "fonts-dejavu-core",
            ],
        ):
            done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
            if done.returncode != 0:
                break
        if found := find_chromium():
            return found
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    return find_chromium()


def main() -> None:
    """Print where the browser is; never fail: without one the browser tests say so themselves."""
    found = find_chromium()
    if found is None and "--install" in sys.argv:
        found = install_chromium()
    sys.stdout.write(f"browser for the tests: {found or 'none could be had'}\n")


if __name__ == "__main__":
    main()
