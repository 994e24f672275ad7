"""Finds the programs that tests run beside ours, and with --install gets those that are absent as Debian's packages."""

import os
import shutil
import subprocess
import sys

# program: Debian's package. An MQTT 5 broker, and what the examples for senders are written in.
PACKAGES = {"mosquitto": "mosquitto", "node": "nodejs", "curl": "curl"}


def find_tool(name: str) -> str | None:
    """Path of a program; also where only root's PATH has it. None where it is absent."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/local/bin")


def install_absent() -> None:
    """Get the absent ones when we are root and apt is there."""
    absent = [package for name, package in PACKAGES.items() if find_tool(name) is None]
    if not absent or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *absent],
    ):
        if subprocess.run(
            command, env=environment, stdout=subprocess.DEVNULL, check=False
        ).returncode:
            return


def main() -> None:
    """Print where the programs are; never fail: without one its tests say so themselves."""
    if "--install" in sys.argv:
        install_absent()
    for name, package in PACKAGES.items():
        found = find_tool(name) or f"none could be had; install Debian's {package} or the like"
        sys.stdout.write(f"{name} for the tests: {found}\n")


if __name__ == "__main__":
    main()
