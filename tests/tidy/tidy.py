#!/usr/bin/env python3
"""Checks that the tree is in style and layered (docs/ARCHITECTURE.md, docs/TESTING.md).

tidy.py ROOT     prints one `file:line: what` per violation; 1 if there is any.

The rules are the tables below; the code after them only applies them. selftest.py proves that each
rule finds what it is for.
"""

import os
import re
import sys

# ---- The rules ----------------------------------------------------------------------------------

# Which project folders a folder's files may include. The first match from the top decides.
PROJECT = ("schema/", "crypto/", "sync/", "sdk/", "server/", "satchel/")
LOADED = ("schema/catalog/", "schema/model/", "schema/wire/")  # All of it but the compiler.
LAYERS = [
    ("sdk/include/", ("satchel/",)),  # The public face shows nothing of what is behind it.
    ("sdk/cli/", ("sdk/cli/", "satchel/", "sdk/include/")),
    # The generated one has no folder. Text is parsed on servers and in tools, never on a device.
    ("schema/compiler/", ("schema/", "annotations.capnp.h")),
    ("schema/", LOADED + ("annotations.capnp.h",)),
    ("crypto/", LOADED + ("crypto/",)),
    ("sync/", LOADED + ("crypto/", "sync/")),
    ("sdk/codegen/", ("schema/",)),
    ("sdk/", LOADED + ("crypto/", "sync/", "sdk/", "satchel/")),
    ("server/", ("schema/", "crypto/", "sync/", "server/")),
    ("examples/", ("examples/", "satchel/")),
    ("tests/", PROJECT + ("tests/",)),
    ("bench/", PROJECT + ("bench/", "tests/support/")),
]

# Third-party headers by prefix: where they may be included. `.cpp` limits them to sources. First
# match decides.
ANYWHERE = ("schema/", "crypto/", "sync/", "sdk/", "server/", "examples/", "tests/", "bench/")
CHECKS = ("tests/", "bench/", "examples/")
THIRD_PARTY = [
    ("capnp/", ("schema/", "tests/")),
    ("kj/", ("schema/", "tests/")),
    ("openssl/", ("crypto/", "sdk/net/", "server/net/", "tests/", "bench/")),
    ("lmdb.h", ("sync/store/lmdb/", "tests/", "bench/")),
    ("boost/asio/ssl", ("server/net/", "sdk/net/", "tests/", "bench/")),
    ("boost/asio", ("server/net/", "server/http/", "server/app/", "sdk/net/", "tests/", "bench/")),
    ("boost/beast", ("server/net/", "server/http/", "server/app/", "sdk/net/", "tests/", "bench/")),
    ("boost/", ANYWHERE),
    ("CLI/", ("server/ .cpp", "sdk/cli/ .cpp", "examples/ .cpp", "tests/ .cpp", "bench/ .cpp")),
    ("spdlog/", ("server/ .cpp",)),
    ("fmt/", ("server/ .cpp", "sdk/cli/ .cpp", "bench/ .cpp")),
    ("toml++/", ("server/ .cpp", "sdk/cli/ .cpp")),
    ("curl/", ("server/ .cpp", "tests/ .cpp")),
    ("zstd.h", ("schema/wire/ .cpp", "tests/", "bench/")),
    ("utf8proc.h", ("sdk/ .cpp", "server/ .cpp")),
    ("gtest/", ("tests/",)),
    ("gmock/", ("tests/",)),
    ("benchmark/", ("bench/",)),
    ("satchel/", ("sdk/", "examples/", "tests/", "bench/")),
]

# The heart is without I/O: no sockets and no threads below the hosts.
NOT_BELOW_HOSTS = ("thread", "future", "stop_token", "sys/socket.h", "netdb.h", "netinet/in.h",
                   "poll.h", "sys/epoll.h")
BELOW_HOSTS = ("schema/", "crypto/", "sync/")

# The platform's own headers beside the C++ library's, which have no dot.
PLATFORM = re.compile(
    r"^(sys|arpa|netinet|linux|net)/|^(unistd|fcntl|poll|signal|pthread|sched|malloc|dlfcn|dirent|"
    r"stdarg|netdb|termios|pwd|errno|assert|"
    r"stdint|stddef|stdio|stdlib|string|inttypes|time|limits)\.h$")

