# SPDX-License-Identifier: Apache-2.0
"""Fetches Debian's kernels for the virtual machines, without installing them.

usage: tests/vm/kernels [VERSION ...]     without one: all of them, but for kasan, which is built
                                          from source; prints the folder of each

They are kept in ~/.cache/sluice/kernels (or $XDG_CACHE_HOME/sluice/kernels), a folder for each:
  vmlinuz   release (its text)   modroot/lib/modules/RELEASE   build: KDIR of its headers
Debian's archive is asked for newer ones once a day; where it cannot be reached, what is there is used.
"""
import fcntl
import glob
import os
import re
import shutil
import subprocess
import sys
import time

# Version -> release of Debian that has it, packages that lead to the newest image and headers.
KERNELS = {
    "5.10": ("bullseye", "linux-image-amd64", "linux-headers-amd64"),
    "6.1": ("bookworm", "linux-image-amd64", "linux-headers-amd64"),
    "6.12": ("bookworm", "linux-image-6.12-amd64", "linux-headers-6.12-amd64"),
}
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "sluice/kernels")
FRESH = 86400  # seconds
# Of drivers/ and drivers/net/; the rest needs hardware that a virtual machine does not have, and 300 MB.
DRIVERS = {"net", "virtio", "block", "char", "crypto"}
NO_NET = {"ethernet", "wireless", "wan", "usb", "can", "ieee802154", "wwan", "phy", "hamradio", "arcnet", "fddi"}


class KernelError(Exception):
    pass


def run(command, **more):
    r = subprocess.run(command, capture_output=True, text=True, **more)
    if r.returncode:
        raise KernelError(f"{command[0]}: {(r.stderr or r.stdout).strip()[-2000:]}")
    return r.stdout


def _own_release():
    text = open("/etc/os-release").read()
    m = re.search(r"^VERSION_CODENAME=\"?(\w+)", text, re.M)
    if not m or not re.search(r"^ID=\"?debian", text, re.M):
        raise KernelError("this is not Debian: its archive, and so the kernels, cannot be found")
    return m.group(1)


def _entries():
    """This machine's sources of Debian's own archive, as stanzas of (head, URIs, suites, keyring)."""
    for name in sorted(glob.glob("/etc/apt/sources.list.d/*.sources")):
        for para in re.split(r"\n\s*\n", open(name).read()):
            fields = dict(re.findall(r"^(\S+):[ \t]*(.*(?:\n[ \t].*)*)", para, re.M))
            if "deb" in fields.get("Types", "").split() and fields.get("Enabled", "yes") != "no":
                yield fields["URIs"].split(), fields.get("Suites", "").split(), fields.get("Components", "").split(), \
                    fields.get("Signed-By", "")
    for name in ["/etc/apt/sources.list", *sorted(glob.glob("/etc/apt/sources.list.d/*.list"))]:
        for line in open(name) if os.path.exists(name) else ():
            m = re.match(r"deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s+(.*)", line)
            if m:
                key = re.search(r"signed-by=(\S+)", m.group(1) or "", re.I)
                yield [m.group(2)], [m.group(3)], m.group(4).split(), key.group(1) if key else ""


def sources(release):
    """The text of a .sources file: this machine's, with the name of the release replaced."""
    own, out = _own_release(), []
    for uris, suites, components, key in _entries():
        suites = [s.replace(own, release) for s in suites if re.fullmatch(own + r"(|-updates|-security)", s)]
        if suites and "main" in components:
            # The keyring of all releases, where one is named that has only the own one's.
            everyone = "/usr/share/keyrings/debian-archive-keyring.gpg"
            key = everyone if key.startswith("/") and os.path.exists(everyone) else key
            out.append(f"Types: deb\nURIs: {' '.join(uris)}\nSuites: {' '.join(suites)}\nComponents: main\n"
                       + (f"Signed-By: {key}\n" if key else ""))
    if not out:
        raise KernelError(f"apt has no source of Debian's {own}: none to derive that of {release} from")
    return "\n".join(out)


class Apt:
    """apt with lists of its own for a release, that knows of no installed package."""

    def __init__(self, release):
        self.where = os.path.join(CACHE, "apt", release)
        for d in ("lists/partial", "cache/archives/partial"):
            os.makedirs(os.path.join(self.where, d), exist_ok=True)
        open(os.path.join(self.where, "status"), "w").close()
        self.options = [w for o in (
            f"Dir::Etc::sourcelist={self.where}/debian.sources", "Dir::Etc::sourceparts=-",
            "Dir::Etc::preferencesparts=-", f"Dir::State::lists={self.where}/lists", f"Dir::Cache={self.where}/cache",
            f"Dir::State::status={self.where}/status", "APT::Sandbox::User=root", "Acquire::Languages=none",
            "Acquire::Retries=3", "Acquire::http::Timeout=30",
            "APT::Architecture=amd64", "APT::Architectures=amd64") for w in ("-o", o)]

    def update(self, release):
        """The lists are at most a day old. False: the archive could not be reached."""
        stamp = os.path.join(self.where, "updated")
        if os.path.exists(stamp) and time.time() - os.path.getmtime(stamp) < FRESH:
            return True
        with open(os.path.join(self.where, "debian.sources"), "w") as f:
            f.write(sources(release))
        try:
            run(["apt-get", *self.options, "-o", "APT::Update::Error-Mode=any", "-q", "update"])
        except KernelError as e:
            self.why = str(e)
            return False
        open(stamp, "w").close()
        return True

    def depends(self, package):
        text = run(["apt-cache", *self.options, "depends", "--important", package])
        return re.findall(r"^[ |]*Depends: (linux-\S+)", text, re.M)

    def version(self, package):
        m = re.search(r"Candidate: (\S+)", run(["apt-cache", *self.options, "policy", package]))
        if not m or m.group(1) == "(none)":
            raise KernelError(f"Debian's archive has no package {package}")
        return m.group(1)

    def download(self, packages, where):
        os.makedirs(where, exist_ok=True)
        run(["apt-get", *self.options, "-q", "download", *packages], cwd=where)
        return sorted(glob.glob(os.path.join(where, "*.deb")))


