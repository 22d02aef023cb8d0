"""A small disk of its own for the files of one program, so that a test can fill it.

with small_disk(folder, size=1 << 20) as disk:
    server = Server(tmp_path, config, prefix=disk.prefix)   # only what runs so sees the disk
    disk.fill()
    disk.free()
"""

import errno
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


class SmallDisk:
    """A disk over a folder in a mount namespace, which ends with the process that holds it."""

    def __init__(self, holder: int, folder: Path) -> None:
        place = (f"--mount=/proc/{holder}/ns/mnt", f"--wdns={Path.cwd()}")
        self.prefix: Sequence[str] = ("nsenter", *place, "--")
        """What goes before a command to run it where the disk is."""
        self.path = Path(f"/proc/{holder}/root{folder}")
        """The disk, as the test reaches it."""
        self._folder = folder
        self._filler = self.path / "filler"

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Let nothing be written for the length of a block."""
        self._remount("ro")
        try:
            yield
        finally:
            self._remount("rw")

    @contextmanager
    def without_inodes(self) -> Iterator[None]:
        """Let no file be added for the length of a block, though there is room."""
        status = os.statvfs(self.path)
        self._remount(f"nr_inodes={status.f_files - status.f_ffree}")
        try:
            yield
        finally:
            self._remount(f"nr_inodes={status.f_files}")

    def _remount(self, option: str) -> None:
        command = ["mount", "-o", f"remount,{option}", str(self._folder)]
        subprocess.run([*self.prefix, *command], check=True)

    def fill(self) -> None:
        """Leave no room at all."""
        with self._filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self) -> None:
        """Give back what `fill` took."""
        self._filler.unlink()


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[SmallDisk]:
    """Have a disk of so many octets over a folder for the length of a block. Needs root."""
    folder.mkdir()
    mount = 'mount -t tmpfs -o "size=$1" tmpfs "$2" && echo mounted && exec cat'
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", mount, "sh", str(size), str(folder)],
        stdin=subprocess.PIPE,  # when it closes, even because the test was killed, the disk goes
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        if holder.stdout.readline() != b"mounted\n":
            raise PermissionError("a small disk needs root: run the tests as root")
        yield SmallDisk(holder.pid, folder)
        holder.stdin.close()