# What no code may say, and the files that may. The check sees code without comments and strings.
WORDS = [
    (re.compile(r"\bdetached\b"), "detached: spawn it in TaskGroup", ("server/app/satcheld.cpp",)),
    (re.compile(r"\bstd::cerr\b"), "std::cerr: give an Error back, or log", CHECKS),
    (re.compile(r"\bsystem_clock::now\b"), "system_clock::now outside its port",
     ("server/app/system_clock.cpp", "sdk/engine/system_clock.cpp") + CHECKS),
    (re.compile(r"\brandom_device\b"), "random_device outside its port",
     ("crypto/entropy.cpp",) + CHECKS),
]
# `new` is for private constructors, straight into a smart pointer.
RAW_NEW = re.compile(r"\bnew\b(?!\s*\()\s*[A-Za-z_:]")
WRAPPED_NEW = re.compile(r"(unique_ptr|shared_ptr)<[^;{}]*>\s*(\w+\s*)?[({]\s*$")

LINES_MAX = [("tests/", 700), ("sdk/include/", 900), ("", 500)]  # The public contract is one file.
FUNCTION_LINES_MAX = 60
COLUMNS_MAX = 100
# Tables of long sentences: one entry per line reads better than wrapped ones.
LONG_LINES_ALLOWED = ("schema/model/error.def",)

FORBIDDEN_FOLDERS = {"util", "utils", "common", "misc", "helper", "helpers", "support"}
ALLOWED_FOLDERS = ("tests/support",)
TOP_FOLDERS = {"schema", "crypto", "sync", "sdk", "server", "examples", "tests", "bench", "docs",
               "cmake", "scripts", ".ci"}

ERRORS = "schema/model/error.def"
PACKAGES = "scripts/packages.txt"
NOTICES = "docs/THIRD_PARTY.md"
# Used to build and to test, part of nothing.
TOOLS = {"g++", "clang-16", "libclang-rt-16-dev", "llvm-16", "cmake", "ninja-build", "ccache",
         "pkg-config", "git", "python3", "curl", "faketime", "jq", "openssl"}

SKIPPED_FOLDERS = {"build", ".git", ".demo", "__pycache__"}
SOURCES = (".hpp", ".cpp", ".h", ".c")
NARROW = SOURCES + (".py", ".cmake", ".capnp", "CMakeLists.txt")

# ---- Applying them ------------------------------------------------------------------------------

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.M)
NOISE = re.compile(r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|'
                   r"(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'", re.S)
DIRECTIVE = re.compile(r"^[ \t]*#[^\n]*(?:\\\n[^\n]*)*", re.M)
SCOPE = re.compile(r"^\s*(?:template\s*<.*>\s*)?(?:inline\s+|typedef\s+|export\s+)*"
                   r"(?:namespace|class|struct|union|enum|extern\s*\"?)\b", re.S)
TOKEN = re.compile(r"[{};]")
COMMENT = re.compile(r"//|/\*|\*/")
MEMBER = re.compile(r"(?!explicit\b|return\b|using\b|std::function<|void operator\(\))"
                    r"[^/=]*[\w>&*~]\("
                    r"(?!.*= (delete|default);)(?!.*operator=)")
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
ERROR_LINE = re.compile(r'SATCHEL_ERROR\((\w+), (\d+), "(\w*)", (\d+), "(.*)"\)$')


def blank(match):
    """What is no code becomes spaces, so that line numbers stay."""
    text = match.group(0)
    keep = text[0] if text[0] in "\"'" else " "
    return keep + re.sub(r"[^\n]", " ", text[1:-1]) + (keep if len(text) > 1 else "")


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def allowed_at(path, places):
    for place in places:
        folder, _, kind = place.partition(" ")
        if path.startswith(folder) and path.endswith(kind):
            return True
    return False


