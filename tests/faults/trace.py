"""A trace that disk.c wrote, and the disks that a loss of power could have left at any point of it.

Entries are lines of words between tabs; after that of a write come its bytes:

    make INODE PATH             a file came to be          folder PATH      a folder came to be
    write INODE AT SIZE SYNCED  SYNCED: by O_DSYNC         cut INODE SIZE   ftruncate, O_TRUNC
    sync INODE PATH             of a file or a folder      rename FROM TO   unlink PATH
    mark NUMBER                 a script's: what it had been told by then

What a sync covered is there. Of what was written to a file since, each page is there or not,
whatever came before or after it, and the last one may be torn between two sectors. What was done to
the names in a folder since the folder was synced is there up to some step.
"""

import os

PAGE = 4096
SECTOR = 512


def read_trace(path):
    """The entries: a tuple of words, for a write with its bytes as the last."""
    with open(path, "rb") as file:
        whole = file.read()
    entries, at = [], 0
    while at < len(whole):
        end = whole.index(b"\n", at)
        words = whole[at:end].decode().split("\t")
        at = end + 1
        if words[0] == "write":
            size = int(words[3])
            words.append(whole[at:at + size])
            at += size
        entries.append(tuple(words))
    return entries


def mark(path, number):
    with open(path, "ab") as file:
        file.write(b"mark\t%d\n" % number)


class File:
    def __init__(self):
        self.durable = bytearray()
        self.since = []  # (page, at, bytes), or (None, size, None) for a cut; in order.

    def write(self, at, data, synced):
        for from_ in range(at - at % PAGE, at + len(data), PAGE):
            start, end = max(at, from_), min(at + len(data), from_ + PAGE)
            self.since.append((from_ // PAGE, start, data[start - at:end - at]))
            if synced:  # It takes along what waited for the same page.
                page = from_ // PAGE
                for change in [change for change in self.since if change[0] == page]:
                    apply(self.durable, change)
                self.since = [change for change in self.since if change[0] != page]

    def cut(self, size):
        self.since.append((None, size, None))

    def sync(self):
        for change in self.since:
            apply(self.durable, change)
        self.since = []

    def after_loss(self, random):
        content = bytearray(self.durable)
        share = random.choice([0, 0.1, 0.5, 0.9, 1])
        kept = [change for change in self.since if random.random() < share]
        torn = random.random() < 0.5
        for change in kept:
            if torn and change is kept[-1] and change[0] is not None:
                change = tear(change, random)
            apply(content, change)
        return content


def apply(content, change):
    page, at, data = change
    if page is None:
        del content[at:]
        content.extend(bytes(at - len(content)))
        return
    if len(content) < at:
        content.extend(bytes(at - len(content)))
    content[at:at + len(data)] = data


def tear(change, random):
    """The sectors before some place of a page's write, or those after it."""
    page, at, data = change
    ends = [end for end in range(SECTOR, PAGE, SECTOR) if at % PAGE < end < at % PAGE + len(data)]
    if not ends:
        return change
    end = random.choice(ends) - at % PAGE
    if random.random() < 0.5:
        return page, at, data[:end]
    return page, at + end, data[end:]


class Disk:
    """The folder of a trace, as far as its entries were taken."""

    def __init__(self, root):
        self.root = root
        self.files = {}  # By their number.
        self.names = {}  # Durable: path -> the file's number, or None for a folder.
        self.since = {}  # Folder -> what was done to its names since it was synced.

    def take(self, entry):
        kind = entry[0]
        if kind == "make":
            self.files[entry[1]] = File()
            self.name(entry[2], ("make", entry[2], entry[1]))
        elif kind == "folder":
            self.name(entry[1], ("make", entry[1], None))
        elif kind == "rename":
            self.name(entry[2], entry)
        elif kind == "unlink":
            self.name(entry[1], entry)
        elif kind == "sync" and entry[1] in self.files:
            self.files[entry[1]].sync()
        elif kind == "sync":
            for change in self.since.pop(entry[2], []):
                rename(self.names, change)
        elif kind == "write" and entry[1] in self.files:
            self.files[entry[1]].write(int(entry[2]), entry[5], entry[4] == "1")
        elif kind == "cut" and entry[1] in self.files:
            self.files[entry[1]].cut(int(entry[2]))

    def name(self, path, change):
        folder = os.path.dirname(path)
        if path == self.root:
            rename(self.names, change)
        else:
            self.since.setdefault(folder, []).append(change)

    def write_after_loss(self, target, random):
        """Writes one of the disks that there could be into the folder `target`."""
        names = dict(self.names)
        for changes in self.since.values():
            for change in changes[:random.randint(0, len(changes))]:
                rename(names, change)
        os.mkdir(target, 0o700)
        for path in sorted(names, key=lambda path: path.count("/")):
            if path == self.root:
                continue
            place = target + path[len(self.root):]
            if not os.path.isdir(os.path.dirname(place)):
                continue  # The folder that it was in is not there.
            if names[path] is None:
                os.mkdir(place, 0o700)
                continue
            fd = os.open(place, os.O_WRONLY | os.O_CREAT, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(self.files[names[path]].after_loss(random))


def rename(names, change):
    if change[0] == "make":
        names[change[1]] = change[2]
    elif change[0] == "unlink":
        names.pop(change[1], None)
    elif change[1] in names:
        names[change[2]] = names.pop(change[1])
