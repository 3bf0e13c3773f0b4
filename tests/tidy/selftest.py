#!/usr/bin/env python3
"""Each rule of tidy.py finds what it is for, and nothing in what is in order."""

import sys
import unittest

import named_tests
import tidy

BODY = "  step();\n"


def found(path, text, exists=lambda name: True):
    return [what for _, what in tidy.check_file(path, text, exists)]


def function(lines, head="int f(int a) {\n"):
    """A function of so many lines."""
    return head + BODY * (lines - head.count("\n") - 1) + "}\n"


class Includes(unittest.TestCase):
    def refused(self, path, line):
        self.assertEqual(len(found(path, f"#include {line}\n")), 1, f"{path}: {line}")

    def accepted(self, path, line):
        self.assertEqual(found(path, f"#include {line}\n"), [], f"{path}: {line}")

    def test_layers_point_downwards_only(self):
        self.accepted("sync/hub/hub.cpp", '"crypto/aead.hpp"')
        self.accepted("sdk/engine/core.cpp", '"sync/edge/edge.hpp"')
        for path, line in [
            ("schema/model/a.hpp", '"crypto/aead.hpp"'), ("crypto/a.cpp", '"sync/clock/dot.hpp"'),
            ("sync/a.cpp", '"server/app/init.hpp"'), ("sync/a.cpp", '"sdk/engine/core.hpp"'),
            ("server/a.cpp", '"sdk/engine/core.hpp"'),
            ("sdk/engine/a.cpp", '"server/app/init.hpp"'),
            ("sdk/cli/a.cpp", '"sync/edge/edge.hpp"'), ("examples/a.cpp", '"sdk/engine/core.hpp"'),
            ("server/a.cpp", '"tests/support/seeds.hpp"'), ("sync/a.cpp", '"hub.hpp"'),
            ("sdk/include/satchel/satchel.hpp", '"schema/model/ids.hpp"'),
        ]:
            self.refused(path, line)

    def test_third_parties_stay_in_their_folders(self):
        for path, line in [
            ("schema/wire/a.cpp", "<capnp/message.h>"),
            ("sdk/net/a.cpp", "<boost/asio/ssl/stream.hpp>"),
            ("server/net/a.hpp", "<openssl/ssl.h>"), ("sync/store/lmdb/a.cpp", "<lmdb.h>"),
            ("server/app/satcheld.cpp", "<CLI/CLI.hpp>"),
            ("sync/a.hpp", "<boost/container/flat_map.hpp>"),
        ]:
            self.accepted(path, line)
        for path, line in [
            ("sync/a.cpp", "<capnp/message.h>"), ("crypto/a.cpp", "<kj/exception.h>"),
            ("sync/a.cpp", "<openssl/evp.h>"), ("server/app/a.cpp", "<openssl/ssl.h>"),
            ("sync/store/a.cpp", "<lmdb.h>"), ("sdk/engine/a.cpp", "<boost/asio/post.hpp>"),
            ("server/app/a.cpp", "<boost/asio/ssl/context.hpp>"),
            ("sync/a.cpp", "<boost/beast/core.hpp>"),
            ("server/app/log.hpp", "<spdlog/spdlog.h>"), ("server/app/a.hpp", "<CLI/CLI.hpp>"),
            ("sync/a.cpp", "<gtest/gtest.h>"), ("sync/a.cpp", "<nobody/knows.hpp>"),
        ]:
            self.refused(path, line)

    def test_the_heart_has_no_threads_and_no_sockets(self):
        self.accepted("server/app/writer.hpp", "<thread>")
        self.accepted("sync/store/lmdb/folder.cpp", "<sys/stat.h>")
        self.refused("sync/hub/hub.cpp", "<thread>")
        self.refused("sync/session/a.cpp", "<sys/socket.h>")


class Words(unittest.TestCase):
    def test_banned_words_are_found_in_code(self):
        for line in ["co_spawn(io, run(), net::detached);", "std::cerr << 1;",
                     "auto t = std::chrono::system_clock::now();", "std::random_device d;",
                     "auto* p = new Thing{1};", "shared = make(new Thing);"]:
            self.assertEqual(len(found("sync/a.cpp", f"void f() {{ {line} }}\n")), 1, line)

    def test_comments_strings_and_ports_are_left_alone(self):
        for path, line in [
            ("sync/a.cpp", "// std::cerr and new Thing\n"), ("sync/a.cpp", "/* detached */\n"),
            ("sync/a.cpp", 'auto s = "new Thing std::cerr";\n'),
            ("sync/a.cpp", 'auto s = R"(new Thing)";\n'),
            ("sync/a.cpp", "bool detached_ = false;\n"),
            ("sync/a.cpp", "char c = '\"'; // new Thing\n"),
            ("sync/a.cpp", "auto n = 1'000'000; int m = 2'000;\n"),
            ("server/app/system_clock.cpp", "auto t = std::chrono::system_clock::now();\n"),
            ("sync/a.cpp", "std::unique_ptr<Hub> hub{new Hub(1)};\n"),
            ("sync/a.cpp", "return std::unique_ptr<Hub>{\n    new Hub{1}};\n"),
        ]:
            self.assertEqual(found(path, line), [], line)