def include_error(path, name, quoted):
    if quoted:
        for layer, may in LAYERS:
            if path.startswith(layer):
                return None if name.startswith(may) else f'"{name}" is not for {layer}'
        return f'"{name}" is included outside the layers'
    for prefix, places in THIRD_PARTY:
        if name.startswith(prefix):
            if allowed_at(path, places):
                return None
            return f"<{name}> is for {', '.join(places)} alone"
    if name in NOT_BELOW_HOSTS and path.startswith(BELOW_HOSTS):
        return f"<{name}>: no sockets and no threads below the hosts"
    if "." not in name and "/" not in name or PLATFORM.match(name):
        return None
    return f"<{name}> is of no library that the table knows"


def check_includes(path, text):
    for match in INCLUDE.finditer(text):
        what = include_error(path, match.group(1) or match.group(2), bool(match.group(1)))
        if what:
            yield line_of(text, match.start()), what


def check_words(path, code):
    for pattern, what, places in WORDS:
        if not path.startswith(places):
            for match in pattern.finditer(code):
                yield line_of(code, match.start()), what
    if path.endswith((".cpp", ".hpp")):
        for match in RAW_NEW.finditer(code):
            if not WRAPPED_NEW.search(code[max(0, match.start() - 200):match.start()]):
                yield line_of(code, match.start()), "raw new: use make_unique, or wrap it at once"


def check_size(path, text):
    lines = text.splitlines()
    limit = next(most for folder, most in LINES_MAX if path.startswith(folder))
    if path.endswith(SOURCES) and len(lines) > limit:
        yield limit + 1, f"file of {len(lines)} lines, at most {limit}"
    if path not in LONG_LINES_ALLOWED:
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS_MAX:
                yield number, f"line of {len(line)} columns, at most {COLUMNS_MAX}"


def check_functions(code):
    """Finds function bodies by their braces: a `{` in a scope whose head has parameters."""
    stack, head, started = [], 0, None
    for match in TOKEN.finditer(code):
        token, position = match.group(0), match.start()
        if token == ";":
            if not any(kind == "function" for kind, _ in stack):
                head, started = position + 1, None
        elif token == "{":
            if any(kind != "scope" for kind, _ in stack):
                stack.append(("block", position))
                continue
            text = code[head:position]
            has_parameters = ")" in text and not text.rstrip().endswith("=")
            if started is not None or (has_parameters and not SCOPE.match(text)):
                if started is None:
                    started = head + len(text) - len(text.lstrip())
                stack.append(("function", position))
            else:
                stack.append(("scope" if SCOPE.match(text) else "block", position))
                head = position + 1
        elif stack:
            kind, _ = stack.pop()
            if kind == "function":
                rest = code[position + 1:position + 200].lstrip()
                if not rest.startswith((",", "{")):  # Else a brace of the initialiser list.
                    first = line_of(code, started)
                    count = line_of(code, position) - first + 1
                    if count > FUNCTION_LINES_MAX:
                        yield first, f"function of {count} lines, at most {FUNCTION_LINES_MAX}"
                    started = None
            if not any(kind == "function" for kind, _ in stack) and started is None:
                head = position + 1


def check_public(path, text):
    """Every public function of the SDK's headers has a comment."""
    lines = text.splitlines()
    if path.endswith(".h"):
        for number, line in enumerate(lines, 1):
            if line.startswith("SATCHEL_API") and not commented(lines, number):
                yield number, "public function without a comment"
        return
    access = []  # One entry per open class: its indentation, and whether its members may be called.
    for number, line in enumerate(lines, 1):
        bare = line.strip()
        indent = len(line) - len(bare)
        if re.match(r"(class|struct)\s.*\{$", bare):
            access.append([indent, bare.startswith("struct")])
        elif access and bare in ("public:", "private:", "protected:"):
            access[-1][1] = bare == "public:"
        elif access and bare.startswith("};") and indent <= access[-1][0]:
            access.pop()
        elif access and indent == access[-1][0] + 2 and MEMBER.match(bare):
            if not all(public for _, public in access):
                continue
            if not commented(lines, number) and not wraps(lines, number):
                yield number, "public function without a comment"


