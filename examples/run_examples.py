#!/usr/bin/env python3
"""Runs the example programs against a server of their own, and checks what the documents show.

    run_examples.py --bin FOLDER
"""

import argparse
import json
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import world  # noqa: E402


def check(holds, what):
    if not holds:
        raise world.Failed(what)
    print(f"ok: {what}", flush=True)


def run_programs(bin_folder, folder):
    with world.World(bin_folder, folder) as demo:
        demo.server.ctl("user", "create", "ann", "--role", "rep")
        ann = world.Home(bin_folder, folder / "ann")
        programs = pathlib.Path(bin_folder)
        printed = world.run([programs / "first_write", ann.folder,
                             demo.server.enrolment_code("ann")]).splitlines()
        account = json.loads(printed[0])
        check(account["fields"]["name"] == "Harbour Foods", "first_write reads what it wrote")
        check(json.loads(printed[1])["pushed"] == 1, "first_write pushes one commit")
        printed = world.run([programs / "c_api", ann.folder])
        check(json.loads(printed)["shown"] == "Buyer", "c_api explains the field it wrote")
        other = second_device(demo, bin_folder, folder)
        printed = world.run([programs / "live_query", other.folder, "contacts",
                             'jobTitle = "Buyer"', "1"])
        check('"inserted"' in printed, "live_query sees the contact arrive on another device")
        ann.run("sync")
        check(ann.dump() == other.dump() == demo.server.dump(), "all copies are the same")


def second_device(demo, bin_folder, folder):
    other = world.Home(bin_folder, folder / "tablet")
    other.run("enroll", demo.server.enrolment_code("ann"), "--name", "tablet")
    return other


def check_readme():
    """The README shows lines of first_write.cpp, and no others."""
    source = (HERE / "first_write.cpp").read_text(encoding="utf-8").splitlines()
    begin = next(i for i, line in enumerate(source) if "The README shows these lines." in line)
    end = next(i for i, line in enumerate(source) if "To here." in line)
    wanted = "\n".join(line.removeprefix("  ") for line in source[begin + 1:end])
    readme = (HERE.parent / "README.md").read_text(encoding="utf-8")
    check(f"```cpp\n{wanted}\n```" in readme, "the README's C++ is that of first_write.cpp")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    options = parser.parse_args()
    try:
        check_readme()
        with tempfile.TemporaryDirectory(prefix="satchel-examples-") as folder:
            run_programs(pathlib.Path(options.bin).resolve(), pathlib.Path(folder))
        return 0
    except world.Failed as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