class Sizes(unittest.TestCase):
    def test_lines_and_files(self):
        self.assertEqual(found("sync/a.cpp", "x" * 100 + "\n"), [])
        self.assertEqual(len(found("sync/a.cpp", "x" * 101 + "\n")), 1)
        self.assertEqual(len(found("sync/a.cpp", "//\n" * 501)), 1)
        self.assertEqual(found("sync/a.cpp", "//\n" * 500), [])
        self.assertEqual(found("tests/unit/a.cpp", "//\n" * 700), [])
        self.assertEqual(len(found("tests/unit/a.cpp", "//\n" * 701)), 1)

    def test_functions_of_every_form(self):
        heads = ["int f(int a) {\n", "int f(int a,\n      int b) {\n",
                 "Status Hub::put(const User& user) const {\n",
                 "Hub::Hub(Parts parts) : parts_(std::move(parts)), seq_{0} {\n",
                 "TEST(Hub, KeepsWhatItTook) {\n",
                 "template <class T>\nT f(T a) noexcept {\n", "class A {\n  int f() const {\n"]
        for head in heads:
            closing = "};\n" if head.startswith("class") else ""
            extra = 1 if closing else 0
            self.assertEqual(found("sync/a.cpp", function(60 + extra, head) + closing), [], head)
            long = function(61 + extra, head) + closing
            self.assertEqual(len(found("sync/a.cpp", long)), 1, head)
            inside = "namespace a {\n" + long + "}\n"
            self.assertEqual(len(found("sync/a.cpp", inside)), 1, head)

    def test_two_short_functions_and_a_long_class_are_in_order(self):
        self.assertEqual(found("sync/a.cpp", function(40) + function(40)), [])
        self.assertEqual(found("sync/a.hpp", "class A {\n" + "  int a();\n" * 80 + "};\n"), [])
        table = "constexpr int table[] = {\n" + "  1,\n" * 80 + "};\n"
        self.assertEqual(found("sync/a.cpp", table), [])
        self.assertEqual(len(found("sync/a.cpp", table + function(61))), 1)


class PublicFace(unittest.TestCase):
    def test_a_c_function_needs_a_comment(self):
        path = "sdk/include/satchel/satchel.h"
        self.assertEqual(found(path, "/* Says what. */\nSATCHEL_API int f(void);\n"), [])
        self.assertEqual(len(found(path, "/* A. */\n\nSATCHEL_API int f(void);\n")), 1)
        two = "SATCHEL_API int f(void);\nSATCHEL_API int g(void);\n"
        self.assertEqual(found(path, "/* Both. */\n" + two), [])
        self.assertEqual(len(found(path, two)), 2)
        self.assertEqual(len(found(path, "/* A. */\nint a;\n\nSATCHEL_API int f(void);\n")), 1)

    def test_a_member_function_needs_a_comment(self):
        path = "sdk/include/satchel/satchel.hpp"
        head = "class A {\n public:\n"
        self.assertEqual(found(path, head + "  // Says what.\n  int f();\n};\n"), [])
        self.assertEqual(found(path, head + "  int f();  // Says what.\n};\n"), [])
        self.assertEqual(found(path, head + "  A(A&&) = default;\n};\n"), [])
        self.assertEqual(found(path, "class A {\n private:\n  int f();\n};\n"), [])
        self.assertEqual(len(found(path, head + "  int f();\n};\n")), 1)
        self.assertEqual(len(found(path, "struct A {\n  int f();\n};\n")), 1)
        self.assertEqual(found(path, head + "  int f() const { return f_; }\n};\n"), [])
        inline = head + "  int f() {\n    return %s(1);\n  }\n  int g() {\n    return 2;\n  }\n};\n"
        self.assertEqual(len(found(path, inline % "satchel_f")), 1)
        self.assertEqual(len(found(path, inline % "other")), 2)


class Tables(unittest.TestCase):
    def test_errors_are_numbered_once_and_say_something(self):
        good = 'SATCHEL_ERROR(kA, 1, "a", 1, "This went wrong.")\n'
        for bad in ['SATCHEL_ERROR(kB, 1, "b", 1, "This went wrong.")\n',
                    'SATCHEL_ERROR(kB, 2, "b", 1, "")\n',
                    'SATCHEL_ERROR(kB, 2, "a", 1, "This went wrong.")\n',
                    'SATCHEL_ERROR(kB, 2, "b", 1)\n',
                    'SATCHEL_ERROR(kA, 2, "b", 1, "This went wrong.")\n']:
            self.assertEqual(len(list(tidy.check_errors(good + bad))), 1, bad)
        self.assertEqual(list(tidy.check_errors(good)), [])

    def test_tests_that_documents_name_are_there(self):
        names, scripts = {("Frames", "AreRead")}, {"device.sh"}
        text = "`Frames.AreRead` `...AreLost` `Frames.*` `Nobody.Is` `Nobody.*` `device.sh` `no.sh`"
        self.assertEqual(list(named_tests.missing_in(text, names, scripts)),
                         ["...AreLost", "Nobody.Is", "Nobody.*", "no.sh"])

    def test_folders(self):
        for path in ["sync/util/a.cpp", "server/common/a.cpp", "sdk/support/a.hpp",
                     "tests/helpers/a.cpp", "lib/a.cpp"]:
            self.assertEqual(len([w for w in found(path, "\n") if "folder" in w]), 1, path)
        self.assertEqual(found("tests/support/seeds.hpp", "#pragma once\n"), [])

    def test_links_lead_somewhere(self):
        self.assertEqual(len(found("docs/A.md", "[b](B.md)", lambda name: False)), 1)
        links = "[b](B.md#part) [c](#here)"
        self.assertEqual(found("docs/A.md", links, lambda name: name == "docs/B.md"), [])

    def test_every_library_has_a_licence_note(self):
        packages = "# Comment\ng++\nliblmdb-dev\n"
        self.assertEqual(len(list(tidy.check_notices(packages, "nothing"))), 1)
        self.assertEqual(list(tidy.check_notices(packages, "| `liblmdb-dev` | OpenLDAP |")), [])


if __name__ == "__main__":
    sys.exit(unittest.main())