def wraps(lines, number):
    """A constructor or accessor of one line, which its class speaks for; or an inline function over
    a C function, which has its comment in satchel.h."""
    bare = lines[number - 1].strip()
    if re.match(r"~?[A-Z]\w*\(", bare) or re.search(r"\{ return [^;]*; \}$", bare):
        return True
    for line in lines[number - 1:number + 11]:
        if re.search(r"\bsatchel_\w+\(", line):
            return True
        if line.strip() == "}" or line.rstrip().endswith("; }"):
            return False
    return False


def commented(lines, number):
    """A comment on the line, or above it in the block of lines that it stands in."""
    if COMMENT.search(lines[number - 1]):
        return True
    above = number - 2
    while above >= 0 and lines[above].strip():
        if COMMENT.search(lines[above]):
            return True
        if lines[above].strip().endswith(":") or lines[above].rstrip().endswith("{"):
            return False
        above -= 1
    return False


def check_errors(text):
    seen = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("SATCHEL_ERROR("):
            continue
        match = ERROR_LINE.match(line)
        if not match:
            yield number, 'write SATCHEL_ERROR(kName, number, "wire_name", exit status, "sentence")'
            continue
        name, code, wire, _, sentence = match.groups()
        if len(sentence.split()) < 3 or not sentence.endswith("."):
            yield number, f"{name} has no sentence"
        for what, value in (("name", name), ("number", code), ("wire name", wire)):
            if (what, value) in seen:
                yield number, f"{what} {value} is taken by line {seen[what, value]}"
            seen[what, value] = number


def check_links(path, text, exists):
    folder = os.path.dirname(path)
    for match in LINK.finditer(text):
        target = match.group(1)
        if "://" not in target and not exists(os.path.normpath(os.path.join(folder, target))):
            yield line_of(text, match.start()), f"link to {target}, which is not there"


def check_notices(packages, notices):
    for number, line in enumerate(packages.splitlines(), 1):
        name = line.strip()
        if name and not name.startswith("#") and name not in TOOLS and f"`{name}`" not in notices:
            yield number, f"{name} has no licence note in {NOTICES}"


def check_folder(path):
    folder = os.path.dirname(path)
    if folder.split("/")[0] not in TOP_FOLDERS and folder:
        return f"{folder.split('/')[0]}/ is no folder of the architecture"
    if FORBIDDEN_FOLDERS & set(folder.split("/")) and not folder.startswith(ALLOWED_FOLDERS):
        return "a folder is named after what it answers, not util, common, misc, helpers or support"
    return None


def check_file(path, text, exists=os.path.exists):
    """All findings of one file as (line, what)."""
    what = check_folder(path)
    if what:
        yield 1, what
    if path.endswith(SOURCES):
        code = DIRECTIVE.sub(blank, NOISE.sub(blank, text))
        yield from check_includes(path, text)
        yield from check_words(path, code)
        yield from check_functions(code)
        if path.startswith("sdk/include/"):
            yield from check_public(path, text)
    if path.endswith(NARROW) or path.startswith("scripts/"):
        yield from check_size(path, text)
    if path == ERRORS:
        yield from check_errors(text)
    if path.endswith(".md"):
        yield from check_links(path, text, exists)


def files_of(root):
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name not in SKIPPED_FOLDERS)
        for name in sorted(files):
            yield os.path.relpath(os.path.join(folder, name), root)


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    findings, texts = [], {}
    for path in files_of(root):
        try:
            with open(os.path.join(root, path), encoding="utf-8") as file:
                texts[path] = file.read()
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # Not text; or an editor's file that has gone since.
    for path, text in texts.items():
        in_root = lambda name: os.path.exists(os.path.join(root, name))
        findings += [(path, line, what) for line, what in check_file(path, text, in_root)]
    findings += [(PACKAGES, line, what)
                 for line, what in check_notices(texts.get(PACKAGES, ""), texts.get(NOTICES, ""))]
    for path, line, what in findings:
        print(f"{path}:{line}: {what}")
    if not any(path.endswith(SOURCES) for path in texts):
        print(f"{root}: no sources found")
        return 1
    print(f"{len(texts)} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