def _packages(apt, image, headers):
    """Image, headers and what those need of linux-*."""
    the_image = next(d for d in apt.depends(image) if d.startswith("linux-image-"))
    the_headers = next(d for d in apt.depends(headers) if d.startswith("linux-headers-"))
    more = [d for d in apt.depends(the_headers) if re.match(r"linux-(headers|kbuild)-", d)]
    return the_image, [the_image, the_headers, *more]


def _relocate(root, src):
    """The headers name each other, and a compiler of their own release, by absolute names."""
    base = os.path.join(src, "headers")
    for name in ("Makefile", ".kernelvariables"):
        path = os.path.join(base, "usr/src", f"linux-headers-{root}", name)
        if not os.path.exists(path):
            continue
        text = open(path).read()
        text = text.replace("/usr/src/", os.path.join(base, "usr/src/"))
        # One compiler for all: that of the machine. Kbuild says so when it is not the kernel's own.
        text = re.sub(r"gcc-\d+", "gcc", text)
        with open(path, "w") as f:
            f.write(text)


def _modules(root):
    """Only what a virtual machine can use, unpacked, as busybox loads no compressed ones."""
    (release,) = os.listdir(os.path.join(root, "lib/modules"))
    kernel = os.path.join(root, "lib/modules", release, "kernel")
    gone = ["sound"] + [f"drivers/{d}" for d in os.listdir(f"{kernel}/drivers") if d not in DRIVERS]
    gone += [f"drivers/net/{d}" for d in NO_NET]
    for d in gone:
        shutil.rmtree(os.path.join(kernel, d), ignore_errors=True)
    packed = glob.glob(f"{kernel}/**/*.ko.xz", recursive=True)
    if packed:
        run(["unxz", *packed])
    run(["depmod", "-b", root, release])
    return release


def _unpack(debs, where):
    for deb in debs:
        part = "modroot" if os.path.basename(deb).startswith("linux-image-") else "headers"
        run(["dpkg", "-x", deb, os.path.join(where, part)])
        os.unlink(deb)
    root = os.path.join(where, "modroot")
    if not os.path.isdir(f"{root}/lib/modules"):  # where /lib is in /usr
        os.symlink("usr/lib", f"{root}/lib")
    release = _modules(root)
    with open(os.path.join(where, "release"), "w") as f:
        f.write(release + "\n")
    os.rename(glob.glob(f"{root}/boot/vmlinuz-*")[0], os.path.join(where, "vmlinuz"))
    for d in ("boot", "usr/share"):
        shutil.rmtree(os.path.join(root, d), ignore_errors=True)


def _fetch(version, where, apt, packages):
    """Into a folder beside, and renamed when it is whole."""
    part = where + ".part"
    shutil.rmtree(part, ignore_errors=True)
    _unpack(apt.download(packages, part), part)
    release = open(os.path.join(part, "release")).read().strip()
    build = f"headers/usr/src/linux-headers-{release}"
    os.symlink(build, os.path.join(part, "build"))
    if os.path.exists(f"{part}/{build}/vmlinux"):
        os.unlink(f"{part}/{build}/vmlinux")  # its types for BPF: modules would need pahole
    os.rename(part, where)
    _relocate(release, where)
    link = os.path.join(CACHE, version)
    fresh = link + ".part"
    if os.path.lexists(fresh):
        os.unlink(fresh)
    os.symlink(os.path.basename(where), fresh)
    os.rename(fresh, link)
    for old in glob.glob(os.path.join(CACHE, f"{version}_*")):
        if old != where:
            shutil.rmtree(old)


def must_know(version):
    if version not in KERNELS and version != "kasan":
        raise KernelError(f"no kernel '{version}'; there are: {' '.join(KERNELS)} kasan")


def get(version, say=lambda text: None):
    """Folder of that kernel; fetched when it is not there, or a newer one is."""
    if version == "kasan":
        from . import kasan
        return kasan.get(say)
    must_know(version)
    release, image, headers = KERNELS[version]
    os.makedirs(CACHE, exist_ok=True)
    link = os.path.join(CACHE, version)
    with open(os.path.join(CACHE, ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        apt = Apt(release)
        if not apt.update(release):
            if not os.path.exists(link):
                raise KernelError(f"Debian's {release} cannot be reached: {apt.why}")
            say(f"  kernel {version}: the archive cannot be reached; taking what is here")
            return os.path.realpath(link)
        named, packages = _packages(apt, image, headers)
        where = os.path.join(CACHE, f"{version}_{apt.version(named)}")
        if os.path.realpath(link) != where or not os.path.isdir(where):
            say(f"  kernel {version}: fetching {named}")
            shutil.rmtree(where, ignore_errors=True)
            _fetch(version, where, apt, packages)
        return where


def main(argv):
    if any(a.startswith("-") for a in argv):
        print(__doc__, end="")
        return 0 if argv in (["-h"], ["--help"]) else 2
    try:
        for version in argv or KERNELS:
            print(f"{version:<5} {get(version, print)}", flush=True)
    except KernelError as e:
        print(f"kernels: {e}", file=sys.stderr)
        return 1
    return 0
